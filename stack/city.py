"""A second portal on the servers of a stack, for tests of two portals that speak to each other.

It has a database of its own and shares PostgreSQL, Redis and Solr; documents and sessions are told apart by
the portal's id.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from . import portal, servers
from .process import start
from .settings import VENV, Settings

DATABASE = "city"


@dataclass
class City(Settings):
    """The portal of a league-city beside the one of a stack. Its tables are a copy of the stack's."""

    stack: Settings = field(default_factory=Settings)

    @property
    def home(self) -> Path:
        """Return the folder of its files, logs and process files, within the stack's."""
        return self.stack.home / DATABASE

    def environment(self) -> dict[str, str]:
        """Return what differs from the stack it lies beside."""
        redis = f"redis://127.0.0.1:{self.stack.redis_port}/1"
        return {
            **self.stack.environment(),
            "CKAN_SITE_URL": self.site_url,
            "CKAN_SITE_ID": f"nmgdata-{self.stack.name}-{DATABASE}",
            "CKAN_SQLALCHEMY_URL": self.stack.database(DATABASE, "nmgdata"),
            "CKAN_REDIS_URL": redis,
            "CKAN_STORAGE_PATH": str(self.home / "storage"),
            "CKAN_WEBASSETS_PATH": str(self.stack.home / "webassets"),
            "CKAN_NMG_REGION": self.region,
        }

    def start(self) -> None:
        """Start its web program; who needs it waits for it (``wait``)."""
        portal.start_web(self, 1)

    def wait(self) -> None:
        """Wait until its home page answers."""
        portal.wait_for_page(self)


def create(stack: Settings, region: str, port: int) -> City:
    """Return the portal of a region with what the stack's database holds now; connections to that are cut."""
    city = City(name=stack.name, port=port, region=region, demo=False, stack=stack)
    shutil.rmtree(city.home, ignore_errors=True)
    (city.home / "storage").mkdir(parents=True)
    servers.psql(stack, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    servers.psql(stack, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'nmgdata'")
    servers.psql(stack, f"CREATE DATABASE {DATABASE} OWNER nmgdata_owner TEMPLATE nmgdata STRATEGY FILE_COPY")
    servers.psql(stack, f"GRANT CONNECT ON DATABASE {DATABASE} TO nmgdata")
    forget_documents(city)
    return city


def forget_documents(city: City) -> None:
    """Delete what the index holds of an earlier portal of that id."""
    query = {"delete": {"query": f'site_id:"{city.environment()["CKAN_SITE_ID"]}"'}}
    order = urllib.request.Request(
        f"{city.stack.solr_url}/update?commit=true",
        json.dumps(query).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(order, timeout=30).close()


def start_tick(served: Settings) -> int:
    """Start the tick of a portal; return its process."""
    command = [str(VENV / "bin" / "ckan"), "nmgdata", "tick"]
    return start(served, "tick", command, env=served.environment())
