"""Write what the documents say about the code: ``python tools/docs.py [--check]``.

A document is prose with blocks between ``<!-- generated: NAME -->`` and ``<!-- end -->``. The blocks
are drawn from the tables that the portal runs on, so that a document cannot say anything else;
tests/test_docs.py fails when one is not current. No portal and no database are needed.
"""

from __future__ import annotations

import gettext
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ckan import authz
from ckanext.nmgdata import roles
from ckanext.nmgdata.desk.logic import auth as desk_auth
from ckanext.nmgdata.developers import docstrings
from ckanext.nmgdata.kernel import actors, clock, orgs
from ckanext.nmgdata.kernel.actors import Actor, Membership, Role
from ckanext.nmgdata.kernel.deadlines import statutes
from ckanext.nmgdata.kernel.gate import answers, labels, policy
from ckanext.nmgdata.kernel.gate.facts import Facts
from ckanext.nmgdata.kernel.gate.model import SUSPENDED
from ckanext.nmgdata.kernel.workflow import engine
from ckanext.nmgdata.kernel.workflow import machine as machines
from ckanext.nmgdata.kernel.workflow.model import Case

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(inspect.getfile(roles)).parent
BLOCK = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
YES = "✓"
BASE = ("catalog", "desk", "accounts")
"""Folders of the base plugin that have actions."""
_chinese = gettext.translation("ckanext-nmgdata", ROOT / "i18n", ["zh_Hans_CN"]).gettext


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    lines = [list(head), ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def both(text: str) -> str:
    """Return a label of the interface in Chinese, the text that counts, and in English."""
    return f"{_chinese(text)} ({text})" if _chinese(text) != text else text


@cache
def rooms() -> list[str]:
    """Return the folders that the portal runs: those of the base plugin, and the plugins that it loads."""
    settings = (ROOT / "docker" / "ckan" / "ckan.ini").read_text(encoding="utf-8")
    plugins = settings.partition("ckan.plugins =")[2].partition("\n\n")[0]
    return [*BASE, *re.findall(r"\bnmgdata_(\w+)", plugins)]


@cache
def all_machines() -> list[machines.Machine]:
    """Return the machine of every kind of case; each feature's ``workflow.py`` makes its own known."""
    for room in rooms():
        if (PACKAGE / room / "workflow.py").exists():
            importlib.import_module(f"ckanext.nmgdata.{room}.workflow").install()
    return machines.registered()


# --- statutes ------------------------------------------------------------------------------------

REGION = "150000"


def length(statute: statutes.Statute) -> str:
    """Return how long a period is."""
    return statute.value or f"{statute.working_days} 工作日"


def statute_table() -> str:
    """Draw every period that the region's rules know."""
    rows = [
        (s.id, length(s), s.kind, s.source, s.responsible, s.trigger)
        for s in statutes.of_region(REGION).deadlines.values()
    ]
    return table(("id", "length", "kind", "article", "whose duty", "runs from"), rows)


def region_table() -> str:
    """Draw what league-cities change."""
    rows = []
    for region, own in statutes.read()["regions"].items():
        changed = {key: statutes.of_region(region).deadlines[key] for key in own.get("deadlines", {})}
        values = own.get("settings", {}) | {
            k: f"{length(s)}, {s.kind}, {s.source}" for k, s in changed.items()
        }
        rows += [(region, own["basis"], code([key]), value) for key, value in values.items()]
    return table(("region", "instrument", "what", "value"), rows)


def enforced() -> Iterator[tuple[str, machines.Machine, machines.Transition]]:
    """Yield the periods that a step of a case opens."""
    for machine in all_machines():
        for step in machine.transitions:
            if step.opens:
                yield step.opens, machine, step


def enforced_table() -> str:
    """Draw the periods that run in this version, and which steps begin and end them."""
    rows = []
    for key, machine, step in enforced():
        statute = statutes.of_region(REGION).deadlines[key]
        met = ", ".join(f"`{s.name}`" for s in machine.transitions if key in s.meets)
        case = f"`{machine.kind}` ({machine.variant})"
        rows.append((key, length(statute), statute.source, case, f"`{step.name}`", met))
    return table(("id", "length", "article", "case", "begins with", "met by"), rows)


# --- machines ------------------------------------------------------------------------------------


def machine_pages() -> str:
    """Draw every machine: a state diagram and its table of steps."""
    return "\n\n".join(machine_page(machine) for machine in all_machines())


def machine_page(machine: machines.Machine) -> str:
    """Draw one machine."""
    parts = (
        f"## {both(machine.label)}",
        f"`{machine.kind}`, variant `{machine.variant}`, numbers `{machine.prefix}-…`; {machine.basis}.",
        diagram(machine),
        state_table(machine),
        step_table(machine),
    )
    return "\n\n".join(parts)


def diagram(machine: machines.Machine) -> str:
    """Draw the states and steps as Mermaid."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"  {state.name}: {_chinese(state.label)}" for state in machine.states]
    for step in machine.transitions:
        for source in step.source:
            begin = "[*]" if source == machines.DRAFT else source
            lines.append(f"  {begin} --> {step.target}: {step.name} ({step.actor})")
    lines += [f"  {state.name} --> [*]" for state in machine.states if state.final]
    return "\n".join([*lines, "```"])


def state_table(machine: machines.Machine) -> str:
    """Draw the states."""
    rows = [(f"`{s.name}`", both(s.label), s.holder or ("" if s.final else "nobody")) for s in machine.states]
    return table(("state", "name", "waits for"), rows)


def step_table(machine: machines.Machine) -> str:
    """Draw the steps."""
    head = ("step", "name", "by", "must state", "mail to", "does")
    return table(head, map(step_row, machine.transitions))


def step_row(step: machines.Transition) -> Sequence[str]:
    """Return one step; what a submission must state stands with its action."""
    stated = "the form" if machines.DRAFT in step.source else code(step.form())
    effects = code(effect.__name__ for effect in step.effects)
    return f"`{step.name}`", both(step.label), step.actor, stated, ", ".join(step.notices), effects


def code(names: Iterable[str]) -> str:
    """Return names as code."""
    return ", ".join(f"`{name}`" for name in names)


# --- roles ---------------------------------------------------------------------------------------

DEPARTMENT, OTHER = "department", "other"
CASE = Case(id="case", status="", org_id=DEPARTMENT, region_code="150100", filer_id="filer")


def somebody(*memberships: Membership, user_id: str = "somebody") -> Actor:
    """Return a person with memberships, without asking a database."""
    actor = Actor("person", user_id=user_id)
    actor.__dict__["memberships"] = memberships
    return actor


def in_department(capacity: str) -> Actor:
    """Return a person with a capacity in the department that a case is with."""
    return somebody(Membership(DEPARTMENT, capacity, False, "150100"))


PEOPLE: dict[str, Actor] = {
    "public": Actor.anonymous(),
    "applicant": somebody(user_id="filer"),
    "member": in_department("member"),
    "editor": in_department("editor"),
    "reviewer": in_department("reviewer"),
    "admin": in_department("admin"),
    "authority": somebody(Membership("authority", "reviewer", True, orgs.REGION)),
    "auditor": somebody(Membership("audit", "auditor", False, orgs.REGION)),
    "sysadmin": somebody(),
}


def capacity_table() -> str:
    """Draw what a capacity in an organisation brings."""
    rows = []
    for capacity, held in actors.CAPACITIES.items():
        at_authority = Membership("", capacity, True, "").roles
        permissions = {**authz.ROLE_PERMISSIONS, **roles.PERMISSIONS}[capacity]
        rows.append((f"`{capacity}`", code(held), code(at_authority), code(permissions)))
    return table(("capacity", "role in a department", "role in the authority", "CKAN's permissions"), rows)


def may_download(purpose: policy.Purpose, **values: Any) -> Callable[[Actor], bool]:
    """Return the gate's answer about a file of the department."""

    def answer(actor: Actor) -> bool:
        held = {
            "is_editor": actor.has(Role.EDITOR, DEPARTMENT),
            "is_handler": actor.has(Role.REVIEWER, DEPARTMENT),
        }
        facts = Facts("resource", "dataset", DEPARTMENT, url_type=None, **held, **values)
        return policy.decide(facts, purpose, clock.now()).allow

    return answer


def edits(actor: Actor) -> bool:
    """Say whether CKAN lets a member keep the entries of the department."""
    known = {**authz.ROLE_PERMISSIONS, **roles.PERMISSIONS}
    held = {p for m in actor.memberships if m.org_id == DEPARTMENT for p in known[m.capacity]}
    return bool(held & {"admin", "update_dataset"})


def knows_of_non_open(actor: Actor) -> bool:
    """Say whether a non-open entry of the department exists for somebody (CKAN's labels and ours)."""
    return any(m.org_id == DEPARTMENT for m in actor.memberships) or bool(labels.oversight(actor))


USE, MAINTAIN, VERIFY = policy.Purpose.USE, policy.Purpose.MAINTAIN, policy.Purpose.VERIFY
OPEN, CONDITIONAL = "unconditional", "conditional"
CKANS: dict[str, Callable[[Actor], bool]] = {
    "keep the department's entries and files": edits,
    "see its non-open entries (非开放)": knows_of_non_open,
}
"""Powers that CKAN's own auth functions give; those let a sysadmin pass."""
POWERS: dict[str, Callable[[Actor], bool]] = {
    **CKANS,
    "download unconditional data (无条件开放)": may_download(USE, open_class=OPEN),
    "download conditional data (有条件开放) without a grant": may_download(USE, open_class=CONDITIONAL),
    "the same for upkeep (`?purpose=maintain`)": may_download(MAINTAIN, open_class=CONDITIONAL),
    "download suspended data (中止开放)": may_download(USE, open_class=OPEN, stop=SUSPENDED),
    "the same to verify (`?purpose=verify`)": may_download(VERIFY, open_class=OPEN, stop=SUSPENDED),
    "read a case": lambda actor: engine.may_see(CASE, actor),
    "read the audit log": lambda actor: desk_auth.permission_read_audit(actor).get("success", False),
    "set a working day": lambda actor: bool(actor.regions(Role.AUTHORITY)),
}


def power_table() -> str:
    """Draw who may do what; every cell is an answer of the code that decides it in the portal."""
    return table(("power", *PEOPLE), [power_row(what, may) for what, may in powers().items()])


def power_row(what: str, may: Callable[[Actor], bool]) -> list[str]:
    """Return who has one power."""
    held = [may(actor) or (name == "sysadmin" and what in CKANS) for name, actor in PEOPLE.items()]
    return [what, *(YES if yes else "" for yes in held)]


def powers() -> dict[str, Callable[[Actor], bool]]:
    """Return every power, the steps of all machines included."""
    found = dict(POWERS)
    for machine in all_machines():
        for step in machine.transitions:
            found[f"`{machine.kind}`: `{step.name}`"] = lambda a, to=step.actor: machines.ROLES[to](a, CASE)
    return found


# --- API -----------------------------------------------------------------------------------------


def actions() -> dict[str, Callable[..., Any]]:
    """Return the actions of this project by name."""
    return dict(sorted(found_in("action").items()))


def found_in(kind: str) -> dict[str, Callable[..., Any]]:
    """Return the functions ``nmgdata_*`` of every ``logic/<kind>.py``, those of a room's parts among them."""
    found = {}
    for room in rooms():
        for path in sorted((PACKAGE / room).rglob(f"logic/{kind}.py")):
            name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            module = importlib.import_module(f"ckanext.nmgdata.{name}")
            made = {**vars(module), **getattr(module, "FUNCTIONS", {})}
            found |= {name: f for name, f in made.items() if name.startswith("nmgdata_")}
    return found


def action_pages() -> str:
    """Draw every action with its parameters and who may call it."""
    auth = found_in("auth")
    return "\n\n".join(action_page(name, function, auth[name]) for name, function in actions().items())


def action_page(name: str, function: Callable[..., Any], auth: Callable[..., Any]) -> str:
    """Draw one action."""
    said = docstrings.read(function)
    method = "GET or POST" if getattr(function, "side_effect_free", False) else "POST"
    who = docstrings.line(inspect.getdoc(auth) or "")
    lines = [f"### `{name}`", "", f"{method}. {said.summary}", "", f"Who: {who}"]
    if said.parameters:
        lines += ["", table(("parameter", "meaning"), [(f"`{p.name}`", p.meaning) for p in said.parameters])]
    if said.returns:
        lines += ["", f"Returns {said.returns}."]
    return "\n".join(lines)


def reason_table() -> str:
    """Draw what the gate can answer."""
    rows = [
        (f"`{reason}`", s.status, _chinese(s.sentence), f"{answers.LAW}{s.article}", YES if s.apply else "")
        for reason, s in answers.SAYINGS.items()
    ]
    return table(("`reason`", "status", "`message`", "`legal_basis`", "`apply_url`"), rows)


# --- documents -----------------------------------------------------------------------------------

BLOCKS: dict[str, Callable[[], str]] = {
    "statutes": statute_table,
    "regions": region_table,
    "enforced": enforced_table,
    "machines": machine_pages,
    "capacities": capacity_table,
    "powers": power_table,
    "actions": action_pages,
    "reasons": reason_table,
}
DOCUMENTS = ("docs/statutes.md", "docs/machines.md", "docs/roles.md", "docs/api.md")


def current(text: str) -> str:
    """Return a document with its blocks drawn anew."""
    return BLOCK.sub(lambda block: f"{block[1]}{BLOCKS[block[2]]()}\n{block[3]}", text)


def stale() -> list[str]:
    """Return the documents that say something else than the code."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS}
    return [name for name, text in texts.items() if current(text) != text]


def main() -> None:
    """Write the documents, or only say which are not current."""
    found = stale()
    if "--check" in sys.argv:
        raise SystemExit(f"not current, run `make docs`: {', '.join(found)}" if found else 0)
    for name in found:
        path = ROOT / name
        path.write_text(current(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"written: {name}")


if __name__ == "__main__":
    main()
