"""Registration with a real mail server: a local sink that keeps what it is sent."""

from __future__ import annotations

import email
import email.policy
import re
import socket
from datetime import timedelta

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import clock, outbox
from ckanext.nmgdata.kernel.outbox.model import Outbox

FORM = {
    "kind": "natural_person", "name": "王小明", "organisation": "", "credit_code": "",
    "email": "wang@example.org", "password1": "steppe-2026", "password2": "steppe-2026",
}  # fmt: skip


class Sink:
    """Keep every mail."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        """Keep one mail."""
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 kept"


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def mails(wsgi, clean, monkeypatch):
    """Run a mail server; return what it gets after the outbox has been delivered."""
    sink = Sink()
    port = free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setitem(tk.config, "smtp.server", f"127.0.0.1:{port}")
    monkeypatch.setitem(tk.config, "smtp.mail_from", "noreply@example.org")

    def deliver():
        with wsgi._wsgi_app.app_context():
            outbox.deliver(["account", "account_address", "notice", "mail"])
        got, sink.mails[:] = list(sink.mails), []
        return got

    yield deliver
    controller.stop()


def link(mail):
    """Return the link of a mail, without the host."""
    return re.search(r"http://test\.ckan\.net(\S+)", mail.get_body(("plain",)).get_content()).group(1)


class TestRegistering:
    def test_from_the_form_to_the_first_login(self, app, mails):
        assert "wang@example.org" in app.post("/user/register", data=FORM).body
        (mail,) = mails()
        assert mail["To"] == "wang@example.org"
        assert "激活账号" in mail["Subject"]
        login = {"login": "wang@example.org", "password": "steppe-2026"}
        assert "登录失败" in app.post("/user/login", data=login).body
        assert "激活账号" in app.get(link(mail)).body
        assert "账号已激活" in app.post(link(mail)).body
        assert app.post("/user/login", data=login, follow_redirects=False).status_code == 302

    def test_following_the_link_alone_activates_nothing(self, app, mails):
        app.post("/user/register", data=FORM)
        app.get(link(mails()[0]))
        assert (
            model.Session.scalars(sa.select(model.User.state).where(model.User.email == FORM["email"])).one()
            == "pending"
        )

    def test_the_link_works_once(self, app, mails):
        app.post("/user/register", data=FORM)
        address = link(mails()[0])
        app.post(address)
        assert app.post(address, status=None).status_code == 410

    def test_and_for_three_days(self, app, mails):
        app.post("/user/register", data=FORM)
        address = link(mails()[0])
        with clock.fixed(clock.now() + timedelta(days=3, minutes=1)):
            assert app.post(address, status=None).status_code == 410

    def test_a_wrong_key(self, app, mails):
        app.post("/user/register", data=FORM)
        address = link(mails()[0])
        assert app.post(address[:-3] + "xxx", status=None).status_code == 410
        assert app.post("/user/activate/nobody?key=x", status=None).status_code == 410

    def test_a_known_address_is_not_given_away(self, app, mails):
        app.post("/user/register", data=FORM)
        app.post(link(mails()[0]))
        fresh = {**FORM, "email": "new@example.org"}
        known = app.post("/user/register", data=FORM).body.replace("wang@", "X@")
        unknown = app.post("/user/register", data=fresh).body.replace("new@", "X@")
        token = r'content="[\w.-]+" />|value="[\w.-]{60,}"'
        assert re.sub(rf"\s+|{token}", " ", known) == re.sub(rf"\s+|{token}", " ", unknown)
        subjects = [mail["Subject"] for mail in mails()]
        assert any("您已有账号" in subject for subject in subjects)

    def test_two_registrations_of_one_address_make_one_account(self, app, mails):
        app.post("/user/register", data=FORM)
        app.post("/user/register", data=FORM)
        first, second = (link(mail) for mail in mails())
        app.post(first)
        assert app.post(second, status=None).status_code == 410
        active = sa.select(sa.func.count()).where(
            model.User.email == FORM["email"], model.User.state == "active"
        )
        assert model.Session.scalar(active) == 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"email": "no address"}, "邮箱地址格式不对"),
            ({"password1": "short", "password2": "short"}, "至少8个字符"),
            ({"password1": "lowercase", "password2": "lowercase"}, "至少8个字符"),
            ({"password2": "another-1"}, "两次输入的密码不一致"),
            ({"name": ""}, "请填写姓名"),
            ({"kind": "robot"}, "请从列表中选择"),
            ({"kind": "legal_person"}, "请填写单位全称"),
            (
                {"kind": "legal_person", "organisation": "某公司", "credit_code": "1"},
                "统一社会信用代码应为18位",
            ),
        ],
    )
    def test_bad_input_is_told_at_its_field_and_nothing_is_lost(self, app, mails, change, message):
        answer = app.post("/user/register", data={**FORM, **change})
        assert message in answer.body
        assert (change.get("name", FORM["name"])) in answer.body
        assert FORM["password1"] not in answer.body
        assert mails() == []

    def test_an_organisation_s_account_keeps_what_an_application_needs(self, app, mails, as_user):
        org = {"kind": "legal_person", "organisation": "示例研究院", "credit_code": "11152500011659134E"}
        app.post("/user/register", data={**FORM, **org})
        app.post(link(mails()[0]))
        user = model.Session.scalars(sa.select(model.User).where(model.User.email == FORM["email"])).one()
        person = factories.Person(user.id, user.name)
        world = factories.World()
        page = app.get(f"/nmg/apply/{world.conditional['name']}", headers=as_user(person)).body
        assert "示例研究院" in page
        assert "11152500011659134E" in page

    def test_ckan_s_own_way_in_is_closed(self, app, clean):
        data = {"name": "intruder", "email": "i@example.org", "password": "steppe-2026"}
        assert app.post("/api/3/action/user_create", json=data, status=None).status_code == 403


class TestForgottenPassword:
    def test_the_way_back(self, app, mails):
        app.post("/user/register", data=FORM)
        app.post(link(mails()[0]))
        app.post("/user/reset", data={"user": FORM["email"]})
        (mail,) = mails()
        prose = re.sub(r"http\S+|\bu[0-9a-f]{12}\b", "", mail.get_body(("plain",)).get_content())
        assert not re.search(r"[A-Za-z]{4,}", prose.replace("noreply", ""))
        app.post(link(mail), data={"password1": "meadow-2026", "password2": "meadow-2026"})
        login = {"login": FORM["email"], "password": "meadow-2026"}
        assert app.post("/user/login", data=login, follow_redirects=False).status_code == 302

    def test_an_unknown_address_is_not_given_away(self, app, mails):
        app.post("/user/reset", data={"user": "nobody@example.org"})
        assert mails() == []


class TestAnotherAddress:
    """What somebody types as their address is theirs when they have read a mail there."""

    @pytest.fixture
    def user(self, clean):
        return factories.person("wangxiaoming")

    def move(self, app, user, email="new@example.org"):
        app.post("/user/login", data={"login": user.name, "password": "correct-horse-1"})
        form = {"save": "", "name": user.name, "email": email, "old_password": "correct-horse-1"}
        return app.post("/user/edit", data=form)

    def test_counts_when_its_link_was_followed_and_the_old_one_is_told(self, app, mails, user):
        old = user.record.email
        self.move(app, user)
        (mail,) = mails()
        assert mail["To"] == "new@example.org"
        assert "new@example.org" in app.get(link(mail)).body
        assert user.record.email == old
        app.post(link(mail))
        model.Session.expire_all()
        assert user.record.email == "new@example.org"
        assert [told["To"] for told in mails()] == [old]
        assert app.post(link(mail), status=None).status_code == 410

    def test_and_for_a_program_alike(self, app, mails, user, as_user):
        said = {"id": user.id, "email": "new@example.org"}
        answer = app.post("/api/3/action/user_patch", json=said, headers=as_user(user)).json["result"]
        assert answer["email"] == user.record.email == "wangxiaoming@example.org"
        assert [mail["To"] for mail in mails()] == ["new@example.org"]

    def test_a_link_is_for_its_address_and_its_day(self, app, mails, user):
        self.move(app, user)
        address = link(mails()[0])
        wrong = [address.replace("new", "other"), address[:-2] + "xx", address.replace("until=1", "until=2")]
        for changed in [
            *wrong,
            f"/user/address/{user.id}",
            "/user/address/nobody?email=a@b.cn&until=x&key=y",
        ]:
            assert app.post(changed, status=None).status_code == 410
        with clock.fixed(clock.now() + timedelta(days=1, minutes=1)):
            assert app.post(address, status=None).status_code == 410
        assert user.record.email == "wangxiaoming@example.org"

    def test_somebody_else_s_address_is_not_given_away(self, app, mails, user):
        other = factories.person("lihua")
        taken = self.move(app, user, other.record.email).body
        assert "lihua@example.org" in taken
        assert [(mail["To"], "您已有账号" in mail["Subject"]) for mail in mails()] == [
            ("lihua@example.org", True)
        ]
        assert user.record.email == "wangxiaoming@example.org"

    def test_no_address_is_said_at_its_field(self, app, mails, user):
        assert "邮箱地址格式不对" in self.move(app, user, "no address").body
        assert mails() == []


class TestMail:
    def test_what_people_write_arrives_as_they_wrote_it(self, world, mails):
        written = "“A&B”公司的'<行>'：a < b & c > d"
        case = world.objected(factories.dataset(world.department, title='R&D <投入> "2025"'))
        mails()
        outcome = {**factories.OUTCOME, "feedback": written}
        factories.call(
            "nmgdata_case_transition", world.reviewer, id=case["id"], transition="restore", **outcome
        )
        (mail,) = [mail for mail in mails() if mail["To"] == "lixiuying@example.org"]
        text, page = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert written in text and 'R&D <投入> "2025"' in text
        assert "<行>" not in page and "&amp;amp;" not in page and "&lt;行&gt;" in page

    def test_a_journey_s_mails_reach_those_concerned_once(self, world, mails):
        world.reviewer
        case = world.submitted()
        first = mails()
        assert sorted(mail["To"] for mail in first) == ["applicant@example.org", "reviewer@example.org"]
        assert all(case["number"] in mail.get_body(("plain",)).get_content() for mail in first)
        assert not any("王小明" in mail.get_body(("plain",)).get_content() for mail in first)
        assert mails() == []
        approve = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2027-06-30"}
        factories.call(
            "nmgdata_case_transition", world.reviewer, id=case["id"], transition="approve", **approve
        )
        (told,) = mails()
        assert "已同意" in told["Subject"]

    def test_with_the_mail_server_down_nothing_is_lost_and_nothing_sent_twice(
        self, world, mails, monkeypatch
    ):
        world.reviewer
        with monkeypatch.context() as patch:
            patch.setitem(tk.config, "smtp.server", "127.0.0.1:9")
            world.submitted()
            assert mails() == []
        waiting = sa.select(sa.func.count()).where(Outbox.topic == "mail", Outbox.done_at.is_(None))
        assert model.Session.scalar(waiting) == 2
        with clock.fixed(clock.now() + timedelta(hours=1)):
            assert len(mails()) == 2
            assert mails() == []
