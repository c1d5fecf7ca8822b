"""What is true of ``docker/`` without an engine: pinned, closed, complete, no secret of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import psycopg2
import pytest
import yaml
from ckanext.nmgdata.kernel import tick
from gunicorn.config import Config
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[4]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
SHELL = sorted([*DOCKER.rglob("*.sh")])
PORTAL = ("web", "worker", "tick", "migrate")
SERVERS = ("postgres", "redis", "solr")
ONE_SHOT = ("migrate",)
SECRETS = (
    "POSTGRES_PASSWORD", "NMGDATA_OWNER_PASSWORD", "NMGDATA_PASSWORD", "DATASTORE_PASSWORD",
    "DATASTORE_READER_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY",
)  # fmt: skip
REQUIRED = (*SECRETS, "SITE_URL", "SMTP_SERVER", "SMTP_MAIL_FROM")
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<how>:[?-])(?P<rest>[^}]*))?\})")


class MissingError(Exception):
    """A variable that compose would refuse to start without."""


def interpolate(text: str, env: dict[str, str]) -> str:
    """Put variables into the compose file as compose does: ``${A}``, ``${A:-b}``, ``${A:?why}``, ``$$``."""

    def value(found: re.Match[str]) -> str:
        if found["name"] is None:
            return "$"
        if env.get(found["name"]):
            return env[found["name"]]
        if found["how"] == ":?":
            raise MissingError(found["name"])
        return found["rest"] or ""

    return VARIABLE.sub(value, text)


def uncommented(text: str) -> str:
    return re.sub(r"(?m)(^|\s)#.*$", "", text)


def dummy() -> dict[str, str]:
    return {name: f"dummy{number}" for number, name in enumerate(REQUIRED)}


def load(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


def module(name: str) -> ModuleType:
    """Load a program of the image."""
    spec = importlib.util.spec_from_file_location(f"docker_{name}", DOCKER / "ckan" / f"{name}.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8")).replace("\\\n", " ")
    return [(line.split()[0].upper(), line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def copied(dockerfile: Path) -> list[str]:
    """Return what a Dockerfile copies from its context."""
    found = []
    for word, rest in instructions(dockerfile):
        parts = rest.split()
        if word in ("COPY", "ADD") and not any(part.startswith("--from=") for part in parts):
            found += [part for part in parts if not part.startswith("--")][:-1]
    return found


@pytest.fixture(scope="module")
def raw() -> str:
    return COMPOSE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(raw: str) -> dict[str, Any]:
    """Return the compose file as it is written, variables unresolved."""
    return load(raw)


@pytest.fixture(scope="module")
def services(raw: str) -> dict[str, Any]:
    """Return the services with a dummy environment put in."""
    return load(interpolate(uncommented(raw), dummy()))["services"]


# --- the services --------------------------------------------------------------------------------


def test_services(services: dict[str, Any]) -> None:
    assert set(services) == {*PORTAL, *SERVERS}


@pytest.mark.parametrize("service", [*PORTAL, *SERVERS])
class TestEveryService:
    def test_image_is_pinned(self, services: dict[str, Any], service: str) -> None:
        name, _colon, tag = services[service]["image"].partition(":")
        assert re.search(r"\d", tag), "a tag that names a version"
        assert "latest" not in tag
        if name.startswith("nmgdata/"):
            assert tag == version_of_project()

    def test_tells_its_health_or_ends(self, services: dict[str, Any], service: str) -> None:
        if service in ONE_SHOT:
            assert services[service]["restart"] == "no"
            assert "healthcheck" not in services[service]
        else:
            assert services[service]["restart"] == "unless-stopped"
            assert services[service]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
            assert {"interval", "timeout", "retries", "start_period"} <= set(services[service]["healthcheck"])
            assert "stop_grace_period" in services[service]

    def test_is_hardened(self, services: dict[str, Any], service: str) -> None:
        settings = services[service]
        assert settings["read_only"] is True
        assert settings["cap_drop"] == ["ALL"]
        assert not {"cap_add", "privileged", "pid", "network_mode", "devices"} & set(settings)
        assert "no-new-privileges:true" in settings["security_opt"]
        assert settings["tmpfs"]

    def test_does_not_run_as_root(self, services: dict[str, Any], service: str) -> None:
        of_image = {"solr": "solr"}  # the official image's own
        if service in PORTAL:
            user = dict(instructions(DOCKER / "ckan" / "Dockerfile"))["USER"]
        else:
            user = services[service].get("user") or of_image[service]
        assert user.split(":")[0] not in ("root", "0", "")

    def test_has_limits(self, services: dict[str, Any], service: str) -> None:
        assert set(services[service]["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
        assert {"max-size", "max-file"} <= set(services[service]["logging"]["options"])

    def test_only_web_has_a_port(self, services: dict[str, Any], service: str) -> None:
        ports = services[service].get("ports", [])
        assert ports == (["127.0.0.1:5000:5000"] if service == "web" else [])

    def test_networks(self, services: dict[str, Any], written: dict[str, Any], service: str) -> None:
        inside = service in (*SERVERS, "migrate")
        assert services[service]["networks"] == (["backend"] if inside else ["backend", "outside"])
        assert written["networks"]["backend"] == {"internal": True}

    def test_what_it_mounts_exists(
        self, services: dict[str, Any], written: dict[str, Any], service: str
    ) -> None:
        for mount in services[service].get("volumes", []):
            source, _colon, target = mount.partition(":")
            if not target:
                assert source.startswith("/")  # scratch space without a name
            elif source.startswith("."):
                assert (DOCKER / source).is_file()
                assert target.endswith(":ro")
            else:
                assert source in written["volumes"]


def version_of_project() -> str:
    found = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert found
    return found[1]


def test_every_volume_is_used(services: dict[str, Any], written: dict[str, Any]) -> None:
    used = {mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])}
    assert set(written["volumes"]) <= used


def test_order_of_start(services: dict[str, Any]) -> None:
    for name in ("web", "worker", "tick"):
        needs = {other: how["condition"] for other, how in services[name]["depends_on"].items()}
        assert needs == {
            **dict.fromkeys(SERVERS, "service_healthy"),
            "migrate": "service_completed_successfully",
        }
    assert services["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_redis_evicts_nothing_and_asks_for_a_password(written: dict[str, Any]) -> None:
    script = written["services"]["redis"]["command"][-1]
    assert "maxmemory-policy noeviction" in script
    assert "requirepass $$REDISCLI_AUTH" in script


# --- settings and secrets ------------------------------------------------------------------------


def asked_by_configuration() -> set[str]:
    return set(re.findall(r"%\((CKAN_\w+)\)s", (DOCKER / "ckan" / "ckan.ini").read_text(encoding="utf-8")))


@pytest.mark.parametrize("service", PORTAL)
def test_every_setting_of_the_configuration_is_given(services: dict[str, Any], service: str) -> None:
    given = services[service]["environment"]
    assert {name for name in asked_by_configuration() if given.get(name) in (None, "")} == set()


def test_roles_of_the_database(written: dict[str, Any]) -> None:
    """Only PostgreSQL knows the superuser's password, only it and the migration the owner's."""

    def knowing(variable: str) -> set[str]:
        return {name for name, service in written["services"].items() if f"${{{variable}" in str(service)}

    assert knowing("POSTGRES_PASSWORD") == {"postgres"}
    assert knowing("NMGDATA_OWNER_PASSWORD") == {"postgres", "migrate"}
    for name in PORTAL:
        role = "nmgdata_owner" if name == "migrate" else "nmgdata"
        address = written["services"][name]["environment"]["CKAN_SQLALCHEMY_URL"]
        assert address.startswith(f"postgresql://{role}:${{")


@pytest.mark.parametrize("name", REQUIRED)
def test_nothing_starts_without(raw: str, name: str) -> None:
    without = {other: value for other, value in dummy().items() if other != name}
    with pytest.raises(MissingError, match=name):
        interpolate(uncommented(raw), without)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_has_no_default(raw: str, name: str) -> None:
    uses = re.findall(r"\$\{" + name + r"\b([^}]*)\}", uncommented(raw))
    assert uses
    assert all(use.startswith(":?") and len(use) > len(":?") for use in uses)


def test_example_names_every_variable_and_holds_no_value(raw: str) -> None:
    example = (DOCKER / ".env.example").read_text(encoding="utf-8")
    named = dict(re.findall(r"(?m)^#?([A-Z_]+)=(.*)$", example))
    needed = {found["name"] for found in VARIABLE.finditer(uncommented(raw)) if found["name"]}
    arguments = {argument for service in load(raw)["services"].values() for argument in build_args(service)}
    assert set(named) == needed | arguments
    for name in REQUIRED:
        assert f"\n{name}=\n" in example
    for name in set(named) - set(REQUIRED):
        assert f"\n#{name}=" in example
        default = re.search(r"\$\{" + name + r":-([^}]*)\}", raw)
        assert named[name] == (default[1] if default else "")


def build_args(service: dict[str, Any]) -> list[str]:
    build = service.get("build")
    return build.get("args", []) if isinstance(build, dict) else []


REFERENCE = re.compile(r"\$\{[^}]*\}|%\(\w+\)s|:'\w+'|\$\$?\w+")
"""A value that comes from elsewhere: compose, INI file, psql, shell."""
NAMED = re.compile(
    r"""(?ix) [\w.]* (?: passw | secret | token | requirepass | _auth\b | _key\b ) [\w.]* ["']?
        (?: [ \t]*[:=][ \t]* | [ \t]+ ) (?P<value> \S+ )"""
)
ADDRESS = re.compile(r"\w+://[^\s/:@]*:(?P<value>[^\s/@]+)@")


def literals(text: str) -> list[str]:
    """Return what looks like a password written out, in a file of settings."""
    lines = [REFERENCE.sub("<>", line) for line in re.sub(r"(?m)(^|\s)(#|--).*$", "", text).splitlines()]
    found = [match for line in lines for rule in (NAMED, ADDRESS) for match in rule.finditer(line)]
    return [match[0] for match in found if not re.match(r"[\"']?(string:)?<>", match["value"])]


@pytest.mark.parametrize(
    "line",
    [
        "  POSTGRES_PASSWORD: postgres", "SECRET_KEY=abc", "ALTER ROLE a PASSWORD 'abc';", "requirepass abc",
        "CKAN_SQLALCHEMY_URL: postgresql://nmgdata:abc@postgres/nmgdata", "api_token.jwt.encode.secret = string:abc",
        "redis://:abc@redis:6379/0", 'ENV REDISCLI_AUTH="abc"',
    ],
)  # fmt: skip
def test_a_written_password_would_be_found(line: str) -> None:
    assert literals(line)


def test_no_password_is_written_anywhere() -> None:
    read = 0
    for path in sorted(path for path in DOCKER.rglob("*") if path.is_file() and path.name != ".env"):
        if path.suffix in (".yaml", ".ini", ".sql") or path.name.startswith((".env", "Dockerfile")):
            assert literals(path.read_text(encoding="utf-8")) == [], path.name
            read += 1
        elif path.suffix in (".py", ".sh", ".md"):
            addresses = ADDRESS.finditer(REFERENCE.sub("<>", path.read_text(encoding="utf-8")))
            assert [match[0] for match in addresses if match["value"] != "<>"] == [], path.name
            read += 1
    assert read > 10


# --- the images ----------------------------------------------------------------------------------


def contexts() -> dict[Path, Path]:
    """Return every Dockerfile with the context it is built in, as the compose file says."""
    found = {}
    for service in load(COMPOSE.read_text(encoding="utf-8"))["services"].values():
        if build := service.get("build"):
            build = {"context": build} if isinstance(build, str) else build
            context = (DOCKER / build["context"]).resolve()
            found[context / build.get("dockerfile", "Dockerfile")] = context
    return found


def test_both_images_are_built() -> None:
    assert set(contexts()) == {DOCKER / "ckan" / "Dockerfile", DOCKER / "solr" / "Dockerfile"}


@pytest.mark.parametrize("dockerfile", list(contexts()), ids=lambda path: path.parent.name)
def test_what_an_image_copies_exists_and_reaches_the_builder(dockerfile: Path) -> None:
    ignored = dockerfile.with_name("Dockerfile.dockerignore")
    allowed = re.findall(r"(?m)^!(.+)$", ignored.read_text(encoding="utf-8")) if ignored.exists() else None
    for source in copied(dockerfile):
        assert (contexts()[dockerfile] / source).exists(), source
        if allowed is not None:
            assert any(source == name or source.startswith(f"{name}/") for name in allowed), source


def test_the_builder_gets_no_secret_and_no_local_data() -> None:
    lines = (DOCKER / "ckan" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is left out but what is named"
    named = [rule[1:] for rule in rules if rule.startswith("!")]
    for path in (".git", ".run", ".venv", "docker/.env", ".env"):
        assert not any(fnmatch(path, name) or path.startswith(f"{name}/") for name in named), path


@pytest.mark.parametrize("dockerfile", list(contexts()), ids=lambda path: path.parent.name)
def test_base_images_are_pinned(dockerfile: Path) -> None:
    bases = [rest.split()[0] for word, rest in instructions(dockerfile) if word == "FROM"]
    assert bases
    for base in bases:
        assert re.fullmatch(r"[a-z/]+:\d[\w.-]*", base), base


def test_the_portals_image_has_no_compiler_and_its_own_user() -> None:
    text = (DOCKER / "ckan" / "Dockerfile").read_text(encoding="utf-8")
    _comment, building, running = re.split(r"(?m)^FROM ", text)
    assert "gcc" in building
    assert not re.search(r"\bgcc\b|-dev\b", running)
    assert re.search(r"(?m)^USER 10001:10001$", running)


def test_every_program_of_the_image_is_in_it() -> None:
    inside = {Path(name).name for name in copied(DOCKER / "ckan" / "Dockerfile")}
    programs = {path.name for path in (DOCKER / "ckan").iterdir() if path.is_file()}
    assert {name for name in programs if not name.startswith("Dockerfile")} <= inside
    chain = RawConfigParser()
    chain.read(DOCKER / "ckan" / "production.ini")
    assert chain["app:main"]["use"] == "config:ckan.ini"


def test_python_is_one_that_the_package_wants() -> None:
    wanted = re.search(r'python_requires="([^"]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert wanted
    images = [rest for word, rest in instructions(DOCKER / "ckan" / "Dockerfile") if word == "FROM"]
    versions = {re.match(r"python:(\d+\.\d+)-slim-bookworm\b", image)[1] for image in images}  # type: ignore[index]
    assert len(versions) == 1, "wheels are for the Python that runs them"
    assert versions.pop() in SpecifierSet(wanted[1])


def test_solr_is_the_version_of_the_native_stack() -> None:
    recipe = ET.parse(DOCKER / "solr" / "native" / "pom.xml")
    version = recipe.findtext(".//{*}properties/{*}solr.version")
    bases = [rest for word, rest in instructions(DOCKER / "solr" / "Dockerfile") if word == "FROM"]
    assert bases == [f"solr:{version}"]


def test_solr_has_the_chinese_analyzers_and_its_security_manager(services: dict[str, Any]) -> None:
    image = (DOCKER / "solr" / "Dockerfile").read_text(encoding="utf-8")
    assert "SOLR_MODULES=analysis-extras" in image
    assert services["solr"]["environment"]["SOLR_SECURITY_MANAGER_ENABLED"] == "true"


# --- the programs --------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_shell_scripts_are_sound(script: Path) -> None:
    assert script.read_text(encoding="utf-8").startswith("#!/bin/bash\n")
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    run(["bash", "-n", str(script)])
    if checker := shutil.which("shellcheck"):
        run([checker, str(script)])


def run(command: list[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("service", PORTAL)
def test_the_entrypoint_knows_what_a_service_runs(services: dict[str, Any], service: str) -> None:
    entrypoint = (DOCKER / "ckan" / "entrypoint.sh").read_text(encoding="utf-8")
    assert services[service]["command"] == [service]
    assert re.search(rf"(?m)^    {service}\)", entrypoint)
    if service not in ONE_SHOT:
        assert services[service]["healthcheck"]["test"] == ["CMD", "python", "health.py", service]
        assert callable(getattr(module("health"), service))


def test_gunicorn_knows_its_settings() -> None:
    file = DOCKER / "ckan" / "gunicorn.conf.py"
    given: dict[str, Any] = {}
    exec(compile(file.read_text(encoding="utf-8"), file.name, "exec"), given)  # as gunicorn does
    imported = {"os", "Any"}
    names = {name for name in given if not name.startswith("__") and name not in imported}
    assert names
    assert names <= set(Config().settings)
    assert given["bind"].endswith(":5000")
    assert given["graceful_timeout"] < 120, "below the service's stop_grace_period"
    for query_or_referrer in ("%(r)s", "%(q)s", "%(f)s"):
        assert query_or_referrer not in given["access_log_format"], "what people search for is not logged"


def test_gunicorn_goes_on_logging_after_ckan_has_set_up_logging() -> None:
    file = DOCKER / "ckan" / "gunicorn.conf.py"
    given: dict[str, Any] = {}
    exec(compile(file.read_text(encoding="utf-8"), file.name, "exec"), given)

    log = SimpleNamespace(access_log=SimpleNamespace(disabled=True), error_log=SimpleNamespace(disabled=True))
    given["post_worker_init"](SimpleNamespace(log=log))
    assert (log.access_log.disabled, log.error_log.disabled) == (False, False)


def permissions() -> str:
    """Return what ``ckan datastore set-permissions`` prints for the databases of these tests."""
    from ckanext.datastore.cli import permissions_sql

    return permissions_sql("nmgdata", "datastore", "nmgdata_owner", "datastore", "datastore_reader")


def test_rights_are_divided_between_the_owners() -> None:
    datastore, portal = module("rights").divided(permissions())
    assert portal == 'REVOKE CONNECT ON DATABASE "nmgdata" FROM "datastore_reader";'
    assert portal not in datastore
    assert "\\connect" not in datastore
    assert "GRANT SELECT ON ALL TABLES" in datastore


def test_rights_are_given_without_a_superuser(portal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(permissions()))
    module("rights").main()
    owned = ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    assert owned == (False,)
    allowed = "SELECT has_table_privilege('nmgdata', %s, %s)"
    assert ask(allowed, "package", "UPDATE") == (True,)
    assert ask(allowed, "nmgdata_audit_event", "INSERT") == (True,)
    for right in ("UPDATE", "DELETE", "TRUNCATE"):
        assert ask(allowed, "nmgdata_audit_event", right) == (False,)
    assert ask("SELECT has_database_privilege('datastore_reader', 'nmgdata', 'CONNECT')") == (False,)


def ask(sql: str, *values: Any) -> tuple[Any, ...] | None:
    with contextlib.closing(psycopg2.connect(os.environ["CKAN_SQLALCHEMY_URL"])) as connection:
        cursor = connection.cursor()
        cursor.execute(sql, values)
        return cursor.fetchone()


def test_health_of_web(app: Any) -> None:
    path = re.search(
        r"127\.0\.0\.1:5000(/\S+)\"", (DOCKER / "ckan" / "health.py").read_text(encoding="utf-8")
    )
    assert path
    assert app.get(path[1]).status_code == 200


def test_health_of_tick(clean: None) -> None:
    health = module("health")
    assert health.LEADER == tick.LOCK
    assert not health.tick(), "nobody leads"
    with contextlib.closing(psycopg2.connect(os.environ["CKAN_SQLALCHEMY_URL"])) as leader:
        leader.autocommit = True
        cursor = leader.cursor()
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [tick.LOCK])
        assert health.tick()
        cursor.execute(
            "INSERT INTO nmgdata_outbox (topic, payload, created_at, due_at) "
            "VALUES ('mail', '{}', now(), now() - interval '11 minutes')"
        )
        assert not health.tick(), "something has waited too long"
        cursor.execute("UPDATE nmgdata_outbox SET done_at = now()")
        assert health.tick()


def test_health_of_worker() -> None:
    from redis import Redis
    from rq import Queue, Worker

    health, connection = module("health"), Redis.from_url(os.environ["CKAN_REDIS_URL"])
    worker = Worker([Queue("nmgdata-health", connection=connection)], connection=connection)
    assert not health.worker()
    worker.register_birth()
    try:
        assert health.worker()
    finally:
        worker.register_death()
    assert not health.worker()


# --- compose itself ------------------------------------------------------------------------------


def test_compose_reads_the_file_as_these_tests_do(services: dict[str, Any], tmp_path: Path) -> None:
    """Compose needs no engine for this; where the client has none, the tests above stand alone."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    if not has_compose(env):
        assert services
        return
    file = tmp_path / "env"
    file.write_text("".join(f"{name}={value}\n" for name, value in dummy().items()), encoding="utf-8")
    command = ["docker", "compose", "-f", str(COMPOSE), "--env-file"]
    resolved = load(run([*command, str(file), "config"], env=env))["services"]
    assert set(resolved) == set(services)
    for name, service in services.items():
        assert resolved[name]["image"] == service["image"]
        assert texts(resolved[name].get("environment")) == texts(service.get("environment"))
    refused = subprocess.run(
        [*command, os.devnull, "config", "-q"], env=env, check=False, capture_output=True
    )
    assert refused.returncode != 0, "compose must refuse to start without secrets"


def texts(environment: dict[str, Any] | None) -> dict[str, str]:
    """Return an environment as a container sees it."""
    words = {None: "", True: "true", False: "false"}
    return {
        name: words[value] if value is None or isinstance(value, bool) else str(value)
        for name, value in (environment or {}).items()
    }


def has_compose(env: dict[str, str]) -> bool:
    if not shutil.which("docker"):
        return False
    done = subprocess.run(["docker", "compose", "version"], env=env, check=False, capture_output=True)
    return done.returncode == 0
