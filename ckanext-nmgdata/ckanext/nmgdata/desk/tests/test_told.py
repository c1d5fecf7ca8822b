"""Notices in the site and by mail: to whom, once, in which form, and which may be switched off."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from ckan import model
from ckan.plugins import toolkit as tk

from ...accounts.tests.test_accounts import Sink, free_port
from ...factories import call, join, login, person
from ...kernel import clock, outbox
from ...kernel.outbox.model import Outbox
from ...kernel.workflow import sweep
from ...kernel.workflow.notices import CHOICES, Notice
from .. import choices

pytestmark = pytest.mark.usefixtures("clean")
EVERYBODY = ("reviewer", "applicant", "citizen", "sysadmin")


@pytest.fixture
def deliver(wsgi, clean, monkeypatch):
    """Run a mail server; return what it gets after the outbox has been delivered."""
    sink, port = Sink(), free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setitem(tk.config, "smtp.server", f"127.0.0.1:{port}")

    def work():
        with wsgi._wsgi_app.app_context():
            outbox.deliver(["notice", "mail"])
        got, sink.mails[:] = list(sink.mails), []
        return got

    yield work
    controller.stop()


@pytest.fixture
def case(world) -> dict:
    """Return an application that waits for the department."""
    assert world.reviewer
    return world.submitted()


def subjects(user, **asked):
    """Return what somebody's notices say."""
    return [row["subject"] for row in call("nmgdata_notice_list", user, **asked)["notices"]]


@pytest.mark.parametrize("name", EVERYBODY)
def test_those_concerned_find_the_notice_in_the_site_once(world, case, deliver, name):
    deliver()
    model.Session.execute(sa.update(Outbox).where(Outbox.topic == "notice").values(done_at=None))
    model.Session.commit()
    deliver()
    said = subjects(getattr(world, name))
    assert len(said) == (name in ("reviewer", "applicant"))
    assert all(case["number"] in subject for subject in said)


def test_notices_are_read_and_counted(world, case, deliver, app):
    deliver()
    headers = login(world.reviewer)
    assert 'class="count"' in app.get("/nmg/my", headers=headers).body
    (notice,) = call("nmgdata_notice_list", world.reviewer)["notices"]
    assert call("nmgdata_notice_read", world.applicant, ids=[notice["id"]])["marked"] == 0
    assert call("nmgdata_notice_list", world.reviewer)["unread"] == 1
    page = app.get("/nmg/notices", headers=headers).body
    assert case["number"] in page
    app.post("/nmg/notices/read", data={"ids": str(notice["id"])}, headers=headers)
    assert call("nmgdata_notice_list", world.reviewer)["unread"] == 0
    assert call("nmgdata_notice_list", world.reviewer, unread=True)["notices"] == []
    assert 'class="count"' not in app.get("/nmg/my", headers=headers).body
    assert call("nmgdata_notice_read", world.applicant)["marked"] == 1


@pytest.mark.parametrize("bad", [["x"], [0], [1 << 63]])
def test_ids_that_are_none(world, bad):
    with pytest.raises(tk.ValidationError):
        call("nmgdata_notice_read", world.applicant, ids=bad)


@pytest.mark.parametrize(
    "action",
    [
        "nmgdata_notice_list", "nmgdata_notice_read", "nmgdata_mail_choice_show",
        "nmgdata_mail_choice_update",
    ],
)  # fmt: skip
def test_the_public_has_no_notices(world, action):
    with pytest.raises(tk.NotAuthorized):
        call(action, None, kind="reminders", wanted=False)


def test_older_notices_are_on_the_next_page(world, case, deliver):
    deliver()
    row = model.Session.scalar(sa.select(Notice).where(Notice.user_id == world.reviewer.id))
    assert subjects(world.reviewer, before=row.id) == []
    assert len(subjects(world.reviewer, before=row.id + 1)) == 1


def test_a_mail_has_a_plain_text_and_the_same_in_calm_html(world, case, deliver):
    """Nothing is loaded from anywhere: no image, script, sheet or font."""
    mails = deliver()
    assert len(mails) == 2
    for mail in mails:
        plain = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        assert case["number"] in plain
        for line in plain.split("\n\n"):
            assert line.splitlines()[0].split("http")[0].strip() in html.replace("<br>", "\n")
        assert not re.search(r"<(img|script|link|style|iframe|object)|src=|url\(|@import", html)
        assert set(re.findall(r'href="(https?://[^/"]+)', html)) <= {"http://test.ckan.net"}


def test_markup_in_a_title_stays_text(world, deliver):
    from ...factories import dataset

    assert world.reviewer
    world.submitted(dataset(world.department, title="<b>公交</b><script>", open_class="conditional"))
    for mail in deliver():
        assert "<script" not in mail.get_body(("html",)).get_content()


def reminded(world, deliver):
    """Return the mails that the reviewer gets two working days before the end."""
    deliver()
    with clock.fixed(clock.now() + timedelta(days=3)):
        sweep.sweep()
        return [mail for mail in deliver() if mail["To"] == "reviewer@example.org"]


def test_a_reminder_can_be_switched_off_and_stays_in_the_site(world, case, deliver):
    call("nmgdata_mail_choice_update", world.reviewer, kind="reminders", wanted=False)
    assert reminded(world, deliver) == []
    assert len(subjects(world.reviewer)) == 2
    wanted = {**dict.fromkeys(CHOICES, True), "reminders": False}
    assert call("nmgdata_mail_choice_show", world.reviewer) == wanted
    assert call("nmgdata_mail_choice_update", world.reviewer, kind="reminders", wanted=True)["reminders"]


def test_what_the_law_owes_cannot_be_switched_off(world, case, deliver):
    with pytest.raises(tk.ValidationError):
        call("nmgdata_mail_choice_update", world.applicant, kind="approve", wanted=False)
    for mail in deliver():
        assert mail["List-Unsubscribe"] is None
        assert "/nmg/notices/stop" not in mail.get_body(("html",)).get_content()


def test_the_link_of_a_reminder_switches_it_off_without_a_login(world, case, deliver, app):
    """RFC 8058: the mail program posts; a GET only asks, because scanners follow links."""
    (mail,) = reminded(world, deliver)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip("<>").removeprefix("http://test.ckan.net")
    assert "停" in app.get(link).body or "关闭" in app.get(link).body
    assert call("nmgdata_mail_choice_show", world.reviewer)["reminders"]
    app.post(link, data={"List-Unsubscribe": "One-Click"})
    assert not call("nmgdata_mail_choice_show", world.reviewer)["reminders"]
    assert call("nmgdata_mail_choice_show", world.applicant)["reminders"]


@pytest.mark.parametrize("token", ["", "x", "WyJhIiwicmVtaW5kZXJzIl0.forged"])
def test_a_forged_link_does_nothing(app, token):
    assert app.post(f"/nmg/notices/stop?token={token}", status=None).status_code == 404


def test_a_link_of_another_purpose_does_nothing(pages):
    """What was signed for something else, or names what the law owes, is no link."""
    assert choices.read(choices.signer().dumps("x")) is None
    assert choices.read(choices.signer().dumps(["a", "approve"])) is None


def test_the_page_of_choices(world, app):
    headers = login(world.reviewer)
    app.post("/nmg/notices/mails", data={"assignments": "1"}, headers=headers)
    wanted = {**dict.fromkeys(CHOICES, False), "assignments": True}
    assert call("nmgdata_mail_choice_show", world.reviewer) == wanted
    assert app.get("/nmg/notices/mails", headers=headers).body.count("checked") == 1


def test_an_assignment_is_told_to_the_colleague_only(world, case, deliver):
    colleague = join(person("colleague"), world.department, "reviewer")
    deliver()
    call("nmgdata_case_assign", world.reviewer, ids=[case["id"]], assignee="colleague")
    assert [mail["To"] for mail in deliver()] == ["colleague@example.org"]
    assert subjects(colleague)[0] == f"已分派给您：{case['number']}"
    assert all("已分派" not in subject for subject in subjects(world.reviewer))
    call("nmgdata_case_assign", colleague, ids=[case["id"]], assignee="colleague")
    assert deliver() == []


def test_the_messages_are_valid(world, case, deliver):
    for mail in deliver():
        again = email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)
        assert not again.defects
