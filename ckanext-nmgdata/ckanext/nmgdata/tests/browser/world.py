"""The small region that the browser tests walk through."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ... import factories
from ...catalog.classes import schedule
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.unit import begin

PASSWORD = "correct-horse-1"
DEPARTMENT, AUTHORITY = "内蒙古自治区交通运输厅", "内蒙古自治区政务服务与数据管理局"
STAFF = {
    "banshi": ("张审核", "reviewer", DEPARTMENT),
    "bianji": ("李编辑", "editor", DEPARTMENT),
    "zhuguan": ("孙主管", "reviewer", AUTHORITY),
    "shenji": ("赵审计", "auditor", AUTHORITY),
}
"""Account → name, role and office."""
CITIZENS = {"chen": "陈申请", "zhou": "周申请", "hejing": "何静"}
OPERATOR = "yunwei"
OPEN, CONDITIONAL = "气象站点观测日值", "出租汽车轨迹抽样"
CONTESTED = ("公路收费站通行记录", "机动车维修企业从业人员", "危险货物运输路线")
"""Open entries that come under objection, one for each journey, so that none closes another's."""
MOVING, EVALUATED = "公交专用道实时路况", "公路养护工程造价"
"""An open entry whose class moves, and a conditional one whose evaluation is due."""
PLAN_YEAR = clock.today().year - 1
"""Year of a published plan of the authority's own; the journeys make the department's of this year."""
names: dict[str, str] = {}
"""Title of an entry → the name in its address."""
WEATHER = "站号,日期,平均气温\r\n53463,2026-11-01,-3.5\r\n".encode()


def build() -> None:
    """Make organisations, people and two entries with files."""
    department = factories.organisation(DEPARTMENT, name="nmg-transport", region_code="150000")
    authority = factories.organisation(AUTHORITY, name="nmg-data", role="authority", region_code="150000")
    offices = {DEPARTMENT: department, AUTHORITY: authority}
    for account, (fullname, role, office) in STAFF.items():
        factories.join(factories.person(account, fullname=fullname, password=PASSWORD), offices[office], role)
    for account, fullname in CITIZENS.items():
        factories.person(account, fullname=fullname, password=PASSWORD)
    factories.person(OPERATOR, fullname="钱运维", password=PASSWORD, sysadmin=True)
    weather = factories.dataset(department, title=OPEN, theme="meteorology", notes="国家级地面气象站的日值。")
    taxis = factories.dataset(department, title=CONDITIONAL, open_class="conditional")
    factories.upload(weather, WEATHER, "weather.csv")
    factories.upload(taxis)
    names.update({OPEN: weather["name"], CONDITIONAL: taxis["name"]})
    bridge = factories.dataset(department, title=EVALUATED, open_class="conditional")
    factories.upload(bridge)
    names[EVALUATED] = bridge["name"]
    with begin(Actor.system()) as unit:
        schedule.open_one(unit, bridge["id"], clock.today() + timedelta(days=20))
    plan_of_the_authority(authority)
    for title in (MOVING, *CONTESTED):
        entry = factories.dataset(department, title=title)
        factories.upload(entry)
        names[title] = entry["name"]


def plan_of_the_authority(authority: dict[str, Any]) -> None:
    """Publish a plan with one promise, of a year that is over."""
    official = factories.join(factories.person("lingdao", fullname="吴领导"), authority, "reviewer")
    plan = factories.call("nmgdata_plan_create", official, org_id=authority["id"], year=PLAN_YEAR)
    factories.call(
        "nmgdata_plan_item_create", official, plan_id=plan["id"], title="政务服务事项清单", notes="全区事项。",
        theme="credit_services", data_form="spreadsheet", update_frequency="monthly", month=f"{PLAN_YEAR}-12",
        open_class="unconditional",
    )  # fmt: skip
    factories.call("nmgdata_case_transition", official, id=plan["case"], transition="publish")
