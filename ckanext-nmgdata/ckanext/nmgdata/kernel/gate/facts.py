"""Everything a decision about a resource rests on, read by one query on primary keys and indexes.

The class is read from the dataset's own row, never from Solr, a cache or a second copy, so that
it cannot be out of date (docs/adr/0005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import Session

from .. import clock
from ..actors import Actor, Role
from .closures import REACHES
from .holders import HOLDS
from .model import HELD, PENDING, ROWS, SUSPENDED, WITHDRAWN


@dataclass(frozen=True)
class GrantFact:
    """One grant of the person who asks, as far as it reaches this resource."""

    id: str
    case_id: str
    valid_from: date
    valid_until: date
    accepted: bool
    ended: bool
    reaches: bool
    """Whether this resource is in its scope; False for another file of the same dataset."""
    fields: tuple[str, ...] | None = None
    row_filter: tuple[tuple[str, tuple[str, ...]], ...] | None = None

    @property
    def limited(self) -> bool:
        """Say whether only some fields or rows are granted; such a grant opens no whole file."""
        return self.fields is not None or self.row_filter is not None


@dataclass(frozen=True)
class Facts:
    """What the gate knows about one resource and one person."""

    resource_id: str
    dataset_id: str
    owner_org: str | None
    open_class: str | None
    url_type: str | None
    private: bool = False
    origin: str | None = None
    stop: str | None = None
    """``suspended``, ``withdrawn`` or None."""
    stop_case: str | None = None
    """Public number of the case behind the stop."""
    stop_since: datetime | None = None
    closed: str | None = None
    """Id of the case that closes this person's access to the dataset (R50)."""
    grants: tuple[GrantFact, ...] = ()
    """The newest first: who was granted more, or for longer, uses that."""
    screening: str | None = None
    """State of the screening (R-SEC-14) of an uploaded file, or of a table that was opened with its rows.

    None for links, which are not ours to scan, and for tables whose every row was checked when written."""
    is_tabular: bool = False
    """Whether the rows lie in the DataStore, so that a part of them can be handed out."""
    is_editor: bool = False
    is_handler: bool = False
    may_override: bool = False
    """Whether this person oversees these data (an auditor of their region) or operates the portal."""
    override_until: datetime | None = None
    """Until when this person has an override for this resource; one from the future (the clock was set back)
    does not count."""


OF_PERSON = {
    "operates": """EXISTS (
               SELECT FROM "user" u WHERE u.id = :user_id AND u.sysadmin AND u.state = 'active'
                 AND CAST(:token_of AS text) IS NULL
           )""",
    "override_until": """(
               SELECT max(v.until) FROM nmgdata_override v
               WHERE v.holder_id = :user_id AND v.resource_id = r.id AND v.since <= :now
                 AND CAST(:token_of AS text) IS NULL
           )""",
    "closed": f"""(
               SELECT c.case_id FROM nmgdata_closure c WHERE c.dataset_id = p.id AND {REACHES}
               ORDER BY c.since, c.id LIMIT 1
           )""",
    "held": f"""(
               SELECT json_agg(json_build_object(
                   'id', g.id, 'case_id', g.case_id, 'valid_from', g.valid_from,
                   'valid_until', g.valid_until, 'accepted', g.accepted_at IS NOT NULL,
                   'ended', g.ended_at IS NOT NULL,
                   'reaches', sc.resource_id IS NULL OR sc.resource_id = r.id,
                   'fields', sc.fields, 'row_filter', sc.row_filter
               ) ORDER BY g.created_at DESC, g.id)
               FROM nmgdata_grant_scope sc JOIN nmgdata_grant g ON g.id = sc.grant_id
               WHERE sc.dataset_id = p.id AND {HOLDS.format(grant="g")}
                 AND (CAST(:token_of AS text) IS NULL OR g.id = :token_of)
           )""",
}
"""What the facts hold of the person ``:user_id``."""
OF_NOBODY = {"operates": "FALSE", "override_until": "NULL", "closed": "NULL", "held": "NULL"}
"""The same of who has no account. Each rule above says so of nobody (NULL) too; PostgreSQL takes longer to
plan the tables of all of them than to answer everything else, and most who ask are nobody."""


def statement(of: Mapping[str, str]) -> sa.TextClause:
    """Return the query, with what it holds of who asks."""
    return sa.text(
        f"""
        SELECT r.id AS resource_id, r.package_id AS dataset_id, r.url_type, p.owner_org,
               p.extras ->> 'open_class' AS open_class, p.private, o.url AS origin,
               p.extras ->> 'region_code' AS region_code,
               stop.kind AS stop, stop.case_number AS stop_case, stop.since AS stop_since,
               stop.office AS stop_office,
               {", ".join(f"{expression} AS {name}" for name, expression in of.items())},
               CASE WHEN screening.version = present.version THEN screening.state
                    WHEN r.url_type = 'upload' OR screening.version IS NOT NULL THEN :pending
               END AS screening,
               tabular.active AS is_tabular
        FROM resource r
        JOIN package p ON p.id = r.package_id
        LEFT JOIN nmgdata_origin o ON o.resource_id = r.id
        CROSS JOIN LATERAL (
            SELECT coalesce(nullif(r.extras, '')::json ->> 'datastore_active' = 'true', false) AS active
        ) tabular
        CROSS JOIN LATERAL (
            SELECT CASE WHEN r.url_type = 'upload' THEN coalesce(r.last_modified::text, '') ELSE :rows END
                AS version
        ) present
        LEFT JOIN nmgdata_screening screening
            ON screening.resource_id = r.id AND (r.url_type = 'upload' OR tabular.active)
        LEFT JOIN LATERAL (
            SELECT s.kind, s.case_number, s.since,
                   (SELECT c.org_id FROM nmgdata_case c WHERE c.id = s.case_id) AS office
            FROM nmgdata_suspension s
            WHERE s.dataset_id = p.id AND s.lifted_at IS NULL
              AND (s.resource_id IS NULL OR s.resource_id = r.id)
            ORDER BY s.kind = :withdrawn DESC, s.since
            LIMIT 1
        ) stop ON TRUE
        WHERE r.id = :resource_id
          AND ((r.state = 'active' AND p.state = 'active') OR stop.kind = :withdrawn)
        """
    )


QUERY, PUBLIC_QUERY = statement(OF_PERSON), statement(OF_NOBODY)


def query_for(actor: Actor) -> sa.TextClause:
    """Return the query that reads the facts for who asks."""
    return QUERY if actor.user_id else PUBLIC_QUERY


def asked(resource_id: str, actor: Actor) -> dict[str, Any]:
    """Return what the query asks for a resource and a person."""
    return {
        "resource_id": resource_id,
        "user_id": actor.user_id,
        "token_of": actor.grant_id,
        "withdrawn": WITHDRAWN,
        "pending": PENDING,
        "rows": ROWS,
        "now": clock.now(),
    }


BESIDE = ("held", "operates", "region_code", "stop_office")
"""What the query says and the facts do not hold as it stands."""


def read(resource_id: str, actor: Actor, session: Session | None = None) -> Facts | None:
    """Return the facts about a resource for a person; None when there is no such active resource.

    What was withdrawn stays known to the gate when it is deleted later, so that it is still said why.
    """
    row = (session or model.Session()).execute(query_for(actor), asked(resource_id, actor)).mappings().first()
    if row is None:
        return None
    values = {name: row[name] for name in row if name not in BESIDE}
    verifier = row["stop_office"] if row["stop"] else row["owner_org"]
    return Facts(
        **values,
        may_override=row["operates"] or actor.covers(Role.AUDITOR, row["region_code"]),
        grants=tuple(grant(held) for held in row["held"] or ()),
        is_editor=actor.has(Role.EDITOR, row["owner_org"]),
        is_handler=(row["stop"] == SUSPENDED or row["screening"] == HELD)
        and actor.has(Role.REVIEWER, verifier),
    )


def grant(held: dict) -> GrantFact:
    """Return one grant of the query's JSON."""
    rows = held["row_filter"]
    return GrantFact(
        id=held["id"],
        case_id=held["case_id"],
        valid_from=date.fromisoformat(held["valid_from"]),
        valid_until=date.fromisoformat(held["valid_until"]),
        accepted=held["accepted"],
        ended=held["ended"],
        reaches=held["reaches"],
        fields=None if held["fields"] is None else tuple(held["fields"]),
        row_filter=None if rows is None else tuple((k, tuple(v)) for k, v in sorted(rows.items())),
    )
