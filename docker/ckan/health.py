"""Say whether a container does its work: ``python health.py web|worker|tick`` ends with 0 or 1.

It asks the servers and does not load CKAN, because it is run every few seconds.
"""

import os
import socket
import sys
import urllib.request

LEADER = 0x6E6D6764
"""Key of the advisory lock that the leading ``tick`` holds (kernel/tick.py)."""
SQL = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AND NOT EXISTS (
    SELECT FROM nmgdata_outbox WHERE done_at IS NULL AND due_at < now() - interval '10 minutes'
)
"""


def web() -> bool:
    """Say whether the portal answers."""
    with urllib.request.urlopen("http://127.0.0.1:5000/api/3/action/status_show", timeout=8) as reply:
        return reply.status == 200


def worker() -> bool:
    """Say whether this container's worker is registered; its entry expires when it stops renewing it."""
    from redis import Redis
    from rq import Worker

    workers = Worker.all(connection=Redis.from_url(os.environ["CKAN_REDIS_URL"]))
    return any(found.hostname == socket.gethostname() for found in workers)


def tick() -> bool:
    """Say whether some ``tick`` leads and nothing has waited in the outbox for ten minutes."""
    import psycopg2

    connection = psycopg2.connect(os.environ["CKAN_SQLALCHEMY_URL"], connect_timeout=5)
    try:
        cursor = connection.cursor()
        cursor.execute(SQL, [LEADER])
        row = cursor.fetchone()
        return bool(row and row[0])
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if {"web": web, "worker": worker, "tick": tick}[sys.argv[1]]() else 1)
