"""The inbox: who finds which case in which box, by what, in which order; assignments and exports."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from hypothesis import given
from hypothesis import strategies as st

from ...factories import STATEMENT, World, call, dataset, join, login, organisation, person, site_context
from ...kernel import clock, orgs
from ...kernel.actors import Actor
from ...kernel.cells import DANGEROUS, harmless
from ...kernel.workflow import boxes, terms
from ...kernel.workflow.model import Case

pytestmark = pytest.mark.usefixtures("clean")
EVERYBODY = ("editor", "reviewer", "colleague", "stranger", "official", "auditor", "applicant", "sysadmin")


@pytest.fixture
def world() -> World:
    """Return a small region whose department has two reviewers."""
    made = World()
    made.colleague = join(person("colleague"), made.department, "reviewer")
    assert made.reviewer
    assert made.official
    return made


@pytest.fixture
def case(world) -> dict:
    """Return an application that waits for the department."""
    return world.submitted()


def numbers(user, **asked) -> list[str]:
    """Return the numbers of the cases that somebody is shown."""
    return [row["number"] for row in call("nmgdata_case_list", user, **asked)]


def many(world, count: int) -> list[str]:
    """Return the numbers of so many applications of different people, oldest first."""
    made = []
    for number in range(count):
        with clock.fixed(clock.now() + timedelta(hours=number)):
            entry = dataset(world.department, title=f"目录第{number}号", open_class="conditional")
            stated = {**STATEMENT, "dataset_id": entry["id"]}
            made.append(call("nmgdata_application_submit", world.applicant, **stated)["number"])
    return made


def later(**after):
    """Hold the clock some time after Monday morning."""
    return clock.fixed(clock.now() + timedelta(**after))


# --- boxes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("box", ["waiting", "due_soon", "overdue", "urged", "all", "unattended"])
@pytest.mark.parametrize("name", EVERYBODY)
def test_nobody_else_finds_a_case_in_any_box(world, case, name, box):
    """R-PLAT-06: the department's reviewers, and what its authority looks after; eight days later."""
    office = ("reviewer", "colleague")
    sees = {
        "waiting": office, "due_soon": (), "overdue": (*office, "official"), "urged": ("official",),
        "all": (*office, "official"), "unattended": (),
    }[box]  # fmt: skip
    with later(days=8):
        assert numbers(getattr(world, name), box=box) == ([case["number"]] if name in sees else [])


@pytest.mark.parametrize(
    ("days", "box"),
    [(0, "waiting"), (2, "waiting"), (3, "due_soon"), (5, "due_soon"), (7, "due_soon"), (8, "overdue")],
)
def test_a_case_is_due_soon_two_working_days_before_its_last(world, case, days, box):
    """Due on Monday 30 November: due soon from Thursday on, over the weekend too, overdue on Tuesday."""
    with later(days=days):
        assert numbers(world.reviewer, box="waiting") == [case["number"]]
        for name in ("due_soon", "overdue"):
            assert numbers(world.reviewer, box=name) == ([case["number"]] if name == box else [])


def test_counts_are_those_of_the_boxes(world, case):
    with later(days=8):
        for user in (world.reviewer, world.official):
            actor = Actor("person", user_id=user.id, name=user.name)
            counted = boxes.counts(actor)
            assert counted == {box: len(numbers(user, box=box)) for box in boxes.offered(actor)}


@pytest.mark.parametrize("lost", ["reviewer leaves", "account deleted", "department deleted"])
def test_a_case_whose_department_cannot_decide_any_more_is_found_by_the_authority(world, case, lost):
    """A decider who left, or a department that is gone, strands no case."""
    assert numbers(world.official, box="unattended") == []
    gone = [world.reviewer, world.colleague]
    if lost == "department deleted":
        moved = {"id": world.conditional["id"], "organization_id": world.other["id"]}
        tk.get_action("package_owner_org_update")(site_context(), moved)
        tk.get_action("organization_delete")(site_context(), {"id": world.department["id"]})
    for user in gone if lost == "account deleted" else []:
        tk.get_action("user_delete")(site_context(), {"id": user.id})
    for user in gone if lost == "reviewer leaves" else []:
        tk.get_action("organization_member_delete")(
            site_context(), {"id": world.department["id"], "username": user.name}
        )
    assert numbers(world.official, box="unattended") == [case["number"]]


def test_so_is_one_that_the_only_decider_has_filed(world, case):
    """DC-19: nobody decides their own, so that one waits for nobody."""
    tk.get_action("user_delete")(site_context(), {"id": world.colleague.id})
    own = call("nmgdata_application_submit", world.reviewer, dataset_id=world.conditional["id"], **STATEMENT)
    assert numbers(world.official, box="unattended") == [own["number"]]


def test_a_city_s_authority_has_its_banners_and_nothing_else(world, case):
    """R-ROLE-01: what the list shows is what its reader may open."""
    city = organisation("呼和浩特市数据局", name="hohhot-data", role="authority", region_code="150100")
    banner = organisation("赛罕区交通局", name="saihan", region_code="150105")
    officer = join(person("officer"), city, "reviewer")
    assert join(person("clerk"), banner, "reviewer")
    entry = dataset(banner, title="赛罕区公交", open_class="conditional", region_code="150105")
    there = world.submitted(entry)
    assert numbers(officer, box="all") == [there["number"]]
    assert numbers(world.official, box="all", sort="oldest") == [case["number"], there["number"]]
    assert call("nmgdata_case_show", officer, id=there["id"])["number"] == there["number"]
    with pytest.raises(tk.ObjectNotFound):
        call("nmgdata_case_show", officer, id=case["id"])
    assert orgs.authority_of("150105") == city["id"]


# --- filters, search, pages ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"kind": "open_application"}, True), ({"kind": "rights_objection"}, False),
        ({"status": "review"}, True), ({"status": "approved"}, False),
        ({"org": "nmg-transport"}, True), ({"org": "nmg-water"}, False), ({"org": "nobody"}, False),
        ({"region": "150000"}, True), ({"region": "150100"}, False),
        ({"received_from": "2026-11-23"}, True), ({"received_from": "2026-11-24"}, False),
        ({"received_to": "9999-12-31"}, True), ({"received_from": "9999-12-31"}, False),
        ({"received_to": "2026-11-23"}, True), ({"received_to": "2026-11-22"}, False),
        ({"assigned": "nobody"}, True), ({"assigned": "me"}, False), ({"assigned": "colleague"}, False),
        ({"q": "出租汽车"}, True), ({"q": "租汽"}, True), ({"q": "轨迹 交通厅"}, True), ({"q": "车"}, True),
        ({"q": "水利"}, False), ({"q": "车租"}, False), ({"q": "SQ-20261123"}, True), ({"q": "sq-"}, True),
        ({"q": "YY-"}, False), ({"q": "%"}, True), ({"q": "王小明"}, False), ({"q": "13800000000"}, False),
        ({"q": "城市出行规律"}, True), ({"dataset": "nowhere"}, False),
    ],
)  # fmt: skip
def test_filters_and_search(world, case, asked, found):
    """What is applied for and why is searched, who applies is not."""
    assert world.other
    assert numbers(world.official, box="all", **asked) == ([case["number"]] if found else [])
    assert numbers(world.official, box="all", dataset=world.conditional["name"])


def test_the_search_follows_a_new_title(world, case):
    tk.get_action("package_patch")(site_context(), {"id": world.conditional["id"], "title": "网约车轨迹"})
    assert numbers(world.reviewer, box="all", q="网约车") == [case["number"]]
    assert numbers(world.reviewer, box="all", q="出租汽车") == []


@given(st.text(max_size=40), st.text(max_size=8))
def test_a_title_is_found_by_every_part_of_it(title, more):
    """Pure: whatever a title holds together is found by it, whatever width or case it is typed in."""
    text = title + more
    assert set(terms.asked(title)) <= set(terms.terms(text)) or not terms.RUN.search(terms.fold(more))
    assert set(terms.asked(text.upper())) <= set(terms.terms(text.upper()))


def test_no_search_is_an_error(world):
    """Signs of LIKE and of the query language among them; NUL does not come so far."""
    actor = Actor("person", user_id=world.official.id, name=world.official.name)

    @given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
    def search(words):
        model.Session.execute(boxes.listed(actor, "all", boxes.Filter(q=words)))

    search()


@pytest.mark.parametrize("sort", ["due", "newest", "oldest"])
@pytest.mark.parametrize(
    ("name", "words", "gathered"),
    [
        ("reviewer", "", 0), ("official", "", 0), ("official", "目录 交通厅", 4),
        ("official", "目录 交通厅", 5), ("reviewer", "目录 交通厅", 5),
    ],
)  # fmt: skip
def test_pages_by_cursor_show_every_case_once(world, sort, name, words, gathered, monkeypatch):
    """However they are found: with several words all are gathered first when one word finds few enough."""
    monkeypatch.setattr(boxes, "GATHERED", gathered)
    made = many(world, 5)
    user = getattr(world, name)
    asked = {"box": "all", "sort": sort, "q": words}
    whole = numbers(user, **asked)
    assert whole == (made[::-1] if sort == "newest" else made)
    seen, after = [], ""
    while rows := call("nmgdata_case_list", user, **asked, limit=2, after=after):
        seen += [row["number"] for row in rows]
        after = rows[-1]["cursor"]
    assert seen == whole


@pytest.mark.parametrize("after", ["x", "2026-11-23", "infinity_", "2026-13-01_SQ", "_SQ"])
@pytest.mark.parametrize("sort", ["due", "newest"])
def test_a_cursor_that_is_none_is_refused(world, case, sort, after):
    with pytest.raises(tk.ValidationError) as refused:
        call("nmgdata_case_list", world.reviewer, sort=sort, after=after)
    assert "after" in refused.value.error_dict


@pytest.mark.parametrize(
    "bad", [{"box": "everything"}, {"sort": "size"}, {"received_from": "gestern"}, {"q": "长" * 201}]
)
def test_bad_questions_are_refused_by_name(world, bad):
    with pytest.raises(tk.ValidationError) as refused:
        call("nmgdata_case_list", world.reviewer, **bad)
    assert set(refused.value.error_dict) == set(bad)


# --- assignment ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*EVERYBODY, None])
def test_only_reviewers_of_the_department_assign(world, case, name):
    user = getattr(world, name) if name else None
    if name in ("reviewer", "colleague"):
        done = call("nmgdata_case_assign", user, ids=[case["number"]], assignee="colleague")
        assert done["assigned"] == [case["number"]]
    else:
        with pytest.raises((tk.NotAuthorized, tk.ValidationError)):
            call("nmgdata_case_assign", user, ids=[case["number"]], assignee="colleague")
    assert model.Session.get_one(Case, case["id"]).assignee_id == (
        world.colleague.id if name in ("reviewer", "colleague") else None
    )


@pytest.mark.parametrize("assignee", ["stranger", "official", "applicant", "editor", "nobody-at-all"])
def test_only_a_reviewer_of_the_department_is_assigned_to(world, case, assignee):
    getattr(world, assignee, None)
    with pytest.raises(tk.ValidationError) as refused:
        call("nmgdata_case_assign", world.reviewer, ids=[case["id"]], assignee=assignee)
    assert list(refused.value.error_dict) == [case["id"]]


def test_an_assignment_is_for_all_cases_or_none_and_says_which_is_wrong(world, case):
    closed, unknown = (
        world.submitted(dataset(world.department, open_class="conditional")),
        "SQ-20200101-00001-1",
    )
    call("nmgdata_case_transition", world.applicant, id=closed["id"], transition="withdraw")
    with pytest.raises(tk.ValidationError) as refused:
        call(
            "nmgdata_case_assign", world.reviewer, assignee="colleague",
            ids=[case["number"], closed["number"], unknown],
        )  # fmt: skip
    assert set(refused.value.error_dict) == {closed["number"], unknown}
    assert numbers(world.colleague, assigned="me") == []


def test_an_assignment_is_no_right_and_is_audited(world, case):
    """Everyone with the role may still decide (R-COND-03)."""
    call("nmgdata_case_assign", world.reviewer, ids=[case["id"], case["number"]], assignee="colleague")
    assert numbers(world.colleague, assigned="me") == numbers(world.reviewer, assigned="colleague")
    assert numbers(world.reviewer, assigned="me") == []
    events = call("nmgdata_audit_list", world.auditor, case_id=case["id"])
    (event,) = [one for one in events if one["verb"] == "case.assigned"]
    assert event["detail"] == {"from": None, "to": world.colleague.id}
    call(
        "nmgdata_case_transition", world.reviewer, id=case["id"], transition="refuse",
        refusal_ground="conditions_not_met", reason="与申请用途不符。", legal_basis="《中华人民共和国个人信息保护法》第十三条",
    )  # fmt: skip


def test_the_applicant_learns_nothing_of_who_deals_with_it(world, case):
    call("nmgdata_case_assign", world.reviewer, ids=[case["id"]], assignee="colleague")
    assert call("nmgdata_case_show", world.applicant, id=case["id"])["office"] is None
    assert (
        call("nmgdata_case_show", world.auditor, id=case["id"])["office"]["assignee"]["name"] == "colleague"
    )
    assert "assignee" not in call("nmgdata_case_list", world.applicant, box="filed")[0]


def test_nobody_is_given_their_own_case(world):
    own = {**STATEMENT, "dataset_id": world.conditional["id"]}
    made = call("nmgdata_application_submit", world.colleague, **own)
    with pytest.raises(tk.ValidationError):
        call("nmgdata_case_assign", world.reviewer, ids=[made["id"]], assignee="colleague")


# --- pages and exports ---------------------------------------------------------------------------


def test_the_page_keeps_its_filters_and_assigns_without_a_script(world, case, app):
    headers = login(world.reviewer)
    page = app.get("/nmg/inbox?box=waiting&q=出租&kind=open_application", headers=headers)
    assert case["number"] in page.body
    assert 'value="出租"' in page.body
    form = {"ids": case["number"], "assignee": "colleague", "at_box": "waiting", "at_q": "出租"}
    done = app.post("/nmg/inbox/assign", data=form, headers=headers, follow_redirects=False)
    assert done.headers["Location"].endswith("/nmg/inbox?box=waiting&q=%E5%87%BA%E7%A7%9F")
    assert numbers(world.colleague, assigned="me") == [case["number"]]


@pytest.mark.parametrize("name", [*EVERYBODY, None])
@pytest.mark.parametrize("path", ["", "/export.csv", "/export.xlsx", "/statistics"])
def test_the_inbox_is_for_those_who_decide(world, case, app, name, path):
    headers = login(getattr(world, name)) if name else {}
    answer = app.get(f"/nmg/inbox{path}", headers=headers, status=None, follow_redirects=False)
    office = ["reviewer", "colleague", "official", "stranger"]
    others = [] if path else ["editor", "auditor"]  # who see what else waits for them, and no boxes
    assert answer.status_code == (302 if name is None else 200 if name in office + others else 403)
    if name in others:
        assert 'class="tabs"' not in answer.body
    if name in ("stranger", "editor") and answer.status_code == 200 and path != "/export.xlsx":
        assert case["number"] not in answer.body


def exported(app, user, form, query="box=all"):
    """Return the rows of an export."""
    answer = app.get(f"/nmg/inbox/export.{form}?{query}", headers=login(user))
    assert "attachment" in answer.headers["Content-Disposition"]
    if form == "csv":
        assert answer.data.startswith(b"\xef\xbb\xbf")
        return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    return [[cell.value for cell in row] for row in sheet.rows]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_is_what_the_list_shows_and_nothing_personal(world, app, form, monkeypatch):
    """R-SEC-11: applicants' names, numbers, and words stay where they are; the act is audited."""
    monkeypatch.setattr("ckanext.nmgdata.desk.export.BATCH", 2)
    made = many(world, 3)
    world.objected(world.open_data)
    rows = exported(app, world.reviewer, form, "box=all&sort=oldest&kind=open_application")
    assert [row[0] for row in rows[1:]] == made
    whole = str(exported(app, world.official, form))
    for secret in ("王小明", "13800000000", "李秀英", "13900000000", "研究城市出行", "第三列", "applicant"):
        assert secret not in whole
    events = call("nmgdata_audit_list", world.auditor, subject_type="case_list")
    assert [event["verb"] for event in events] == ["cases.exported"] * 2
    assert events[0]["detail"]["filter"] == {"kind": "open_application"}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_no_cell_of_an_export_is_a_formula(world, app, form):
    world.submitted(dataset(world.department, title='=HYPERLINK("http://x")', open_class="conditional"))
    (title,) = [row[2] for row in exported(app, world.reviewer, form)[1:]]
    assert title == '\'=HYPERLINK("http://x")'


@given(st.text() | st.integers() | st.sampled_from(DANGEROUS).map(lambda sign: f"{sign}1+1"))
def test_harmless_cells(value):
    """Pure: no text begins as a formula does, none is lost, and numbers stay numbers."""
    cell = harmless(value)
    if isinstance(value, int):
        assert cell == value
    else:
        assert not cell.startswith(DANGEROUS)
        assert cell in (value, f"'{value}")


def test_an_export_in_no_known_form(world, app):
    assert app.get("/nmg/inbox/export.pdf", headers=login(world.reviewer), status=None).status_code == 404


def test_a_case_that_goes_to_another_office_is_nobody_s(world, case):
    """The engine clears an assignee who is no reviewer of the new holder."""
    from ...kernel.unit import begin
    from ...kernel.workflow import engine, machine

    call("nmgdata_case_assign", world.reviewer, ids=[case["id"]], assignee="colleague")
    with begin(Actor.system()) as unit:
        row = engine.lock(unit, case["id"])
        row.org_id = world.other["id"]
        engine.settle(unit, machine.of_case(row), row)
    assert model.Session.scalar(sa.select(Case.assignee_id).where(Case.id == case["id"])) is None
