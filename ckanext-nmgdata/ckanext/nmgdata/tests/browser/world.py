"""The small region that the browser tests walk through."""

from __future__ import annotations

from ... import factories

PASSWORD = "correct-horse-1"
STAFF = {"banshi": ("张审核", "reviewer"), "bianji": ("李编辑", "editor"), "shenji": ("赵审计", "auditor")}
"""Account → name and role."""
CITIZENS = {"chen": "陈申请", "zhou": "周申请"}
OPEN, CONDITIONAL = "气象站点观测日值", "出租汽车轨迹抽样"
names: dict[str, str] = {}
"""Title of an entry → the name in its address."""
WEATHER = "站号,日期,平均气温\r\n53463,2026-11-01,-3.5\r\n".encode()


def build() -> None:
    """Make organisations, people and two entries with files."""
    authority = factories.organisation(
        "内蒙古自治区政务服务与数据管理局", name="nmg-data", role="authority", region_code="150000"
    )
    department = factories.organisation("内蒙古自治区交通运输厅", name="nmg-transport", region_code="150000")
    for account, (fullname, role) in STAFF.items():
        org = authority if role == "auditor" else department
        factories.join(factories.person(account, fullname=fullname, password=PASSWORD), org, role)
    for account, fullname in CITIZENS.items():
        factories.person(account, fullname=fullname, password=PASSWORD)
    weather = factories.dataset(department, title=OPEN, theme="meteorology", notes="国家级地面气象站的日值。")
    taxis = factories.dataset(department, title=CONDITIONAL, open_class="conditional")
    factories.upload(weather, WEATHER, "weather.csv")
    factories.upload(taxis)
    names.update({OPEN: weather["name"], CONDITIONAL: taxis["name"]})
