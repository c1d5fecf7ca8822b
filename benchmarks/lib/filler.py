"""Write datasets to the portal whose CKAN is loaded: rows, audit events, index documents."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from unittest import mock

from . import inside, invent, rows

Written = Any
"""A dataset that was written: its id on our portal, what package_show says of it on plain CKAN."""
SERIALS = (
    "INSERT INTO nmgdata_serial (series, last) VALUES (:series, :last)"
    " ON CONFLICT (series) DO UPDATE SET last = excluded.last"
)
MOMENTS = (
    "UPDATE package SET metadata_created = :at, metadata_modified = :at WHERE id = :id",
    "UPDATE resource SET created = :at, metadata_modified = :at WHERE package_id = :id",
    "UPDATE nmgdata_entry SET published_at = CAST(:at AS timestamp) AT TIME ZONE 'UTC' WHERE dataset_id = :id",
)
"""Give each dataset a moment of its own: lists are ordered by it."""


class Filler:
    """Writes datasets to the portal whose CKAN is loaded."""

    def __init__(self, plain: bool) -> None:
        """Read what the rows refer to; the organisations must exist."""
        from ckan import model

        self.plain = plain
        self.engine = model.ensure_engine()
        self.setting = rows.Setting(
            creator=inside.site_user()["id"],
            organisations=organisations_by_name(),
            licences={key: licence(one) for key, one in model.Package.get_license_register().items()},
        )

    def write(self, numbered: Sequence[tuple[int, invent.Record]]) -> list[Written]:
        """Insert datasets; return what ``documents`` makes index documents of."""
        if not self.plain:
            return self.write_ours(numbered)
        made = [(rows.rows(number, record, self.setting), record) for number, record in numbered]
        with self.engine.begin() as connection:
            for name in made[0][0]:
                found = [row for tables, _record in made for row in tables[name]]
                if found:
                    connection.execute(self.table(name).insert(), found)
        return [rows.shown(tables, self.setting) for tables, _record in made]

    def write_ours(self, numbered: Sequence[tuple[int, invent.Record]]) -> list[Written]:
        """Insert datasets by the portal's own bulk writer, each with a moment and a code of its own."""
        import sqlalchemy as sa
        from ckanext.nmgdata.catalog.bulk.write import write
        from ckanext.nmgdata.kernel.actors import Actor
        from ckanext.nmgdata.kernel.unit import begin

        made = [self.made(record) for _number, record in numbered]
        actor = Actor("person", user_id=self.setting.creator)
        with begin(actor) as unit:
            write(unit, made)
            serials = [{"series": f"code-{key}", "last": last} for key, last in self.setting.serials.items()]
            unit.session.execute(sa.text(SERIALS), serials)
            moments = [
                {"id": one.dataset_id, "at": rows.moment(number, record)}
                for one, (number, record) in zip(made, numbered, strict=True)
            ]
            for statement in MOMENTS:
                unit.session.execute(sa.text(statement), moments)
            unit.session.execute(sa.text("DELETE FROM nmgdata_outbox WHERE topic = 'index'"))
        return [one.dataset_id for one in made]

    def made(self, record: invent.Record) -> Any:
        """Return a dataset as the bulk writer takes it."""
        from ckanext.nmgdata.catalog.bulk.check import checker
        from ckanext.nmgdata.catalog.bulk.rows import Made

        dataset_id = invent.identifier("package", record["name"])
        files = [
            {**one, "id": invent.identifier("resource", dataset_id, place)}
            for place, one in enumerate(record["resources"])
        ]
        owner = self.setting.organisations[record["owner_org"]]["id"]
        entry = {**record, "identifier": rows.code(record, self.setting), "resources": files}
        data = checker().check({**entry, "owner_org": owner, "type": "dataset"}).data
        return Made(dataset_id, data, owner, self.setting.creator, is_new=True)

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

    def documents(self, written: Sequence[Written]) -> list[dict[str, Any]]:
        """Return the documents of datasets that were written."""
        if not self.plain:
            from ckan import model
            from ckanext.nmgdata.catalog.bulk.documents import documents

            made = documents(written)
            model.Session.rollback()
            model.Session.expunge_all()
            return made
        return self.stock_documents(written)

    def stock_documents(self, shown: Sequence[rows.Row]) -> list[dict[str, Any]]:
        """Return the documents that CKAN's indexer makes of datasets, without asking for each apart."""
        import sqlalchemy as sa
        from ckan import model
        from ckan.lib.search.index import PackageSearchIndex

        ids = [stock["id"] for stock in shown]
        held = model.Session.scalars(sa.select(model.Package).where(model.Package.id.in_(ids))).all()
        solr = mock.Mock()
        found: list[dict[str, Any]] = []
        solr.add = lambda docs, commit: found.extend(docs)
        with mock.patch("ckan.lib.search.index.make_connection", return_value=solr):
            for stock in shown:
                PackageSearchIndex().index_package({**stock, "with_custom_schema": stock}, defer_commit=True)
        del held
        model.Session.rollback()
        model.Session.expunge_all()
        return found


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
