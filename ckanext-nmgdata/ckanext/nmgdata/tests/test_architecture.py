"""The house keeps its shape: import direction, size of modules, one place for each power."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if "tests" not in path.parts
    and path.name not in ("conftest.py", "factories.py")
    and "migration" not in path.parts
)
FEATURES = {"access", "objection", "plan", "harvest", "tables"}
KERNEL_ORDER = {
    "audit": {"audit"},
    "deadlines": {"deadlines", "audit"},
    "workflow": {"workflow", "deadlines", "audit", "outbox"},
    "gate": {"gate", "audit", "outbox"},
    "outbox": {"outbox"},
    "changes": {"changes", "gate"},
    "evidence": {"evidence", "gate", "outbox"},
}
BASE = {
    "pending",
    "clock",
    "context",
    "elsewhere",
    "actors",
    "orgs",
    "types",
    "unit",
    "events",
    "openness",
    "serials",
    "identity",
    "memory",
    "quickjson",
    "personal",
    "sheets",
    "tick",
}
LINES = 400
FUNCTION_LINES = 60


def name(path: Path) -> str:
    """Return a module's place in the package, for test ids."""
    return str(path.relative_to(PACKAGE))


def imports(path: Path) -> list[tuple[str, ...]]:
    """Return the parts of every module of this package that a module imports."""
    here = path.relative_to(PACKAGE).with_suffix("").parts
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + (path.name == "__init__.py")]
            parts = (*base, *(node.module.split(".") if node.module else ()))
            found += [(*parts, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ckanext.nmgdata"):
            found += [(*(node.module or "").split(".")[2:], alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_kernel_knows_no_feature(path):
    if path.relative_to(PACKAGE).parts[0] != "kernel":
        return
    for parts in imports(path):
        assert parts[0] in ("kernel", "config"), parts


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_kernel_s_rooms_import_in_one_direction(path):
    parts = path.relative_to(PACKAGE).parts
    if parts[0] != "kernel" or parts[1] not in KERNEL_ORDER:
        return
    for imported in imports(path):
        if imported[0] == "kernel" and len(imported) > 1 and imported[1] not in BASE:
            assert imported[1] in KERNEL_ORDER[parts[1]], imported


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_feature_imports_no_other_feature(path):
    room = path.relative_to(PACKAGE).parts[0]
    if room not in FEATURES:
        return
    for imported in imports(path):
        assert imported[0] == room or imported[0] not in FEATURES, imported


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_and_functions_stay_readable(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= FUNCTION_LINES, node.name


POWERS = {
    r"\bdatetime\.(now|utcnow|today)\(|\bdate\.today\(|time\.time\(": {"kernel/clock.py"},
    r"(?m)^[\w., ]*\.status(,[\w., ]*)? = ": {"kernel/workflow/engine.py"},
    r"session\.commit\(\)": {"kernel/unit.py", "kernel/outbox/queue.py"},
    r"Session\.commit\(\)": {"demo/load.py"},
    r"\"ckanext\.nmgdata\.|\{PREFIX\}": {"config.py", "site/settings.py"},
    r"\"ignore_auth\": True": {
        "cli.py", "demo/load.py", "kernel/outbox/search.py",
        "kernel/gate/seal.py", "objection/takedown.py", "plan/jobs.py", "catalog/bulk/documents.py",
        "harvest/load.py",
    },
    r"[!=]= \"(unconditional|conditional|non_open)\"": {"catalog/rules.py", "demo/load.py"},
}  # fmt: skip
"""What may be done in certain modules only."""


@pytest.mark.parametrize("pattern", POWERS)
def test_one_place_for_each_power(pattern):
    using = {name(path) for path in MODULES if re.search(pattern, path.read_text(encoding="utf-8"))}
    assert using == POWERS[pattern]


def test_every_action_has_auth_documentation_and_a_test():
    from ckanext.nmgdata.access.plugin import AccessPlugin
    from ckanext.nmgdata.catalog.logic import action as catalog
    from ckanext.nmgdata.catalog.logic import auth as catalog_auth
    from ckanext.nmgdata.desk.logic import action as desk
    from ckanext.nmgdata.desk.logic import auth as desk_auth
    from ckanext.nmgdata.harvest.logic import action as harvest
    from ckanext.nmgdata.harvest.logic import auth as harvest_auth
    from ckanext.nmgdata.plan.logic import action as plan
    from ckanext.nmgdata.plan.logic import auth as plan_auth
    from ckanext.nmgdata.tables.logic import action as tables
    from ckanext.nmgdata.tables.logic import auth as tables_auth

    actions = {
        **catalog.ACTIONS, **desk.ACTIONS, **AccessPlugin().get_actions(), **tables.ACTIONS, **plan.ACTIONS,
        **harvest.ACTIONS,
    }  # fmt: skip
    auths = {
        **catalog_auth.functions(), **desk_auth.functions(), **AccessPlugin().get_auth_functions(),
        **tables_auth.FUNCTIONS, **plan_auth.FUNCTIONS, **harvest_auth.FUNCTIONS,
    }  # fmt: skip
    tests = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("test_*.py"))
    for action, function in actions.items():
        if not action.startswith("nmgdata_"):
            continue
        assert action in auths, action
        assert function.__doc__, action
        assert ":param" in function.__doc__ or ":rtype" in function.__doc__, action
        assert f'"{action}"' in tests or f"/{action}" in tests, action


def test_vocabularies_and_statutes_are_not_repeated_in_code():
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"working_days\s*=\s*\d", text), path
