"""Whom a closing of access reaches: the person, and everybody of the same organisation (R50, R-SUSP-02).

An account belongs to the organisation whose unified social credit code it was registered with, so
that a closing also meets accounts that are made later. ``REACHES`` is the rule; the gate's query
and ``reaching`` both read it.
"""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from .model import Closure

REACHES = """(
    c.lifted_at IS NULL AND (
        c.holder_id = :user_id
        OR c.credit_code = (
            SELECT u.plugin_extras #>> '{nmgdata,credit_code}' FROM "user" u WHERE u.id = :user_id
        )
    )
)"""
"""Condition on a closure ``c`` for the person ``:user_id``; of nobody (NULL) it is never true."""
QUERY = sa.text(
    f"""
    SELECT c.id FROM nmgdata_closure c
    WHERE c.dataset_id = :dataset_id
      AND ({REACHES} OR c.credit_code = :credit_code AND c.lifted_at IS NULL)
    ORDER BY c.since, c.id LIMIT 1
    """
)


def reaching(dataset_id: str, user_id: str | None, credit_code: str | None = None) -> Closure | None:
    """Return the oldest live closing of a dataset that reaches a person; None when none does.

    :param credit_code: code of an organisation for which the person acts just now, as an application
        states it; what the account was registered with counts anyway
    """
    wanted = {"dataset_id": dataset_id, "user_id": user_id, "credit_code": credit_code}
    found = model.Session.scalar(QUERY, wanted)
    return model.Session.get(Closure, found) if found else None


def others_of(case_id: str) -> list[str]:
    """Return the accounts that a case keeps, or kept, from data besides the one it is about."""
    query = sa.text(
        """
        SELECT DISTINCT u.id FROM nmgdata_closure c JOIN nmgdata_case k ON k.id = c.case_id, "user" u
        WHERE c.case_id = :case_id AND u.id IS DISTINCT FROM k.filer_id AND u.state = 'active'
          AND (u.id = c.holder_id OR u.plugin_extras #>> '{nmgdata,credit_code}' = c.credit_code)
        ORDER BY u.id
        """
    )
    return list(model.Session.scalars(query, {"case_id": case_id}))


def code_of(user_id: str) -> str | None:
    """Return the credit code an account was registered with."""
    user = model.Session.get(model.User, user_id)
    return ((user.plugin_extras or {}).get("nmgdata") or {}).get("credit_code") if user else None
