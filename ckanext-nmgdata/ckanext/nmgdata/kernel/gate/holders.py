"""Who holds a grant: the person it was given to, and those whom they named for their organisation.

``HOLDS`` is the rule; the gate's query and the lists of grants both read it.
"""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from .model import Grant, GrantMember

HOLDS = """(
    {grant}.holder_id = :user_id OR {grant}.id IN (
        SELECT m.grant_id FROM nmgdata_grant_member m WHERE m.user_id = :user_id
    )
)"""
"""Condition on a grant for the person ``:user_id``; of nobody (NULL) it is never true."""


def held_by(user_id: str | None) -> sa.ColumnElement[bool]:
    """Return the condition on ``Grant`` that somebody holds it."""
    rule = sa.text(HOLDS.format(grant="nmgdata_grant")).bindparams(user_id=user_id)
    return sa.literal_column("TRUE") & rule


def members_of(case_id: str) -> list[str]:
    """Return the accounts that were named to use the grant of a case."""
    query = sa.select(GrantMember.user_id).join(Grant, Grant.id == GrantMember.grant_id)
    return list(model.Session.scalars(query.where(Grant.case_id == case_id).order_by(GrantMember.user_id)))


def grant_of(case_id: str, user_id: str | None) -> str | None:
    """Return the grant of a case that somebody holds, or is named to use."""
    query = sa.select(Grant.id).where(Grant.case_id == case_id, held_by(user_id))
    return model.Session.scalar(query) if user_id else None
