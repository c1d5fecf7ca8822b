"""The documents say what the code does: generated parts, links, numbers, names."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ckan import plugins
from ckanext.nmgdata.demo import load
from ckanext.nmgdata.kernel.deadlines import statutes
from ckanext.nmgdata.kernel.workflow import machine

ROOT = Path(__file__).resolve().parents[4]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#]+)(?:#[^)]*)?\)")
ARTICLE = re.compile(r"[RH]\d+(?:¶\d|\(\d\))?|O §归集 3|DC-\d+")


def read(name: str) -> str:
    """Return a file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def law() -> list[dict[str, str]]:
    """Return the periods as they were read from the articles, apart from ``statutes.yaml``."""
    with (Path(__file__).parent / "data" / "law.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_generated_parts_are_current():
    command = [sys.executable, str(ROOT / "tools" / "docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    targets = LINK.findall(path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("row", law(), ids=lambda row: row["id"])
def test_every_number_of_the_law_is_in_the_statutes(row):
    known = statutes.read()["deadlines"][row["id"]]
    assert known["kind"] == row["kind"]
    assert str(known.get("working_days", "")) == row["working_days"]
    stated = known["source"].partition("(analogy")[0]
    assert " ".join(ARTICLE.findall(stated)) == row["articles"]


def test_the_statutes_hold_no_period_that_the_law_does_not_know():
    assert set(statutes.read()["deadlines"]) == {row["id"] for row in law()}


def test_every_period_that_runs_is_one_of_the_law():
    running = {step.opens for m in machine.registered() if m.kind != "toy" for step in m.transitions} - {None}
    assert running
    assert running <= {row["id"] for row in law()}


def test_the_api_document_lists_every_action():
    documented = set(re.findall(r"^### `(nmgdata_\w+)`$", read("docs/api.md"), re.MULTILINE))
    offered = {
        name for plugin in plugins.PluginImplementations(plugins.IActions) for name in plugin.get_actions()
    }
    assert documented == {name for name in offered if name.startswith("nmgdata_")}


def test_the_readme_names_the_demo_s_accounts():
    named = set(re.findall(r"^\| `(\w+)` \|", read("README.md"), re.MULTILINE))
    assert named == set(load.ACCOUNTS)


def test_commands_in_the_documents_exist():
    targets = set(re.findall(r"^([a-z0-9-]+):", read("Makefile"), re.MULTILINE))
    for path in DOCUMENTS:
        for command in re.findall(
            r"(?:^ {4}|`)make ([a-z0-9-]+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert command in targets, f"{path.name}: make {command}"


def test_every_library_has_its_reason():
    reasons = read("docs/adr/0001-ckan-2.12-and-its-libraries.md")
    for name in ("requirements.in", "requirements-dev.in", "stack/requirements.in"):
        for line in read(name).splitlines():
            if line and not line.startswith(("#", "-")):
                assert f"`{line.partition('==')[0]}`" in reasons, line


def test_every_decision_is_in_the_index():
    index = read("docs/adr/README.md")
    for path in (ROOT / "docs" / "adr").glob("0*.md"):
        assert f"]({path.name})" in index, path.name
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60, path.name


def test_references_to_decisions_in_the_code_exist():
    numbers = {path.name[:4] for path in (ROOT / "docs" / "adr").glob("0*.md")}
    package = Path(__file__).resolve().parents[1]
    for path in [*package.rglob("*.py"), ROOT / "setup.py"]:
        for number in re.findall(r"docs/adr/(\d{4})", path.read_text(encoding="utf-8")):
            assert number in numbers, f"{path}: {number}"


def test_hooks_of_pre_commit_are_the_pinned_tools():
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
