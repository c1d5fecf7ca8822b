"""The tables of the migrations are those of the models, go up and down, and give the portal few rights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.model.meta import metadata
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

ROOT = Path(__file__).resolve().parents[4]
OURS = [table for table in metadata.sorted_tables if table.name.startswith("nmgdata_")]
pytestmark = pytest.mark.usefixtures("clean")

SHAPES = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, '')
        FROM information_schema.columns WHERE table_schema = :schema AND table_name LIKE 'nmgdata%'""",
    "constraints": """
        SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relname LIKE 'nmgdata%'""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = :schema AND tablename LIKE 'nmgdata%'""",
}


@pytest.fixture
def connection() -> Iterator[Connection]:
    """Return a connection whose work is undone at the end."""
    model.Session.remove()
    with model.ensure_engine().connect() as opened:
        yield opened
        opened.rollback()


def shapes(connection: Connection, schema: str) -> dict[str, set[tuple[str, ...]]]:
    """Return what a schema's tables look like, without the schema's name."""
    found = {}
    for name, query in SHAPES.items():
        rows = connection.execute(sa.text(query), {"schema": schema})
        found[name] = {tuple(str(value).replace(f"{schema}.", "") for value in row) for row in rows}
    return found


def test_migrations_make_the_tables_of_the_models(connection):
    """Columns, defaults, CHECKs, foreign keys and partial indexes, by what PostgreSQL says of both."""
    migrated = shapes(connection, "public")
    connection.execute(sa.text("CREATE SCHEMA mirror"))
    connection.execute(sa.text("SET search_path = mirror, public"))
    metadata.create_all(connection, tables=OURS, checkfirst=False)
    modelled = shapes(connection, "mirror")
    for name, rows in modelled.items():
        kept = {row for row in migrated[name] if "alembic_version" not in row[0]}
        assert {tuple(v.replace("public.", "") for v in row) for row in kept} == rows, name


def test_migrations_go_down_and_up_again():
    """What is of ours goes; CKAN's own tables stay, and take rows again."""
    before = tables()
    assert {table.name for table in OURS} <= before
    try:
        _run_migrations("nmgdata", version="base", forward=False)
        left = tables()
        assert {name for name in left if name.startswith("nmgdata_")} <= {"nmgdata_alembic_version"}
        assert {"package", "resource", "user"} <= left
    finally:
        _run_migrations("nmgdata")
    assert tables() == before


def tables() -> set[str]:
    """Return the names of all tables."""
    model.Session.remove()
    with model.ensure_engine().connect() as opened:
        return set(sa.inspect(opened).get_table_names())


RIGHTS = [
    ("SELECT seq FROM nmgdata_audit_event", True),
    ("UPDATE nmgdata_audit_event SET verb = 'x'", False),
    ("DELETE FROM nmgdata_audit_event", False),
    ("TRUNCATE nmgdata_audit_event", False),
    ("ALTER TABLE nmgdata_audit_event DISABLE TRIGGER ALL", False),
    ("DROP TABLE nmgdata_audit_event", False),
    ("DELETE FROM nmgdata_audit_head", False),
    ("ALTER TABLE resource DROP CONSTRAINT nmgdata_gate_address", False),
    ("DELETE FROM nmgdata_audit_secret", True),
    ("DELETE FROM nmgdata_outbox", True),
    ("UPDATE package SET title = title", True),
]


@pytest.mark.parametrize(("statement", "may"), RIGHTS)
def test_the_running_portal_can_only_add_to_the_audit_log(connection, statement, may):
    """R-PLAT-07: the role of web, worker and tick owns no table; the log it can only insert and read."""
    connection.execute(sa.text((ROOT / "docker/postgres/runtime.sql").read_text()))
    connection.commit()
    portal = sa.create_engine(os.environ["NMGDATA_RUNTIME_URL"])
    with portal.connect() as runtime:
        if may:
            runtime.execute(sa.text(statement))
        else:
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                runtime.execute(sa.text(statement))
        runtime.rollback()
    portal.dispose()
