"""Who may take which step in which state, and who reads which field: every one for every audience.

The tables are written from law.md §5.1, §5.7 and R-COND-03, R-COND-09, DC-19, R-SEC-11, not from the code.
"""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import factories
from ...factories import STATEMENT, call
from ...kernel.actors import Actor
from ...kernel.types import Conflict
from ...kernel.workflow import engine, machine
from ...kernel.workflow.model import Case, CaseEvent
from ..use import schedule
from ..use.tests.test_use import REPORT, RESULT
from .test_deadlines import at
from .test_stateful import FORMS, STEPS

pytestmark = pytest.mark.usefixtures("clean")
AUDIENCES = ("applicant", "citizen", "editor", "reviewer", "stranger", "official", "auditor", "sysadmin")
BEFORE = ("review", "supplement")
EVERY = {
    **STEPS,
    "transfer": ("reviewer", dict.fromkeys(BEFORE, "review")),
    "reassign": ("official", dict.fromkeys(BEFORE, "review")),
    "deliver": ("reviewer", {"provided": "provided"}),
}
FORMAL = ("formal_ask", "formal_supplement", "pass_on", "reject")
BY_CLOCK = {"ending", "expire", "close", "end", "submit"}
REPORTS = {
    "report": ("applicant", {"due": "submitted"}),
    "return": ("reviewer", {"submitted": "returned"}),
    "complete": ("applicant", {"returned": "completed"}),
    "note": ("reviewer", {"submitted": "completed"}),
}
RESULTS = {
    "publish": ("reviewer", {"moderation": "published"}),
    "decline": ("reviewer", {"moderation": "declined"}),
    "withdraw": ("applicant", dict.fromkeys(("moderation", "published"), "withdrawn")),
    "take_down": ("reviewer", {"published": "taken_down"}),
}
SENT = {
    **FORMS,
    "approve": {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2027-06-30"},
    "deliver": {"handed_on": "2026-11-23", "content": "文件一份", "medium": "加密硬盘"},
    "report": REPORT, "complete": REPORT, "return": {"reason": "请补充成果。"},
    "decline": {"reason": "与数据无关。"}, "take_down": {"reason": "链接失效。"},
}  # fmt: skip


def everybody(world):
    """Return the people of all audiences."""
    return {name: getattr(world, name) for name in AUDIENCES}


def put(case_id, status):
    """Put a case into a state, however it came there."""
    model.Session.execute(sa.update(Case).where(Case.id == case_id).values(status=status))
    model.Session.commit()


def check(world, case_id, table, ignored=frozenset()):
    """Compare what each audience may do in each state with the table; nobody else's step goes through."""
    people = everybody(world)
    row = model.Session.get_one(Case, case_id)
    kind = machine.of_case(row)
    assert {step.name for step in kind.transitions} - ignored == set(table)
    steps = model.Session.query(CaseEvent).count()
    for state in kind.states:
        put(case_id, state.name)
        row = model.Session.get_one(Case, case_id, populate_existing=True)
        for name, person in people.items():
            may = {step.name for step in engine.possible(row, Actor.person(person))}
            assert may == {s for s, (who, leads) in table.items() if who == name and state.name in leads}, (
                state,
                name,
            )
    for step, (right, leads) in table.items():
        put(case_id, next(iter(leads)))
        for name in people.keys() - {right}:
            refused(people[name], case_id, step)
        put(case_id, next(state.name for state in kind.states if state.name not in leads))
        refused(people[right], case_id, step)
    assert model.Session.query(CaseEvent).count() == steps


def refused(person, case_id, step):
    """Try a step, rightly filled in, that must not go through."""
    with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound, Conflict)):
        call("nmgdata_case_transition", person, id=case_id, transition=step, **SENT.get(step, {}))
    model.Session.rollback()


@pytest.mark.parametrize("region", ["150000", "150100"])
def test_applications(world, monkeypatch, region):
    assert everybody(world)
    assert world.conditional
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.region", region)
    table = {step: line for step, line in EVERY.items() if region == "150100" or step not in FORMAL}
    check(world, world.submitted()["id"], table, BY_CLOCK)


def test_use_reports(world):
    assert everybody(world)
    world.granted()
    with at("2027-05-10T10:00"):
        schedule.open_due()
        case_id = model.Session.scalar(sa.select(Case.id).where(Case.kind == "usage_feedback"))
        check(world, case_id, REPORTS, {"open", "settle"})


def test_results(world):
    assert everybody(world)
    offered = {**RESULT, "datasets": [world.conditional["id"]]}
    case = call("nmgdata_showcase_submit", world.applicant, **offered)
    check(world, case["id"], RESULTS, {"submit"})


def test_every_step_is_told_to_somebody(world):
    """“for every step”, but for those that have a receipt or a page of their own at once."""
    kinds = ("open_application", "usage_feedback", "reuse_showcase", "access_suspension")
    silent = {
        (kind.kind, step.name) for kind in machine.registered() for step in kind.transitions
        if kind.kind in kinds and not step.notices
    }  # fmt: skip
    assert silent == set()


# --- fields --------------------------------------------------------------------------------------

PERSONAL = {
    "applicant_name": STATEMENT["applicant_name"],
    "contact_phone": STATEMENT["contact_phone"],
    "contact_email": "applicant@example.org",
}
STATED = ("scenario", "data_scope", "safeguards")
READS = {
    "applicant": "clear", "reviewer": "masked", "official": "masked", "auditor": "masked",
    "citizen": None, "editor": None, "stranger": None, "sysadmin": None,
}  # fmt: skip


def test_who_reads_which_field(world, app, as_user):
    case = world.submitted()
    for name, person in everybody(world).items():
        if READS[name] is None:
            with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
                call("nmgdata_case_show", person, id=case["id"])
            assert app.get(f"/nmg/cases/{case['number']}", headers=as_user(person)).status_code == 404
            continue
        shown = call("nmgdata_case_show", person, id=case["id"])
        assert all(shown["filed"][field] == STATEMENT[field] for field in STATED)
        for field, value in PERSONAL.items():
            assert (shown["filed"][field] == value) == (READS[name] == "clear"), (name, field)
            assert shown["filed"][field], field
        assert (shown["office"] is None) == (name == "applicant")


def test_a_use_report_is_read_by_its_parties_and_their_overseers_only(world):
    world.granted()
    with at("2027-05-10T10:00"):
        schedule.open_due()
        case_id = model.Session.scalar(sa.select(Case.id).where(Case.kind == "usage_feedback"))
        call("nmgdata_use_report_submit", world.applicant, id=case_id, **REPORT)
        for name in AUDIENCES:
            person = getattr(world, name)
            try:
                text = json.dumps(call("nmgdata_case_show", person, id=case_id), ensure_ascii=False)
            except (tk.ObjectNotFound, tk.NotAuthorized):
                text = ""
            assert (REPORT["actual_use"] in text) == (READS[name] is not None), name


def test_nobody_of_the_same_house_decides_their_own(world):
    """DC-19: a reviewer who applies is no reviewer of that case; a colleague is."""
    colleague = factories.join(factories.person("colleague"), world.department, "reviewer")
    own = call("nmgdata_application_submit", world.reviewer, dataset_id=world.conditional["id"], **STATEMENT)
    row = model.Session.get_one(Case, own["id"])
    assert {step.name for step in engine.possible(row, Actor.person(world.reviewer))} == {"withdraw"}
    assert "approve" in {step.name for step in engine.possible(row, Actor.person(colleague))}
