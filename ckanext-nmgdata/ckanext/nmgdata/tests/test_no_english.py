"""No page speaks English to a reader of the Chinese portal: forms, refusals and CKAN's own corners too."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model
from ckan.plugins import toolkit as tk

from .. import factories
from ..desk import notices
from ..factories import OBJECTION, OUTCOME, PDF, WITHDRAWAL, call
from ..kernel import outbox
from ..kernel.actors import Actor
from ..kernel.gate import rights, trouble
from ..kernel.outbox.model import Outbox
from ..kernel.unit import begin
from ..kernel.workflow.model import Case
from .browser import english

pytestmark = pytest.mark.usefixtures("clean_search")
ATTRIBUTES = (
    "placeholder",
    "title",
    "alt",
    "aria-label",
    "data-label",
    "data-module-content",
    "data-bs-title",
)
TEMPLATES = Path(__file__).parents[1] / "templates" / "nmgdata"
NOT_READ = "script, style, code, pre, [lang=en], .api-examples"
NAMES = re.compile(
    r"\b(?:(?:editor|reviewer|official|auditor|applicant|citizen|stranger|operator|head)\b(?![-@])"
    r"|nmg-transport|nmgdata-[\w-]+|my-group)"
)
"""Names of accounts and addresses, in small letters; the words Editor and Reviewer are still noticed."""


def said(html: str) -> str:
    """Return what a page says: its text, and what is said about its parts."""
    page = BeautifulSoup(html, "html.parser")
    for part in page.select(NOT_READ):
        part.decompose()
    texts = [page.get_text("\n")]
    texts += [str(tag[name]) for name in ATTRIBUTES for tag in page.select(f"[{name}]")]
    texts += [str(tag.get("value", "")) for tag in page.select("input[type=submit], input[type=button]")]
    texts += [str(tag.get("content", "")) for tag in page.select("meta[name=description]")]
    return NAMES.sub(" ", "\n".join(texts))


def reads(app: Any, address: str, status: int = 200, headers: Any = None, **form: str) -> list[str]:
    """Return the lines with English of a page; with a form, of the page that answers it."""
    sent = {"Accept": "text/html", **(headers or {})}
    send = app.post if form else app.get
    answer = send(
        address, headers=sent, status=None, follow_redirects=True, **({"data": form} if form else {})
    )
    assert answer.status_code == status, f"{address}: {answer.status_code}"
    return [f"{address}: {line}" for line in english.lines(said(answer.body))]


def no_english(app, headers, pages) -> None:
    """Read many pages: (address, status, form)."""
    found = []
    for address, *rest in pages:
        status, form = (rest[0] if rest else 200), (rest[1] if len(rest) > 1 else {})
        found += reads(app, address, status, headers, **form)
    assert not found, "\n".join(found)


def file_of(dataset: dict[str, Any]) -> str:
    """Return the address of a dataset's first file."""
    return f"/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}"


def test_what_the_public_reads(world, app):
    org, shown = world.department["name"], world.open_data
    pages = [
        ("/",), ("/about",), ("/dataset/",), ("/dataset/?q=公交",), ("/dataset/?q=没有这样的数据",),
        (f"/dataset/{shown['name']}",), (file_of(shown),), (f"/dataset/{world.conditional['name']}",),
        ("/organization/",), (f"/organization/{org}",),
        (f"/organization/about/{org}",), ("/group/",), ("/nmg/cities",), ("/nmg/cities/ordos",),
        ("/nmg/developers",), ("/nmg/developers/package_search",), ("/nmg/developers/nmgdata_objection_submit",),
        ("/nmg/display",), ("/nmg/developers/none", 404),
        ("/user/login",), ("/user/login", 200, {"login": "a", "password": "b"}),
        ("/user/register",), ("/user/register", 200, {"name": ""}),
        ("/user/reset",), ("/user/reset", 200, {"user": "nobody"}), ("/nmg/cases",),
        ("/nmg/cases", 200, {"number": "SQ-1", "code": "x"}),
    ]  # fmt: skip
    no_english(app, None, pages)


def test_refusals_and_errors(world, app, as_user):
    case = world.submitted()
    suspended, withdrawn = world.open_data, world.filled(factories.dataset(world.department, title="旧名录"))
    origin = rights.Origin(*model.Session.execute(sa.select(Case.id, Case.number)).first())
    with begin(Actor.system()) as unit:
        rights.suspend(unit, origin, withdrawn["id"])
        rights.withdraw(unit, origin.case_id)
        rights.suspend(unit, origin, suspended["id"])
    pages = [
        (f"{file_of(world.conditional)}/download", 403), (f"{file_of(world.non_open)}/download", 404),
        (f"{file_of(suspended)}/download", 451), (f"{file_of(withdrawn)}/download", 410),
        (f"/dataset/{suspended['name']}",), (f"/dataset/{withdrawn['name']}",), (file_of(suspended),),
        ("/no-such-page", 404), ("/dataset/no-such-entry", 404), ("/organization/none", 404),
        ("/user/activate/none?key=x", 410), ("/nmg/cities/none", 404),
    ]  # fmt: skip
    no_english(app, None, pages)
    stranger = [
        ("/nmg/inbox", 403), ("/nmg/audit", 403), (f"/nmg/cases/{case['number']}", 404), ("/ckan-admin/", 403),
        ("/dataset/new", 403), ("/organization/new", 403),
    ]  # fmt: skip
    no_english(app, as_user(world.citizen), stranger)


@pytest.mark.usefixtures("pages")
def test_what_a_rights_holder_and_the_public_read_of_an_objection(world, app):
    form = f"/nmg/object/{world.open_data['name']}"
    sent = {**OBJECTION, "evidence": (io.BytesIO(PDF), "证据.pdf")}
    wrong = {**OBJECTION, "statement": "x", "evidence": (io.BytesIO(b"x"), "证据.pdf")}
    other = world.filled(factories.dataset(world.department, title="驾驶员名册"))
    pages = [
        ("/nmg/suspensions",), ("/nmg/changes",), (form,), (form, 200, {"ground": ""}), (form, 200, wrong),
        (form, 200, sent), (f"/nmg/object/{other['name']}", 200, {**sent, "evidence": (io.BytesIO(PDF + b"%%EOF"), "证据.pdf")}),
        (f"/nmg/object/{other['name']}", 429, {**sent, "evidence": (io.BytesIO(PDF + b"\n%%EOF"), "证据.pdf")}),
        ("/nmg/object/verify/YY-1?key=x", 404), (f"/dataset/{world.open_data['name']}",),
    ]  # fmt: skip
    no_english(app, None, pages)
    case = model.Session.scalar(sa.select(Case).where(Case.dataset_id == world.open_data["id"]))
    again = world.objected(other, world.citizen, evidence=factories.file(PDF + b"% other\n%%EOF"))
    call("nmgdata_case_transition", world.reviewer, id=case.id, transition="withdraw", **WITHDRAWAL)
    outbox.deliver(["reclassify", "verify_contact"])
    verify = next(mail["body"] for mail in mails() if "/nmg/object/verify/" in mail["body"])
    link = re.search(r"/nmg/object/verify/\S+", verify).group()
    gone = world.open_data
    pages = [
        (link,), (link, 200, {"x": ""}), (f"/dataset/{gone['name']}", 410), (file_of(gone), 410), (f"{file_of(gone)}/download", 410),
        (f"{file_of(other)}/download", 451), (form, 404), ("/nmg/suspensions",), ("/nmg/changes",),
        (f"/nmg/cases?number={again['number']}",),
        ("/nmg/cases", 200, {"number": again["number"], "code": again["code"]}),
        ("/nmg/cases", 200, {"number": again["number"], "code": again["code"], "step": "retract"}),
    ]  # fmt: skip
    no_english(app, None, pages)


def test_what_those_who_handle_an_objection_read(world, app, as_user):
    case = world.objected(world.open_data)
    address = f"/nmg/cases/{case['number']}"
    reviewer = [
        ("/nmg/inbox",), (address,), (f"{address}/withdraw", 200, {"public_reason": "13800000000"}),
        (f"{address}/restore", 200, {"findings": "x"}),
        (f"{address}/open_after_processing", 200, {**OUTCOME, "processing": "删去姓名。"}),
        (f"{address}/reveal", 200, {"reason": "核对身份"}), (f"{file_of(world.open_data)}/download", 451),
    ]  # fmt: skip
    no_english(app, as_user(world.reviewer), reviewer)
    official = [
        ("/nmg/inbox",), ("/nmg/objections",), ("/nmg/objections", 200, {"reason": "x"}),
        ("/nmg/objections", 200, {"ids": case["number"], "reason": ""}), (address,),
        (f"{address}/lift_abusive", 200, {"reason": ""}),
    ]  # fmt: skip
    no_english(app, as_user(world.official), official)
    call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="restore", **OUTCOME)
    again = f"/nmg/cases/{world.objected(world.open_data)['number']}"
    no_english(app, as_user(world.official), [(again,), (f"{again}/set_aside", 200, {"reason": ""})])
    done = {
        "ids": world.objected(world.open_data, world.citizen, evidence=factories.file(PDF + b"%%EOF"))[
            "number"
        ]
    }
    pages = [("/nmg/objections", 200, {**done, "reason": "滥用异议权利。"}), ("/nmg/objections",), (address,)]
    no_english(app, as_user(world.official), pages)
    no_english(app, as_user(world.citizen), [("/nmg/objections", 403)])


def test_what_an_office_reads_that_suspends_by_itself(world, app, as_user):
    form = f"/nmg/suspend/{world.open_data['name']}"
    stated = {"danger_kind": "public_interest", "reason": "数据暴露了供水设施的位置。"}
    editor = [(form,), (form, 200, {"reason": ""}), (form, 200, stated)]
    no_english(app, as_user(world.editor), editor)
    number = model.Session.scalar(sa.select(Case.number))
    no_english(app, as_user(world.reviewer), [(f"/nmg/cases/{number}",), ("/nmg/inbox",)])
    no_english(app, as_user(world.citizen), [(form, 403)])


def test_what_overrides_and_broken_links_say(world, app, as_user):
    refused = f"{file_of(world.conditional)}/download"
    override = f"/nmg/override/{world.conditional['resources'][0]['id']}"
    auditor = [(refused, 403), (override, 403, {"reason": "x"})]
    no_english(app, as_user(world.auditor), auditor)
    made = factories.dataset(world.department, open_class="conditional", title="外部数据")
    factories.resource(made, name="外部数据", url="http://10.0.0.1/data.csv")
    made = call("package_show", None, id=made["id"])
    world.granted(made)
    no_english(app, as_user(world.applicant), [(f"{file_of(made)}/download", 502)])


def mails():
    """Return the mails that wait in the outbox, oldest first."""
    query = sa.select(Outbox.payload).where(Outbox.topic == "mail").order_by(Outbox.id)
    return list(model.Session.scalars(query))


MOVED = {"title": "公交刷卡明细", "harder": True, "before": {}, "after": {"needs_id_number": True}}
"""What is stated to applicants when the conditions of data move."""


def test_what_mails_say(world, pages):
    """Every mail about a case, to each who may get it, and those that the gate and objections send."""
    assert world.editor and world.official
    danger = {"danger_kind": "public_interest", "reason": "数据暴露了供水设施的位置。"}
    numbers = [
        world.submitted()["number"],
        world.objected(world.open_data)["number"],
        call("nmgdata_suspension_create", world.editor, dataset_id=world.conditional["id"], **danger)[
            "number"
        ],
        call("nmgdata_plan_create", world.editor, org_id="nmg-transport", year=2026)["case"],
    ]
    said = []
    for case in model.Session.scalars(sa.select(Case).where(Case.number.in_(numbers))).all():
        names = [file.stem for file in (TEMPLATES / case.kind / "mail").glob("*.txt")]
        assert names, case.kind
        for name in (*notices.COMMON, *names):
            for to in ("filer", "provider", "authority", "members"):
                payload = {"template": name, "to": to, "event": "", "kind": case.kind}
                payload["stated"] = MOVED if name == "conditions" else None
                said.append(notices.render(case, payload))
    trouble.report(world.conditional["resources"][0]["id"], trouble.Trouble.PAGE)
    outbox.deliver(["notice", "verify_contact", trouble.TOPIC])
    said += [(mail["subject"], mail["body"]) for mail in mails()]
    said += [(kind, trouble.sentence(kind)) for kind in trouble.Trouble]
    assert english.in_mails(said) == []


def test_what_an_applicant_reads(world, app, as_user):
    mine = as_user(world.applicant)
    form = f"/nmg/apply/{world.conditional['id']}"
    no_english(app, mine, [("/nmg/my",), (form,), (form, 200, {"scenario": "x"})])
    case = world.granted()
    name = world.applicant.name
    call("follow_dataset", world.applicant, id=world.conditional["id"])
    pages = [
        ("/nmg/my",), ("/nmg/favourites",), (f"/nmg/cases/{case['number']}",), (f"/dataset/{world.conditional['name']}",),
        (f"/user/edit/{name}",), (f"/user/edit/{name}", 200, {"email": "x", "name": name, "old_password": "", "save": ""}),
        (f"/user/{name}",), (f"/user/{name}/api-tokens",),
    ]  # fmt: skip
    no_english(app, mine, pages)


def test_what_an_editor_reads(world, app, as_user):
    made, name = world.conditional, world.editor.name
    view = tk.get_action("resource_view_create")(
        factories.site_context(),
        {"resource_id": made["resources"][0]["id"], "view_type": "text_view", "title": "预览"},
    )
    file, entry = file_of(made), made["name"]
    pages = [
        (f"/dataset/{world.non_open['name']}",), (f"{file_of(world.non_open)}/download", 403),
        ("/dataset/new",), ("/dataset/new", 200, {"title": "", "save": ""}), (f"/dataset/edit/{entry}",),
        (f"/dataset/edit/{entry}", 200, {"title": "", "save": ""}), (f"/dataset/resources/{entry}",),
        (f"/dataset/{entry}/resource/new",), (f"/dataset/{entry}/resource/new", 200, {"id": "", "save": "again"}),
        (f"{file}/edit",), (f"{file}/views",), (f"{file}/new_view?view_type=text_view",),
        (f"{file}/edit_view/{view['id']}",), (f"{file}/delete",), (f"/dataset/delete/{entry}",), (file,),
        (f"/user/{name}",), (f"/user/edit/{name}",), ("/dashboard/datasets",), ("/dashboard/organizations",),
    ]  # fmt: skip
    no_english(app, as_user(world.editor), pages)


def test_what_reviewers_and_auditors_read(world, app, as_user):
    case = world.submitted()
    address = f"/nmg/cases/{case['number']}"
    reviewer = [
        ("/nmg/inbox",), (address,), (f"{address}/approve", 200, {"purpose": ""}),
        (f"{address}/refuse", 200, {"reason": "x"}), (f"{address}/withdraw", 403, {"x": ""}),
    ]  # fmt: skip
    no_english(app, as_user(world.reviewer), reviewer)
    no_english(app, as_user(world.auditor), [("/nmg/audit",), (address,)])


def test_what_the_head_of_a_department_reads(world, app, as_user):
    head = factories.join(factories.person("head"), world.department, "admin")
    org = world.department["name"]
    pages = [
        (f"/organization/edit/{org}",), (f"/organization/edit/{org}", 200, {"title": "", "name": "", "save": ""}),
        (f"/organization/members/{org}",), (f"/organization/manage_members/{org}",),
        (f"/organization/member_new/{org}",), (f"/organization/member_new/{org}", 200, {"username": "nobody"}),
        (f"/organization/bulk_process/{org}",), (f"/organization/member_new/{org}?user={world.editor.name}",),
    ]  # fmt: skip
    no_english(app, as_user(head), pages)


def test_what_the_operator_reads(world, app, as_user):
    org, person = world.department["name"], world.editor.name
    pages = [
        ("/ckan-admin/",), ("/ckan-admin/config",), ("/ckan-admin/reset_config",), ("/ckan-admin/trash",),
        ("/user/",), ("/organization/new",), ("/organization/new", 200, {"title": "", "save": ""}),
        ("/group/new",), (f"/user/{person}",), (f"/user/edit/{person}",), (f"/organization/delete/{org}",),
    ]  # fmt: skip
    no_english(app, as_user(world.sysadmin), pages)


def test_what_programs_are_told_stays_machine_readable(world, app):
    """The reason is a code; the sentence beside it is in the language of the portal."""
    answer = app.get(
        f"{file_of(world.conditional)}/download", headers={"Accept": "application/json"}, status=403
    )
    error = json.loads(answer.body)["error"]
    assert re.fullmatch(r"[a-z_]+", error["reason"])
    assert english.words(error["message"]) == set()
