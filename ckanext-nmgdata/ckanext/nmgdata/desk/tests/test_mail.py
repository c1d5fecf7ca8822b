"""Mail that is refused for good is not sent for ever; the others go on. A real mail server answers."""

from __future__ import annotations

import smtplib
import socket
from datetime import timedelta

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.cli import nmgdata
from click.testing import CliRunner

from ...conftest import MONDAY
from ...kernel import clock, outbox
from ...kernel.actors import Actor
from ...kernel.outbox import queue
from ...kernel.outbox.model import Outbox
from ...kernel.unit import begin
from ...tests import faults
from .. import notices


class Moody:
    """A mail server that answers by the first letter of the address."""

    answers = {"u": "550 5.1.1 no such user", "f": "452 4.2.2 mailbox full, try later"}

    def __init__(self):
        self.got, self.asked = [], []

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.asked.append(address)
        if address[0] in self.answers:
            return self.answers[address[0]]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0][0] == "d":
            return "554 5.7.1 we do not want this"
        if envelope.rcpt_tos[0][0] == "b":
            session.transport = None
            server.transport.abort()
            return "421 gone"
        self.got.append(envelope.rcpt_tos[0])
        return "250 kept"


@pytest.fixture
def server(receiver, pages):
    """Run the mail server; mails are written as within the portal."""
    return receiver


@pytest.fixture
def receiver(clean, monkeypatch):
    """Run the mail server; without SMTPUTF8, as many are."""
    moody = Moody()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(moody, hostname="127.0.0.1", port=port, enable_SMTPUTF8=False)
    controller.start()
    monkeypatch.setitem(tk.config, "smtp.server", f"127.0.0.1:{port}")
    monkeypatch.setitem(tk.config, "smtp.mail_from", "noreply@example.org")
    yield moody
    controller.stop()


def write(*addresses):
    """Put mails into the outbox."""
    with begin(Actor.system()) as unit:
        for address in addresses:
            mail = {"to": address, "subject": "通知", "body": "正文\n"}
            outbox.enqueue(unit.session, "mail", mail, key=f"k:{address}")


def rows():
    """Return the mails by address."""
    model.Session.expire_all()
    return {row.payload["to"]: row for row in model.Session.scalars(sa.select(Outbox))}


def deliver_for(hours):
    """Deliver every minute for some hours."""
    for minute in range(0, hours * 60, 10):
        with clock.fixed(MONDAY + timedelta(minutes=minute)):
            outbox.deliver(["mail"])


REFUSED = ["unknown@example.org", "data@example.org", "张三@example.org", "no address", "x\ny@example.org"]


def test_what_is_refused_for_good_fails_once_with_the_reason_and_the_others_go_on(server):
    write(*REFUSED, "good@example.org")
    deliver_for(hours=6)
    assert server.got == ["good@example.org"]
    assert server.asked.count("unknown@example.org") == 1
    found = rows()
    assert {address for address, row in found.items() if row.done_at and row.error} == set(REFUSED)
    assert "550 5.1.1 no such user" in found["unknown@example.org"].error
    assert "554 5.7.1" in found["data@example.org"].error
    assert found["good@example.org"].error is None


def test_what_is_refused_for_now_is_tried_again_ever_more_slowly(server, monkeypatch):
    write("full@example.org", "broken-off@example.org", "good@example.org")
    outbox.deliver(["mail"])
    assert server.got == ["good@example.org"]
    found = rows()
    for address in ("full@example.org", "broken-off@example.org"):
        assert (found[address].done_at, found[address].attempts) == (None, 1)
        assert found[address].due_at == MONDAY + timedelta(seconds=queue.RETRY[0])
    deliver_for(hours=3)
    assert server.asked.count("full@example.org") <= 12
    monkeypatch.setattr(Moody, "answers", {})
    with clock.fixed(MONDAY + timedelta(hours=5)):
        outbox.deliver(["mail"])
    assert "full@example.org" in server.got


@pytest.mark.parametrize("way", sorted(faults.AWAY))
def test_a_server_that_is_away_is_asked_once_and_not_for_each_mail(server, way, monkeypatch):
    asked = []
    connect = notices.connect
    monkeypatch.setattr(notices, "connect", lambda: (asked.append(1), connect())[1])
    write("a@example.org", "c@example.org", "e@example.org")
    with faults.without_mail(way):
        outbox.deliver(["mail"])
    assert len(asked) == 1
    with clock.fixed(MONDAY + timedelta(seconds=notices.AWAY)):
        outbox.deliver(["mail"])
    assert sorted(server.got) == ["a@example.org", "c@example.org", "e@example.org"]


def test_a_portal_that_may_not_send_loses_no_mail(server, monkeypatch):
    """A refused login or sender is the settings' fault; mails wait until they are mended."""

    def refused(self, *arguments, **options):
        raise smtplib.SMTPSenderRefused(550, b"who are you", "noreply@example.org")

    write("a@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(smtplib.SMTP, "send_message", refused)
        outbox.deliver(["mail"])
    assert rows()["a@example.org"].done_at is None
    with clock.fixed(MONDAY + timedelta(hours=1)):
        outbox.deliver(["mail"])
    assert server.got == ["a@example.org"]


def test_who_runs_the_portal_sees_what_failed_and_can_try_again(server, monkeypatch):
    write("unknown@example.org")
    outbox.deliver(["mail"])
    runner = CliRunner()
    listed = runner.invoke(nmgdata, ["outbox", "list"])
    assert "unknown@example.org" in listed.output
    assert "550 5.1.1" in listed.output
    number = listed.output.split("\t")[0]
    assert "unknown" not in runner.invoke(nmgdata, ["outbox", "list", "--waiting"]).output
    monkeypatch.setattr(Moody, "answers", {})
    assert runner.invoke(nmgdata, ["outbox", "retry"]).exit_code == 2
    assert runner.invoke(nmgdata, ["outbox", "retry", number]).exit_code == 0
    outbox.deliver(["mail"])
    assert server.got == ["unknown@example.org"]
    assert "unknown" not in runner.invoke(nmgdata, ["outbox", "list"]).output


def test_the_operator_and_the_authority_see_on_a_page_what_failed(receiver, world, app, wsgi, as_user):
    people = (world.sysadmin, world.official)
    write("unknown@example.org")
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        outbox.deliver(["mail"])  # not about the requests below, which would share its login
    for who in people:
        page = app.get("/nmg/undelivered", headers=as_user(who))
        assert "550 5.1.1" in page.body
        assert "u***@***" in page.body
        assert "unknown@example.org" not in page.body
        assert "no-store" in page.headers["Cache-Control"]
        assert "/nmg/undelivered" in app.get("/nmg/notices", headers=as_user(who)).body
    for who in (world.editor, world.reviewer, world.auditor, world.applicant):
        assert app.get("/nmg/undelivered", headers=as_user(who), status=None).status_code == 403
        assert "/nmg/undelivered" not in app.get("/nmg/notices", headers=as_user(who)).body
    assert app.get("/nmg/undelivered", follow_redirects=False, status=None).status_code == 302
