"""No page speaks English to a reader of the Chinese portal: forms, refusals and CKAN's own corners too."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model
from ckan.plugins import toolkit as tk

from .. import factories
from ..kernel.actors import Actor
from ..kernel.gate import rights
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
NOT_READ = "script, style, code, pre, [lang=en], .api-examples"
NAMES = re.compile(
    r"\b(?:(?:editor|reviewer|official|auditor|applicant|citizen|stranger|operator|head)\b(?![-@])"
    r"|nmg-transport|nmgdata-\w+|my-group)"
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


def test_what_an_applicant_reads(world, app, as_user):
    mine = as_user(world.applicant)
    form = f"/nmg/apply/{world.conditional['id']}"
    no_english(app, mine, [("/nmg/my",), (form,), (form, 200, {"scenario": "x"})])
    case = world.granted()
    name = world.applicant.name
    pages = [
        ("/nmg/my",), (f"/nmg/cases/{case['number']}",), (f"/dataset/{world.conditional['name']}",),
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
