"""Two things at once: one decision, one grant, no byte after the end; mail that waits comes once."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from datetime import timedelta
from email.message import Message

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler
from ckan import model
from ckan.plugins import toolkit as tk

from ... import factories
from ...conftest import MONDAY
from ...factories import call
from ...kernel import clock, outbox
from ...kernel.audit import verify
from ...kernel.gate import streams
from ...kernel.gate.model import Grant
from ...kernel.outbox.model import Outbox
from ...kernel.types import Conflict
from ...kernel.workflow.model import Case, CaseEvent

pytestmark = pytest.mark.usefixtures("clean")
APPROVAL = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2026-12-31"}
REFUSAL = {
    "refusal_ground": "conditions_not_met", "reason": "不符合限定的对象",
    "legal_basis": "内政发〔2024〕19号第二十七条第（二）项",
}  # fmt: skip


def race(case, *movers):
    """Take steps at the same moment; return their outcomes, in the order of the movers."""
    people = [(who.name, who.record, step, data) for who, step, data in movers]
    model.Session.remove()
    ready, outcomes = threading.Barrier(len(people)), [""] * len(people)

    def move(place, name, record, step, data):
        with clock.fixed(MONDAY):
            ready.wait(10)
            try:
                context = {"user": name, "auth_user_obj": record}
                tk.get_action("nmgdata_case_transition")(
                    context, {"id": case["id"], "transition": step, **data}
                )
                outcomes[place] = "done"
            except Conflict:
                outcomes[place] = "conflict"
            finally:
                model.Session.remove()

    threads = [threading.Thread(target=move, args=(place, *person)) for place, person in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def state(case):
    """Return where a case stands, how many decisions it had, and its grants."""
    model.Session.expire_all()
    decided = sa.select(sa.func.count()).where(
        CaseEvent.case_id == case["id"], CaseEvent.transition.in_(("approve", "refuse"))
    )
    grants = list(model.Session.scalars(sa.select(Grant).where(Grant.case_id == case["id"])))
    return model.Session.get_one(Case, case["id"]).status, model.Session.scalar(decided), grants


def test_two_approvals_make_one_grant(world):
    colleague = factories.join(factories.person("colleague"), world.department, "reviewer")
    case = world.submitted()
    outcomes = race(case, (world.reviewer, "approve", APPROVAL), (colleague, "approve", APPROVAL))
    assert sorted(outcomes) == ["conflict", "done"]
    status, decisions, grants = state(case)
    assert (status, decisions, len(grants)) == ("approved", 1, 1)
    assert verify.verify() == []


def test_approval_against_refusal_is_one_decision(world):
    colleague = factories.join(factories.person("colleague"), world.department, "reviewer")
    case = world.submitted()
    outcomes = race(case, (world.reviewer, "approve", APPROVAL), (colleague, "refuse", REFUSAL))
    assert sorted(outcomes) == ["conflict", "done"]
    status, decisions, grants = state(case)
    assert decisions == 1
    assert (status, len(grants)) == (("approved", 1) if outcomes[0] == "done" else ("refused", 0))


def test_withdrawal_against_approval_leaves_no_right(world):
    """Withdrawn first, there is nothing to approve; approved first, the grant ends with the withdrawal."""
    case = world.submitted()
    approved, withdrawn = race(case, (world.reviewer, "approve", APPROVAL), (world.applicant, "withdraw", {}))
    assert withdrawn == "done"
    status, decisions, grants = state(case)
    assert status == "withdrawn"
    assert len(grants) == decisions == (approved == "done")
    assert all(grant.ended_at is not None for grant in grants)
    resource = world.conditional["resources"][0]["id"]
    assert not call("nmgdata_access_explain", world.applicant, id=resource)["allowed"]
    assert verify.verify() == []


def test_acceptance_against_revocation_leaves_no_right(world):
    case = world.submitted()
    call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="approve", **APPROVAL)
    why = {"reason": "经复核属误批。", "legal_basis": "内政发〔2024〕19号第二十八条"}
    _accepted, revoked = race(
        case, (world.applicant, "accept", {"agreement": "2026-1"}), (world.reviewer, "revoke", why)
    )
    assert revoked == "done"
    status, _decisions, (grant,) = state(case)
    assert (status, grant.ended_at is not None) == ("revoked", True)


WAYS = ("the last day ends", "revoked", "suspended")


def test_a_right_that_ends_during_a_download_cuts_it(world, wsgi, as_user, monkeypatch):
    monkeypatch.setattr(streams, "INTERVAL", 0)
    headers = as_user(world.applicant)
    for how in WAYS:
        made = factories.dataset(world.department, open_class="conditional")
        factories.upload(made, b"n,text\n" + b"1,0123456789\n" * 80_000, "large.csv")
        made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        case = world.granted(made)
        address = f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"
        answer = wsgi._wsgi_app.test_client().get(address, headers=headers, buffered=False)
        pieces = iter(answer.response)
        assert next(pieces)
        if how == "revoked":
            why = {"reason": "经复核属误批。", "legal_basis": "内政发〔2024〕19号第二十八条"}
            call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="revoke", **why)
        if how == "suspended":
            factories.stop(made)
        later = MONDAY + timedelta(days=300) if how == "the last day ends" else MONDAY
        with clock.fixed(later), pytest.raises(streams.CutError):
            next(pieces)
        answer.close()


# --- mail ----------------------------------------------------------------------------------------


class Letters(Handler):
    """A mail server that keeps what comes in."""

    def __init__(self):
        super().__init__()
        self.got: list[Message] = []

    def handle_message(self, message):
        self.got.append(message)


@pytest.mark.usefixtures("pages")
def test_a_mail_server_that_is_down_for_an_hour_loses_nothing_and_sends_once(world, monkeypatch):
    """The same server and port, down and then up; meanwhile people go on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setitem(tk.config, "smtp.server", f"127.0.0.1:{port}")
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.mail.timeout", 1)
    assert world.reviewer
    assert world.official

    def goes_by(minutes, step=2):
        for minute in range(minutes[0], minutes[1], step):
            with clock.fixed(MONDAY + timedelta(minutes=minute)):
                outbox.deliver(["notice", "mail"])

    case = world.submitted()
    goes_by((0, 20))
    call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="ask", question="请补充说明。")
    goes_by((20, 40))
    call(
        "nmgdata_case_transition",
        world.applicant,
        id=case["id"],
        transition="supplement",
        supplement="已补充",
    )
    call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="approve", **APPROVAL)
    goes_by((40, 60))
    wanted = [row.payload for row in model.Session.query(Outbox).filter_by(topic="mail")]
    assert (
        len(wanted) == 5
    )  # submitted: both; asked: applicant; supplemented: department; approved: applicant
    letters = Letters()
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        goes_by((60, 130))
    finally:
        controller.stop()
    heads = [(letter["To"], letter["Message-ID"]) for letter in letters.got]
    assert Counter(address for address, _id in heads) == Counter(mail["to"] for mail in wanted)
    assert len({message_id for _address, message_id in heads}) == len(wanted)
    assert all(row.done_at and not row.error for row in model.Session.query(Outbox).filter_by(topic="mail"))
