"""Open plans of the demo: last year's, closed with a report, and this year's, as they came to be.

They go the way that people go, through the engine, each step on its day; only the days on which
entries of the demo were opened are set, because the entries themselves are there from the beginning.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from typing import Any

import click
import sqlalchemy as sa
from ckan import model

from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.types import new_id
from ..kernel.unit import begin
from ..kernel.workflow import engine
from ..plan import chores, facts, filing, items, jobs
from ..plan.logic import schema
from ..plan.model import Happening, Item, Plan

ORGS, KEPT = 3, 6
"""Departments with plans, and how many of the promises of each were kept."""
EARLY = 4
"""Month before which this year has no plan yet."""
KEPT_MONTHS = ((3, 25, 3), (5, 20, 5), (6, 12, 6), (6, 28, 6), (9, 9, 7), (10, 20, 10))
"""Month and day on which a promise was kept, and the month for which it was made."""
GROUNDS = (["livelihood"], ["urgent_need"], [], ["livelihood", "urgent_need"], [], [])
FUTURE = (
    ("公共服务网点实时状态", 8, "接口改造尚未完成，预计下一季度开放。"),
    ("办事窗口排队信息", 12, ""),
    ("历史档案目录", 9, "档案数字化项目调整，今年不具备开放条件。"),
)
"""Future datasets: late with its reason, still to come, and dropped with its reason."""


def load(org_names: list[str], authority: str | None) -> None:
    """Make the plans of last year and of this, unless there are any."""
    people = {name: model.User.by_name(name) for name in ("reviewer", "authority")}
    office: Any = model.Group.by_name(authority) if authority else None
    if office is None or not all(people.values()) or model.Session.query(Plan).first():
        return
    reviewer, official = (Actor.person(people[name]) for name in ("reviewer", "authority"))
    today = clock.today()
    years = [today.year - 1, *([today.year] if today.month >= EARLY else [])]
    found = [group.id for name in org_names if (group := model.Group.by_name(name))]
    own = [i for i in found if filing.level_of(i) == "department" and filing.authority_above(i) == office.id]
    chosen = own[:ORGS]
    with click.progressbar(years, label="Open plans") as bar:
        for year in bar:
            for org_id in chosen:
                drafted(reviewer, official, org_id, year)
            follow(reviewer, official, office.id, chosen, year)


def on(year: int, month: int, day: int) -> AbstractContextManager[None]:
    """Let something happen on a day, at ten in the morning, never after the present."""
    moment = datetime(year, month, day, 10, tzinfo=clock.LOCAL)
    return clock.fixed(min(moment, clock.now()))


def drafted(reviewer: Actor, official: Actor, org_id: str, year: int) -> None:
    """Draft the plan of a department, submit it and have it approved."""
    with on(year, 1, 20):
        plan = filing.of_year(org_id, year) or filing.create(reviewer, org_id, year, {})
        with begin(reviewer) as unit:
            own = unit.session.get_one(Plan, plan.id)
            own.key_areas = "与群众办事、出行、就医密切相关的数据。\n企业反映需求集中的数据。"
        for title, month, _reason in FUTURE:
            add_future(reviewer, plan, title, month)
        case_id = plan.case_id
        jobs.do_own()
    with on(year, 2, 9):
        engine.fire(case_id, "submit", reviewer, {})
        with begin(reviewer) as unit:  # not before: data that are open already cannot be submitted
            own = unit.session.get_one(Plan, plan.id)
            for package, months, grounds in zip(
                own_entries(org_id, year), KEPT_MONTHS, GROUNDS, strict=False
            ):
                due = schema.month_end(date(year, months[2], 1))
                unit.session.add(promise(own, package, due, grounds))
    with on(year, 2, 20):
        engine.fire(case_id, "approve", official, {})


def own_entries(org_id: str, year: int) -> list[Any]:
    """Return entries of a department that are open with files; others last year than this."""
    package: Any = model.Package
    has_file = sa.exists().where(model.Resource.package_id == package.id, model.Resource.state == "active")
    query = sa.select(package).where(
        package.owner_org == org_id, package.private.is_(False), has_file,
        package.extras["open_class"].astext.in_(("unconditional", "conditional")),
    )  # fmt: skip
    return list(model.Session.scalars(query.order_by(package.name).offset(KEPT * (year % 2)).limit(KEPT)))


def promise(plan: Plan, package: Any, due: date, grounds: list[str]) -> Item:
    """Return a promise of an entry."""
    item = Item(id=new_id(), plan_id=plan.id, dataset_id=package.id, due_on=due, grounds=grounds)
    item.open_class, item.demand_source = package.extras["open_class"], "own"
    facts.copy(item, package)
    return item


def add_future(reviewer: Actor, plan: Plan, title: str, month: int) -> None:
    """Promise a future dataset."""
    stated = {
        "title": f"{title}（{plan.year}）", "notes": "示例：计划开放的数据集，内容为虚构。",
        "theme": "daily_life",
        "data_form": "spreadsheet", "update_frequency": "monthly", "format": "csv",
        "month": f"{plan.year}-{month:02d}", "open_class": "unconditional", "demand_source": "public_demand",
    }  # fmt: skip
    items.add(reviewer, plan, stated)


def follow(reviewer: Actor, official: Actor, office_id: str, org_ids: list[str], year: int) -> None:
    """Publish the plans of a year and let it go by, as far as it has gone."""
    closed = year < clock.today().year
    plan_of_office = filing.of_year(office_id, year)
    if plan_of_office is None:
        return
    with on(year, 3, 5):
        engine.fire(plan_of_office.case_id, "publish", official, {})
        jobs.do_own()
    for org_id in org_ids:
        plan = filing.of_year(org_id, year)
        if plan is not None:
            live(reviewer, official, plan, closed=closed)


def live(reviewer: Actor, official: Actor, plan: Plan, *, closed: bool) -> None:
    """Let the year of a plan go by: what was kept and when, what was late, what was dropped, the report."""
    plan_id, case_id, year = plan.id, plan.case_id, plan.year
    keep(plan_id, year)
    found = {item.title: item.id for item in model.Session.query(Item).filter(Item.plan_id == plan_id)}
    late, _coming, dropped = (found.get(f"{title}（{year}）") for title, _month, _reason in FUTURE)
    with on(year, 7, 15):
        items.finish(reviewer, plan, str(dropped), {"end": "dropped", "reason": FUTURE[2][2]})
        engine.fire(case_id, "amend", reviewer, {"reason": "年中调整：一项不再具备开放条件。"})
    with on(year, 7, 22):
        engine.fire(case_id, "approve_amendment", official, {})
        jobs.do_own()
    if closed or clock.today() > date(year, FUTURE[0][1], 31):
        with on(year, 9, 3):
            chores.pass_month(plan_id)
            items.explain(reviewer, plan, str(late), {"late_reason": FUTURE[0][2]})
    if closed:
        with on(year, 12, 10):
            chores.pass_month(plan_id)
            engine.fire(case_id, "adjust", Actor.system(), {})
        with on(year, 12, 22):
            carried = {"end": "carried", "reason": "系统建设顺延，转入下一年度。"}
            for item_id in (key for title, key in found.items() if key != dropped and "（" in title):
                items.finish(reviewer, plan, item_id, carried)
            stated = {"adjustment": "核对全部目录条目，更新摘要和更新频率，注销停止采集的条目。"}
            engine.fire(case_id, "close", reviewer, stated)
            jobs.do_own()


def keep(plan_id: str, year: int) -> None:
    """Set the days on which the demo's entries were opened; what lies in the future is kept early."""
    with begin(Actor.system()) as unit:
        query = sa.select(Item).where(Item.plan_id == plan_id, Item.opened_on.is_not(None))
        rows = unit.session.scalars(query.order_by(Item.due_on, Item.dataset_id))
        for item, (month, day, _promised) in zip(rows, KEPT_MONTHS, strict=False):
            opened = item.opened_on = min(date(year, month, day), clock.today() - timedelta(days=1))
            moment = datetime.combine(opened, time(9), clock.LOCAL)
            unit.session.execute(
                sa.update(Happening)
                .where(Happening.item_id == item.id, Happening.kind == "opened")
                .values(at=moment)
            )
