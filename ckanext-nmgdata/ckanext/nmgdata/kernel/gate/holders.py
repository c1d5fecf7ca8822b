"""Who holds a grant: the person it was given to, and those whom they named for their organisation.

``HOLDS`` is the rule; the gate's query and the lists of grants both read it.
"""

from __future__ import annotations

import sqlalchemy as sa

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
