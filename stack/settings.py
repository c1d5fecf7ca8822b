"""What one stack is called, where it lies and on which ports it listens."""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .shell import StackError

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".run"
VENV = ROOT / ".venv"
DEFAULT_PORT = 5000
REGION = "150000"
PORTS = 5
"""Ports in a row that a stack has."""
TESTS = "test"
"""Name of the stack that tests run on, and beginning of the name of their second."""


def new_secret() -> str:
    """Return a random password; hexadecimal, so that it is safe in addresses and INI files."""
    return secrets.token_hex(24)


@dataclass
class Settings:
    """One stack. Kept in ``.run/NAME/stack.json``, readable by its owner only."""

    name: str = "main"
    port: int = DEFAULT_PORT
    region: str = REGION
    demo: bool = True
    data: str = ""
    ready: bool = False
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def durable(self) -> bool:
        """Say whether data must survive a crash of the machine; tests' data need not."""
        return not self.name.startswith(TESTS)

    @property
    def home(self) -> Path:
        """Return the folder of this stack's settings, logs and process files."""
        return RUN / self.name

    @property
    def logs(self) -> Path:
        """Return the folder of this stack's logs."""
        return self.home / "logs"

    @property
    def postgres_port(self) -> int:
        """Return PostgreSQL's port."""
        return self.port + 1

    @property
    def redis_port(self) -> int:
        """Return Redis' port."""
        return self.port + 2

    @property
    def solr_port(self) -> int:
        """Return Solr's port."""
        return self.port + 3

    @property
    def smtp_port(self) -> int:
        """Return the port of the mail sink, which keeps the demo's mail in ``mail/``."""
        return self.port + 4

    @property
    def site_url(self) -> str:
        """Return the address of the portal."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def solr_url(self) -> str:
        """Return the address of the Solr core."""
        return f"http://127.0.0.1:{self.solr_port}/solr/ckan"

    def secret(self, name: str) -> str:
        """Return the password of that name, made at its first use."""
        return self.secrets.setdefault(name, new_secret())

    def database(self, name: str, role: str) -> str:
        """Return the address of a database for a role."""
        return f"postgresql://{role}:{self.secret(role)}@127.0.0.1:{self.postgres_port}/{name}"

    def environment(self) -> dict[str, str]:
        """Return what ``docker/ckan/ckan.ini`` asks of its environment."""
        return {
            "CKAN_INI": str(ROOT / "docker" / "ckan" / "ckan.ini"),
            "CKAN_SITE_URL": self.site_url,
            "CKAN_SITE_ID": f"nmgdata-{self.name}",
            "CKAN_SECRET_KEY": self.secret("session"),
            "CKAN_SQLALCHEMY_URL": self.database("nmgdata", "nmgdata"),
            "CKAN_DATASTORE_WRITE_URL": self.database("datastore", "datastore"),
            "CKAN_DATASTORE_READ_URL": self.database("datastore", "datastore_reader"),
            "CKAN_SOLR_URL": self.solr_url,
            "CKAN_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "CKAN_STORAGE_PATH": str(self.home / "storage"),
            "CKAN_WEBASSETS_PATH": str(self.home / "webassets"),
            "CKAN_SMTP_SERVER": f"127.0.0.1:{self.smtp_port}",
            "CKAN_SMTP_MAIL_FROM": "noreply@nmgdata.example",
            "CKAN_NMG_REGION": self.region,
            "CKAN_NMG_DEMO": str(self.demo).lower(),
            "PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', '')}",
        }

    def owner_environment(self) -> dict[str, str]:
        """Return the environment of migrations: the database's owner, who may change tables."""
        return {
            **self.environment(),
            "CKAN_SQLALCHEMY_URL": self.database("nmgdata", "nmgdata_owner"),
        }

    def save(self) -> None:
        """Write the settings, readable by their owner only."""
        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "stack.json"
        handle, temporary = tempfile.mkstemp(dir=self.home)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=1)
        os.replace(temporary, path)


def load(name: str) -> Settings:
    """Return the settings of an existing stack, or new ones."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise StackError(f"NAME={name} is not a name: letters, digits, - and _ only.")
    path = RUN / name / "stack.json"
    if not path.exists():
        return Settings(name=name)
    return Settings(**json.loads(path.read_text(encoding="utf-8")))


def port_is_free(port: int) -> bool:
    """Say whether nothing listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
