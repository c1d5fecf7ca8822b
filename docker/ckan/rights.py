"""Give the portal's roles their rights after a migration, each by the owner of the database.

Standard input is what ``ckan datastore set-permissions`` prints. That script is written for a
superuser; here it is run by the owner of the DataStore, and its one statement about the portal's
database by the owner of that. So the superuser's password stays with PostgreSQL.
"""

import os
import re
import sys
from pathlib import Path

import psycopg2

RUNTIME = Path(__file__).parent.parent / "postgres" / "runtime.sql"
CONNECT = re.compile(r"^\\connect .*$", re.MULTILINE)
OF_PORTAL = re.compile(r"^REVOKE CONNECT ON DATABASE .*;$", re.MULTILINE)


def divided(script: str) -> tuple[str, str]:
    """Return what the DataStore's owner runs, and what the owner of the portal's tables runs."""
    script = CONNECT.sub("", script)
    return OF_PORTAL.sub("", script), "\n".join(OF_PORTAL.findall(script))


def run(address: str, sql: str) -> None:
    """Run a script of SQL; nothing of it stays when a part fails."""
    connection = psycopg2.connect(address)
    try:
        connection.autocommit = True
        connection.cursor().execute(sql)
    finally:
        connection.close()


def main() -> None:
    """Set the rights of the DataStore, then those of the running portal."""
    datastore, portal = divided(sys.stdin.read())
    run(os.environ["CKAN_DATASTORE_WRITE_URL"], datastore)
    run(os.environ["CKAN_SQLALCHEMY_URL"], portal + RUNTIME.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
