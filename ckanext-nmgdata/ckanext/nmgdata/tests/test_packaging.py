"""A wheel, an sdist and an editable install each carry the whole portal, from an empty environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PACKAGE = Path(__file__).resolve().parents[1]
NOT_SOURCE = {".git", ".run", ".venv", "build", "dist", "benchmarks", "docs", "__pycache__", ".hypothesis"}

PROOF = """
import sys
from ckan.cli import load_config
from ckan.config.middleware import make_app
import ckanext.nmgdata
from ckan.plugins import toolkit as tk

app = make_app(load_config("portal.ini"))
client = app._wsgi_app.test_client() if hasattr(app, "_wsgi_app") else app.test_client()
home = client.get("/").get_data(as_text=True)
assert "内蒙古" in home and "公共数据" in home, home[:500]
for address in ("/nmgdata/favicon.svg", "/nmg/cases", "/user/register"):
    assert client.get(address).status_code == 200, address
schema = tk.get_action("scheming_dataset_schema_show")({}, {"type": "dataset"})
assert "open_class" in [field["field_name"] for field in schema["dataset_fields"]]
print("PROVED BY", ckanext.nmgdata.__file__)
"""


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a program; show all it said when it fails."""
    line = [str(part) for part in command]
    done = subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the source, so that building leaves nothing in it."""
    copy = tmp_path_factory.mktemp("source") / "nmgdata"
    ignored = shutil.ignore_patterns(*NOT_SOURCE, "*.egg-info", "*.pyc")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=ignored)
    return copy


@pytest.fixture(scope="module")
def built(source: Path) -> dict[str, Path]:
    """Return an sdist, and a wheel that was built from it and not from the source."""
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--wheel", cwd=source)
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "-o", "direct", cwd=source)
    return {
        "wheel": next((source / "direct").glob("*.whl")),
        "sdist": next((source / "dist").glob("*.tar.gz")),
        "wheel of sdist": next((source / "dist").glob("*.whl")),
    }


def shipped() -> set[str]:
    """Return every file of the package that a portal needs."""
    found = set()
    for folder, folders, files in os.walk(PACKAGE, followlinks=True):
        folders[:] = [name for name in folders if name not in ("__pycache__", "tests", ".webassets-cache")]
        found |= {str((Path(folder) / name).relative_to(PACKAGE)) for name in files}
    return {name for name in found if not name.endswith(".pyc")}


def test_wheel_and_sdist_hold_every_file(built):
    for kind in ("wheel", "wheel of sdist"):
        with zipfile.ZipFile(built[kind]) as archive:
            held = {name.removeprefix("ckanext/nmgdata/") for name in archive.namelist()}
        assert shipped() - held == set(), kind
        assert not any("/tests/" in name or name.startswith("tests/") for name in held), kind
    with tarfile.open(built["sdist"]) as archive:
        names = archive.getnames()
        assert not [member.name for member in archive.getmembers() if member.issym()]
    inside = {name.partition("/ckanext-nmgdata/ckanext/nmgdata/")[2] for name in names}
    assert shipped() - inside == set()


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_an_install_into_an_empty_environment_is_a_portal(built, source, tmp_path, kind):
    """What it depends on comes from the environment of the tests, the portal itself only from the install."""
    home = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=tmp_path)
    python = home / "bin" / "python"
    own = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", cwd=tmp_path).strip()
    )
    shared = sysconfig.get_paths()["purelib"]
    (own / "zz_shared.pth").write_text(f"import site; site.addsitedir({shared!r})\n")
    what = ["-e", source] if kind == "editable" else [built[kind]]
    pip = [python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    run(*pip, "--ignore-installed", *what, cwd=tmp_path)
    (tmp_path / "portal.ini").write_text(
        (ROOT / "test.ini").read_text().replace("docker/ckan/ckan.ini", str(ROOT / "docker/ckan/ckan.ini"))
    )
    said = run(python, "-c", PROOF, cwd=tmp_path)
    place = said.rpartition("PROVED BY ")[2]
    assert place.startswith(str(source if kind == "editable" else home)), place
