"""PostgreSQL, Redis, Solr and the mail sink of one stack."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .process import last_lines, running, start, stop
from .settings import ROOT, RUN, VENV, Settings, port_is_free
from .shell import StackError, as_user, run, step, wait_until
from .system import postgres_bin

SOLR_SOURCE = ROOT / "docker" / "solr"
NOT_DURABLE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
SERVICES = ("mail", "solr", "redis", "postgres")
SLOW = 240
"""Seconds that Solr may take to begin on a machine that is busy with other things."""


def up(settings: Settings, *, mail: bool = True) -> None:
    """Start the servers that are not running."""
    for start_one in (start_postgres, start_redis, start_solr):
        start_one(settings)
    if mail and running(settings, "mail") is None:
        with step("Starting the mail sink"):
            folder = settings.home / "mail"
            start(
                settings,
                "mail",
                [str(VENV / "bin" / "python"), "-m", "stack.mail", str(settings.smtp_port), str(folder)],
                cwd=ROOT,
            )
            answer(settings, "mail", settings.smtp_port)


def down(settings: Settings) -> None:
    """Stop the servers; PostgreSQL by a fast shutdown."""
    for service in SERVICES:
        stop(settings, service, signal.SIGINT if service == "postgres" else signal.SIGTERM)


def answer(settings: Settings, service: str, port: int, seconds: float = 30) -> None:
    """Wait until a service listens on its port, or show why it ended."""

    def listening() -> bool:
        if running(settings, service) is None:
            raise StackError(f"{service} ended at once:\n{last_lines(settings, service)}")
        return not port_is_free(port)

    wait_until(listening, service, seconds, f"See {settings.logs / (service + '.log')}.")


# --- PostgreSQL ----------------------------------------------------------------------------------


def postgres_user() -> str | None:
    """Return the account PostgreSQL runs as, because it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise StackError("PostgreSQL cannot run as root, and there is no account `postgres` or `nobody`.")


def postgres_data(settings: Settings) -> Path:
    """Return the data folder: under ``.run``, or in /var/lib where its account cannot reach that."""
    if not settings.data:
        inside = settings.home / "postgres"
        settings.data = str(inside)
        if not reachable(settings.home, postgres_user()):
            key = hashlib.sha256(str(inside).encode()).hexdigest()[:12]
            settings.data = f"/var/lib/nmgdata/{key}"
        settings.save()
    return Path(settings.data)


def reachable(folder: Path, user: str | None) -> bool:
    """Say whether an account can enter a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["test", "-x", str(folder)], check=False, cwd="/", **as_user(user))
    return done.returncode == 0


def start_postgres(settings: Settings) -> None:
    """Make the cluster at first use, then start it."""
    if running(settings, "postgres") is not None:
        return
    user, data, programs = postgres_user(), postgres_data(settings), postgres_bin()
    if not (data / "PG_VERSION").exists():
        with step("Creating the PostgreSQL cluster"):
            create_cluster(settings, data, user)
    (data / "postmaster.pid").unlink(missing_ok=True)
    with step("Starting PostgreSQL"):
        start(
            settings,
            "postgres",
            [
                f"{programs}/postgres",
                "-D",
                str(data),
                "-p",
                str(settings.postgres_port),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "max_connections=150",
                "-c",
                "shared_buffers=256MB",
                "-c",
                "jit=off",
                *(() if settings.durable else NOT_DURABLE),
                "-c",
                "timezone=UTC",
                "-c",
                "log_timezone=UTC",
                "-c",
                "log_statement=none",
                "-c",
                "log_min_error_statement=panic",
                "-c",
                "log_error_verbosity=terse",
            ],
            user=user,
            cwd=Path("/"),
        )
        answer(settings, "postgres", settings.postgres_port)
        wait_until(lambda: can_connect(settings), "PostgreSQL", 30)


def create_cluster(settings: Settings, data: Path, user: str | None) -> None:
    """Run ``initdb`` with a random superuser password."""
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    if user:
        shutil.chown(data, user)
    password = settings.home / "superuser"
    password.write_text(settings.secret("postgres"))
    if user:
        shutil.chown(password, user)
    password.chmod(0o600)
    settings.save()
    run(
        [
            f"{postgres_bin()}/initdb",
            "-D",
            str(data),
            "-U",
            "postgres",
            "--pwfile",
            str(password),
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ],
        user=user,
        cwd=Path("/"),
    )
    password.unlink()


def psql(settings: Settings, sql: str, database: str = "postgres", **variables: str) -> str:
    """Run SQL as the cluster's superuser; ``variables`` are psql variables (:'name')."""
    options = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    return run(
        [
            "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            *options,
            "-h",
            "127.0.0.1",
            "-p",
            str(settings.postgres_port),
            "-U",
            "postgres",
            "-d",
            database,
        ],
        env={"PGPASSWORD": settings.secret("postgres")},
        stdin=sql,
    )


def can_connect(settings: Settings) -> bool:
    """Say whether PostgreSQL answers a query."""
    try:
        psql(settings, "SELECT 1")
    except StackError:
        return False
    return True


def create_databases(settings: Settings) -> None:
    """Create roles and databases that do not exist yet (docker/postgres holds the one source)."""
    source = ROOT / "docker" / "postgres"
    roles = ("nmgdata_owner", "nmgdata", "datastore", "datastore_reader")
    passwords = {f"{role}_password": settings.secret(role) for role in roles}
    settings.save()
    psql(settings, (source / "databases.sql").read_text(encoding="utf-8"), **passwords)


def restrict_runtime_role(settings: Settings) -> None:
    """Give the portal's role its rights: all tables, but only insert and read on the audit log."""
    source = ROOT / "docker" / "postgres" / "runtime.sql"
    psql(settings, source.read_text(encoding="utf-8"), database="nmgdata")


# --- Redis ---------------------------------------------------------------------------------------


def start_redis(settings: Settings) -> None:
    """Start Redis: sessions, job queue and caches; nothing in it is the only copy."""
    if running(settings, "redis") is not None:
        return
    with step("Starting Redis"):
        folder = settings.home / "redis"
        folder.mkdir(parents=True, exist_ok=True)
        start(
            settings,
            "redis",
            [
                "redis-server",
                "--bind",
                "127.0.0.1",
                "--port",
                str(settings.redis_port),
                "--dir",
                str(folder),
                "--save",
                "300",
                "10",
                "--daemonize",
                "no",
            ],
        )
        answer(settings, "redis", settings.redis_port)


# --- Solr ----------------------------------------------------------------------------------------


def solr_distribution() -> Path:
    """Assemble Solr from Maven Central once per version of ``docker/solr/native``; return its folder."""
    source = SOLR_SOURCE / "native"
    files = sorted(path for path in source.rglob("*") if path.is_file() and "target" not in path.parts)
    key = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = RUN / f"solr-{key}"
    if not (folder / "solr.war").exists():
        with step("Assembling Solr from Maven Central"):
            build = RUN / "solr-build"
            shutil.rmtree(build, ignore_errors=True)
            shutil.copytree(source, build)
            run(["mvn", "-q", "-B", "package"], cwd=build, log=RUN / "solr-build.log")
            folder.mkdir(parents=True, exist_ok=True)
            runner = next((build / "target").glob("jetty-runner-*.jar"))
            shutil.move(str(runner), folder / "jetty-runner.jar")
            shutil.move(str(build / "target" / "solr.war"), folder / "solr.war")
            shutil.rmtree(build)
    return folder


def start_solr(settings: Settings) -> None:
    """Start Solr with a fresh copy of the configset; the index is kept."""
    distribution = solr_distribution()
    install_configset(settings)
    if running(settings, "solr") is not None:
        return
    with step("Starting Solr"):
        home = settings.home / "solr"
        start(
            settings,
            "solr",
            [
                "java",
                "-Xms256m",
                "-Xmx768m",
                f"-Dsolr.solr.home={home}",
                f"-Dsolr.install.dir={home}",
                f"-Dsolr.log.dir={settings.logs}",
                "-Ddisable.configEdit=true",
                "-Djava.net.preferIPv4Stack=true",
                "-jar",
                str(distribution / "jetty-runner.jar"),
                "--host",
                "127.0.0.1",
                "--port",
                str(settings.solr_port),
                "--path",
                "/solr",
                str(distribution / "solr.war"),
            ],
        )
        answer(settings, "solr", settings.solr_port, SLOW)
        wait_until(lambda: solr_answers(settings), "Solr", SLOW, last_lines(settings, "solr"))


def install_configset(settings: Settings) -> None:
    """Copy the configset into this stack's Solr home when it differs from the copy there.

    An index of another schema cannot be kept: it is deleted, and ``reindex`` tells to build it anew.
    """
    source, home = SOLR_SOURCE / "configset", settings.home / "solr"
    target = home / "ckan" / "conf"
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    stamp = home / "configset.sha256"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    if (home / "ckan" / "data").exists():
        stop(settings, "solr")
        shutil.rmtree(home / "ckan" / "data")
        reindex_marker(settings).touch()
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "conf", target)
    (home / "solr.xml").write_text("<solr/>\n")
    (home / "ckan" / "core.properties").write_text("name=ckan\n")
    stamp.write_text(digest.hexdigest())


def reindex_marker(settings: Settings) -> Path:
    """Return the file that says that the index is to be built anew."""
    return settings.home / "reindex"


def solr_answers(settings: Settings) -> bool:
    """Say whether the core answers a query."""
    try:
        with urllib.request.urlopen(f"{settings.solr_url}/select?q=*:*&rows=0", timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False
