"""Two machines: the use report (law.md §5.7) and the result offered for the showcase (R-USE-02, R-USE-04)."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from ckan import model

from ...kernel import clock, retention
from ...kernel.actors import Actor
from ...kernel.deadlines import statutes
from ...kernel.deadlines.calendar import load
from ...kernel.gate.model import GrantScope
from ...kernel.orgs import REGION
from ...kernel.unit import Unit, begin
from ...kernel.workflow import engine, machine, subjects, sweep
from ...kernel.workflow.machine import (
    ANYONE,
    DRAFT,
    FILER,
    PROVIDER,
    SYSTEM,
    Machine,
    Payload,
    State,
    Transition,
)
from ...kernel.workflow.model import Case
from . import citation
from .logic import schema
from .model import Showcase, ShowcaseDataset, UseReport

N_ = str  # marks a string for translation; it is translated when shown

REPORT, SHOWCASE = "usage_feedback", "reuse_showcase"
USE = "D-USE"
STATED = ("actual_use", "results", "benefit", "safety")

# --- the report ----------------------------------------------------------------------------------


def report_of(unit: Unit, case: Case) -> UseReport:
    """Return the report of a case."""
    return unit.session.get_one(UseReport, case.id)


def keep(unit: Unit, case: Case, data: Payload) -> None:
    """Keep what the user of the data stated, apart from the timeline: it may name people."""
    report = report_of(unit, case)
    for name in STATED:
        setattr(report, name, data[name])
    report.submitted_at = unit.now


def due_on(unit: Unit, case: Case, data: Payload) -> date:
    """Return the day on which the report is due."""
    return report_of(unit, case).due_on


def completed_by(unit: Unit, case: Case, data: Payload) -> date:
    """Return until when a returned report is to be completed: as long as the department had to return it."""
    return load().add(clock.local_date(unit.now), notice_days()).on


def notice_days() -> int:
    """Return how many working days before its date a report is asked for: the longest reminder.

    As long a department may return it, and its user complete it; the law has no number for either.
    """
    return max(statutes.get(USE).remind)


USE_REPORT = Machine(
    kind=REPORT,
    prefix="FK",
    label=N_("Use report"),
    basis="内政发〔2024〕19号第三十六条第三款",
    filer=N_("data user"),
    states=(
        State("due", N_("Use report to be given"), holder=FILER),
        State("submitted", N_("Use report given")),
        State("returned", N_("Use report to be completed"), holder=FILER),
        State("completed", N_("Use report filed"), final=True),
    ),
    transitions=(
        Transition(
            "open", N_("Use report asked for"), (DRAFT,), "due", SYSTEM,
            opens=USE, until=due_on, notices=(FILER,),
        ),
        Transition(
            "report", N_("Give the use report"), ("due",), "submitted", FILER,
            form=schema.report, recorded=False, effects=(keep,), meets=(USE,), notices=(PROVIDER,),
        ),
        Transition(
            "return", N_("Return for completion"), ("submitted",), "returned", PROVIDER,
            form=schema.return_for_completion, opens=USE, until=completed_by, notices=(FILER,),
        ),
        Transition(
            "complete", N_("Complete the use report"), ("returned",), "completed", FILER,
            form=schema.report, recorded=False, effects=(keep,), meets=(USE,), notices=(PROVIDER,),
        ),
        Transition(
            "note", N_("Take note"), ("submitted",), "completed", PROVIDER, notices=(FILER,), owed=False,
        ),
        Transition(
            "settle", N_("Not returned in time"), ("submitted",), "completed", SYSTEM,
            notices=(FILER,), owed=False,
        ),
    ),
)  # fmt: skip
"""A report can be returned once, because no step leads back to ``submitted`` (§5.7). Late: reminded and
listed, never cut off; no step of this machine touches the grant (DC-26)."""


def not_returned() -> list[tuple[str, str]]:
    """Return the reports that their department has not returned in time."""
    calendar, today = load(), clock.today()
    days = notice_days()
    query = sa.select(Case.id, Case.changed_at).where(Case.kind == REPORT, Case.status == "submitted")
    return [
        (case_id, "settle")
        for case_id, since in model.Session.execute(query)
        if calendar.add(clock.local_date(since), days).on < today
    ]


def erase_report(unit: Unit, case: Case) -> None:
    """Destroy what a user of data stated; period and dates stay."""
    report = report_of(unit, case)
    for name in STATED:
        if getattr(report, name):
            setattr(report, name, "")


# --- the result ----------------------------------------------------------------------------------

RESULT = Machine(
    kind=SHOWCASE,
    prefix="CG",
    label=N_("Result for the showcase"),
    basis="内政发〔2024〕19号第三十三条、第三十六条第三款",
    filer=N_("data user"),
    states=(
        State("moderation", N_("Waiting for the department"), holder=PROVIDER),
        State("published", N_("Shown in the showcase")),
        State("declined", N_("Not shown"), final=True),
        State("withdrawn", N_("Taken back"), final=True),
        State("taken_down", N_("Taken out of the showcase"), final=True),
    ),
    transitions=(
        Transition(
            "submit", N_("Result offered"), (DRAFT,), "moderation", ANYONE,
            recorded=False, notices=(PROVIDER,),
        ),
        Transition(
            "publish", N_("Show in the showcase"), ("moderation",), "published", PROVIDER, notices=(FILER,),
        ),
        Transition(
            "decline", N_("Do not show"), ("moderation",), "declined", PROVIDER,
            form=schema.moderation, notices=(FILER,),
        ),
        Transition(
            "withdraw", N_("Take back"), ("moderation", "published"), "withdrawn", FILER,
            notices=(PROVIDER,), owed=False,
        ),
        Transition(
            "take_down", N_("Take out of the showcase"), ("published",), "taken_down", PROVIDER,
            form=schema.moderation, notices=(FILER,),
        ),
    ),
)  # fmt: skip


def offer(
    actor: Actor, datasets: list[model.Package], stated: Payload, report_id: str | None
) -> engine.Receipt:
    """Offer a result; the department of the first dataset decides whether it is shown."""
    first = datasets[0]
    filing = engine.Filing(
        org_id=first.owner_org,
        region_code=(first.extras or {}).get("region_code") or REGION,
        dataset_id=first.id,
        filer_id=actor.user_id,
    )

    def rows(unit: Unit, case: Case) -> None:
        kept = ("title", "description", "link")
        values = {name: stated[name] for name in kept} | citation.completed(actor, datasets, stated)
        unit.session.add(Showcase(case_id=case.id, report_id=report_id, **values))
        unit.session.flush()
        unit.session.add_all(ShowcaseDataset(case_id=case.id, dataset_id=d.id) for d in datasets)
        unit.session.flush()

    with begin(actor) as unit:
        return engine.start(SHOWCASE, filing, actor, {}, unit, rows=rows)


def erase_result(unit: Unit, case: Case) -> None:
    """Destroy what was said of a result that is not shown (any more)."""
    row = unit.session.get_one(Showcase, case.id)
    row.title = row.description = ""
    row.link = row.source_statement = None


def install() -> None:
    """Make the machines known and listen to the clock."""
    machine.register(USE_REPORT)
    machine.register(RESULT)
    reached = sa.select(UseReport.case_id, GrantScope.dataset_id)
    subjects.register(REPORT, reached.where(GrantScope.grant_id == UseReport.grant_id))
    subjects.register(SHOWCASE, sa.select(ShowcaseDataset.case_id, ShowcaseDataset.dataset_id))
    sweep.timer("use_report_settled", not_returned)
    retention.register(REPORT, erase_report)
    retention.register(SHOWCASE, erase_result)
