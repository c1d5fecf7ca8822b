"""Write datasets to the portal whose CKAN is loaded: rows, audit events, index documents."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC
from functools import cache, cached_property
from typing import Any
from unittest import mock

from . import inside, invent, rows


class Filler:
    """Writes datasets to the portal whose CKAN is loaded."""

    def __init__(self, plain: bool) -> None:
        """Read what the rows refer to; the organisations must exist."""
        from ckan import model

        self.plain = plain
        self.engine = model.ensure_engine()
        self.setting = rows.Setting(
            root=os.environ["CKAN_SITE_URL"].rstrip("/"),
            creator=inside.site_user()["id"],
            organisations=organisations_by_name(),
            licences={key: licence(one) for key, one in model.Package.get_license_register().items()},
            plain=plain,
        )

    def write(self, numbered: Sequence[tuple[int, invent.Record]]) -> list[tuple[rows.Row, rows.Row]]:
        """Insert the rows of datasets; return what package_show says of them."""
        made = [(rows.rows(number, record, self.setting), record) for number, record in numbered]
        with self.engine.begin() as connection:
            for name in made[0][0]:
                found = [row for tables, _record in made for row in tables[name]]
                if found:
                    connection.execute(self.table(name).insert(), found)
            if not self.plain:
                self.seal(connection, [tables["package"][0] for tables, _record in made])
        return [rows.shown(tables, record, self.setting) for tables, record in made]

    @cached_property
    def tables(self) -> dict[str, Any]:
        """Return the tables by name, as the database has them."""
        import sqlalchemy as sa
        from sqlalchemy.exc import SAWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)
            metadata = sa.MetaData()
            metadata.reflect(self.engine)
        return dict(metadata.tables)

    def table(self, name: str) -> Any:
        """Return one table."""
        return self.tables[name]

    def seal(self, connection: Any, packages: Sequence[rows.Row]) -> None:
        """Add the publication of each dataset to the audit chain, and the last serial numbers."""
        from sqlalchemy.dialects.postgresql import insert

        events = [
            {
                "at": package["metadata_created"].replace(tzinfo=UTC), "verb": "dataset.published",
                "actor_kind": "person", "actor_id": self.setting.creator, "subject_type": "dataset",
                "subject_id": package["id"], "case_id": None,
                "detail": {"class": package["extras"]["open_class"]}, "commitment": None,
            }
            for package in packages
        ]  # fmt: skip
        append_events(connection, events)
        serials = [{"series": f"code-{key}", "last": last} for key, last in self.setting.serials.items()]
        adding = insert(self.table("nmgdata_serial"))
        adding = adding.on_conflict_do_update(index_elements=["series"], set_={"last": adding.excluded.last})
        connection.execute(adding, serials)
        self.publish(connection, [package["id"] for package in packages])

    def publish(self, connection: Any, ids: Sequence[str]) -> None:
        """Add the datasets to the change feed, as their publication would."""
        from ckanext.nmgdata.kernel.changes import log
        from ckanext.nmgdata.kernel.changes.model import Cause
        from sqlalchemy.orm import Session

        with Session(connection) as session:
            log.write(session, [(dataset_id, Cause.PUBLISHED) for dataset_id in ids])
            session.commit()  # of the session only: the connection's transaction goes on

    @cached_property
    def lineage(self) -> Any:
        """Return our indexer's question for an organisation's parents, with a memory."""
        from ckanext.nmgdata.catalog import search

        return cache(search.organization_lineage)

    @property
    def shortcuts(self) -> ExitStack:
        """Let our indexer remember organisations and know that nothing was downloaded yet."""
        patches = ExitStack()
        if not self.plain:
            search = "ckanext.nmgdata.catalog.search.organization_lineage"
            patches.enter_context(mock.patch(search, self.lineage))
            counts = "ckanext.nmgdata.kernel.gate.counts"
            patches.enter_context(mock.patch(f"{counts}.downloads_of", return_value=0))
        return patches

    def documents(self, shown: Sequence[tuple[rows.Row, rows.Row]]) -> list[dict[str, Any]]:
        """Return the documents that CKAN's indexer makes of datasets, without asking for each apart."""
        import sqlalchemy as sa
        from ckan import model
        from ckan.lib.search.index import PackageSearchIndex

        ids = [stock["id"] for stock, _own in shown]
        held = model.Session.scalars(sa.select(model.Package).where(model.Package.id.in_(ids))).all()
        solr = mock.Mock()
        found: list[dict[str, Any]] = []
        solr.add = lambda docs, commit: found.extend(docs)
        with self.shortcuts, mock.patch("ckan.lib.search.index.make_connection", return_value=solr):
            for stock, own in shown:
                PackageSearchIndex().index_package({**stock, "with_custom_schema": own}, defer_commit=True)
        del held
        model.Session.rollback()
        model.Session.expunge_all()
        return found


def append_events(connection: Any, events: Sequence[rows.Row]) -> None:
    """Append events to the audit chain as the kernel would seal them, in one statement."""
    import sqlalchemy as sa
    from ckanext.nmgdata.kernel.audit import chain
    from ckanext.nmgdata.kernel.audit.model import AuditEvent

    head = connection.execute(sa.text("SELECT seq, hash FROM nmgdata_audit_head FOR UPDATE")).one()
    seq, last = head.seq, head.hash
    sealed = []
    for event in events:
        seq += 1
        row = {**event, "seq": seq, "algorithm": "sha256", "prev_hash": last}
        last = row["hash"] = chain.digest(row)
        sealed.append(row)
    connection.execute(sa.insert(AuditEvent), sealed)
    connection.execute(
        sa.text("UPDATE nmgdata_audit_head SET seq = :seq, hash = :hash, at = :at"),
        {"seq": seq, "hash": last, "at": sealed[-1]["at"]},
    )


def licence(one: Any) -> rows.Row:
    """Return what package_show says about a licence."""
    found = {"license_title": one.title, "isopen": one.isopen()}
    return {**found, "license_url": one.url} if one.url else found


def organisations_by_name() -> dict[str, rows.Row]:
    """Return the organisations as package_show shows them, with the number of each department."""
    import sqlalchemy as sa
    from ckan import model

    shown = ("id", "name", "title", "type", "description", "image_url", "is_organization",
             "approval_status", "state")  # fmt: skip
    found = {}
    group: Any
    for group in model.Session.scalars(sa.select(model.Group).where(model.Group.is_organization.is_(True))):
        found[group.name] = {
            **{key: getattr(group, key) for key in shown},
            "created": group.created.isoformat(),
            "department_number": (group.extras or {}).get("department_number", "000"),
        }
    return found


def vacuum() -> None:
    """Bring the database's statistics up to date."""
    import sqlalchemy as sa
    from ckan import model

    with model.ensure_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
