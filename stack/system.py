"""What the machine must have: packages, Java, room, free ports."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .process import running
from .settings import ROOT, RUN, Settings, port_is_free
from .shell import StackError, run, step

PYTHON = (3, 11)
POSTGRES = 15
REDIS = 7
JAVA = range(17, 26)
FREE_GIB = 3


def ensure(settings: Settings, *, browser: bool = False) -> None:
    """Check the machine, install what is missing when we may, and say what to do otherwise."""
    if sys.version_info < PYTHON:
        raise StackError("Python 3.11 or newer is needed; this is " + sys.version.split()[0])
    free = shutil.disk_usage(ROOT).free / 2**30
    if free < FREE_GIB:
        raise StackError(f"Only {free:.1f} GiB are free on the disk of {ROOT}; {FREE_GIB} are needed.")
    missing = missing_packages(browser)
    if missing:
        install(missing)
    check_versions()
    check_ports(settings)


def missing_packages(browser: bool) -> list[str]:
    """Return the Debian packages whose programs or headers this machine lacks."""
    wanted = {
        "postgresql": postgres_bin() is not None,
        "redis-server": shutil.which("redis-server") is not None,
        "openjdk-17-jre-headless": java_version() is not None,
        "maven": shutil.which("mvn") is not None,
        "gcc": shutil.which("gcc") is not None,
        "libpq-dev": shutil.which("pg_config") is not None,
        "libmagic1": bool(glob.glob("/usr/lib/*/libmagic.so.1*")),
        "python3-venv": has_venv(),
        "python3-dev": bool(glob.glob(f"{python_include()}/Python.h")),
    }
    if browser:
        wanted["chromium"] = shutil.which("chromium") is not None
        wanted["fonts-noto-cjk"] = bool(glob.glob("/usr/share/fonts/**/NotoSansCJK*", recursive=True))
    return [package for package, present in wanted.items() if not present]


def has_venv() -> bool:
    """Say whether this Python can make virtual environments with pip."""
    done = subprocess.run([sys.executable, "-c", "import ensurepip, venv"], check=False, capture_output=True)
    return done.returncode == 0


def python_include() -> str:
    """Return the folder of this Python's C headers."""
    import sysconfig

    return sysconfig.get_paths()["include"]


def install(packages: list[str]) -> None:
    """Install Debian packages when root, otherwise name the one line to type."""
    line = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if not shutil.which("apt-get"):
        raise StackError(f"These programs are missing; install the like of: {' '.join(packages)}")
    if os.geteuid() != 0:
        raise StackError(
            f"Some system packages are missing. Type this line, then try again:\n\n  sudo {line}\n"
        )
    RUN.mkdir(exist_ok=True)
    log = RUN / "apt.log"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"Installing system packages: {' '.join(packages)}"):
        run(["apt-get", "update", "-q"], log=log, env=quiet)
        run(line.split(), log=log, env=quiet)


def check_versions() -> None:
    """Refuse servers that are too old, with the version that is there and the one needed."""
    found = postgres_bin()
    if found is None:
        raise StackError(f"PostgreSQL {POSTGRES} or newer is needed; none is in /usr/lib/postgresql.")
    redis = re.search(r"v=(\d+)", run(["redis-server", "--version"]))
    if not redis or int(redis.group(1)) < REDIS:
        raise StackError(f"Redis {REDIS} or newer is needed; `redis-server --version` says otherwise.")
    java = java_version()
    if java not in JAVA:
        raise StackError(
            f"Java {JAVA.start} to {JAVA.stop - 1} is needed for Solr; `java -version` says {java}. "
            "Install openjdk-17-jre-headless, or put the right java first in PATH."
        )


def check_ports(settings: Settings) -> None:
    """Refuse to start on a port that another program uses."""
    wanted = {
        "web": settings.port,
        "postgres": settings.postgres_port,
        "redis": settings.redis_port,
        "solr": settings.solr_port,
        "mail": settings.smtp_port,
    }
    for service, port in wanted.items():
        if running(settings, service) is None and not port_is_free(port):
            raise StackError(
                f"Port {port} (for {service}) is used by another program. Choose five free ports in "
                f"a row by their first: make up NAME={settings.name} PORT={settings.port + 100}"
            )


def postgres_bin() -> Path | None:
    """Return the folder of the newest installed PostgreSQL server that is new enough."""
    found = [
        (int(match.group(1)), Path(path).parent)
        for path in glob.glob("/usr/lib/postgresql/*/bin/postgres")
        if (match := re.search(r"/postgresql/(\d+)/", path))
    ]
    newest = max(found, default=(0, Path()))
    return newest[1] if newest[0] >= POSTGRES else None


def java_version() -> int | None:
    """Return the major version of ``java``, None when there is none."""
    java = shutil.which("java")
    if not java:
        return None
    text = subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match.group(1)) if match else None
