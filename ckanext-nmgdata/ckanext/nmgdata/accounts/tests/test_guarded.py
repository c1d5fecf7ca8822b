"""Accounts against those who try: limits, one answer for known and unknown, one password rule, ended logins."""

from __future__ import annotations

import json
import math
import re
import time
from datetime import timedelta

import pytest
from ckan import model
from ckan.lib import mailer
from ckan.plugins import toolkit as tk
from ckan.tests.helpers import CKANTestApp
from ckanext.nmgdata.accounts import passwords, resets
from ckanext.nmgdata.factories import call, context_of, login, person, site_context
from ckanext.nmgdata.kernel import addresses, clock, limits, outbox
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.tests import faults

RIGHT, WRONG = "correct-horse-1", "wrong-horse-1"
FORM = {
    "kind": "natural_person", "name": "王小明", "organisation": "", "credit_code": "",
    "email": "wang@example.org", "password1": "steppe-2026", "password2": "steppe-2026",
}  # fmt: skip


@pytest.fixture
def few(monkeypatch):
    """Let three of everything be enough for a person, and five for a network."""
    for name in ("login_failures", "mails"):
        monkeypatch.setitem(tk.config, f"ckanext.nmgdata.accounts.{name}_per_person", 3)
        monkeypatch.setitem(tk.config, f"ckanext.nmgdata.accounts.{name}_per_network", 5)


@pytest.fixture
def user(clean):
    """Return an account."""
    return person("wangxiaoming")


def log_in(app, login, password=RIGHT, address="203.0.113.5", **more):
    return app.post(
        "/user/login", data={"login": login, "password": password, **more},
        environ_base={"REMOTE_ADDR": address}, follow_redirects=False, status=None,
    )  # fmt: skip


def asked(app, path, data, address="203.0.113.5"):
    return app.post(
        path, data=data, environ_base={"REMOTE_ADDR": address}, follow_redirects=False, status=None
    )


def logged_in(app):
    return "退出" in app.get("/").body


def bare(page):
    """Return a page without its tokens and blanks."""
    token = r'content="[\w.-]+" />|value="[\w.-]{60,}"'
    return re.sub(rf"\s+|{token}", " ", page)


@pytest.mark.usefixtures("few")
class TestLimits:
    def test_wrong_passwords_for_a_person(self, app, user):
        for turn in range(3):
            assert log_in(app, user.name, WRONG, f"203.0.113.{turn}").status_code == 200
        answer = log_in(app, user.name, RIGHT, "203.0.113.9")
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
        assert "请等待" in answer.body
        assert f'value="{user.name}"' in answer.body
        assert RIGHT not in answer.body
        assert not logged_in(app)

    def test_an_unknown_name_is_held_back_in_the_same_words(self, app, user):
        for name in (user.name, "nobodyatall"):
            answers = [log_in(app, name, WRONG, f"198.51.100.{turn}") for turn in range(4)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
            last = [bare(answer.body.replace(name, "X")) for answer in answers]
            if name == user.name:
                first = last
        assert first == last

    def test_many_names_from_one_network(self, app, user):
        for turn in range(5):
            assert log_in(app, f"name{turn}", WRONG, f"2001:db8::{turn}").status_code == 200
        assert log_in(app, user.name, RIGHT, "2001:db8::ffff").status_code == 429
        assert log_in(app, user.name, RIGHT, "2001:db8:0:1::1").status_code == 302

    def test_a_person_who_gets_it_right_is_not_counted(self, app, user):
        for _turn in range(7):
            assert log_in(app, user.name).status_code == 302
            app.post("/user/_logout")

    def test_guessing_the_password_in_the_profile_counts_too(self, app, user):
        log_in(app, user.name)
        form = {"save": "", "name": user.name, "email": "new@example.org", "old_password": WRONG}
        for _turn in range(3):
            assert app.post("/user/edit", data=form, status=None).status_code == 200
        answer = app.post("/user/edit", data={**form, "old_password": RIGHT}, status=None)
        assert answer.status_code == 429
        assert "请等待" in answer.body
        assert 'value="new@example.org"' in answer.body

    @pytest.mark.parametrize(
        ("path", "data"), [("/user/reset", {"user": FORM["email"]}), ("/user/register", FORM)]
    )
    def test_mails_to_an_address(self, app, clean, path, data):
        for turn in range(3):
            assert asked(app, path, data, f"203.0.113.{turn}").status_code in (200, 302)
        answer = asked(app, path, data, "203.0.113.77")
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 3600
        assert "请等待" in answer.body
        assert FORM["email"] in answer.body
        assert "steppe-2026" not in answer.body
        assert model.Session.query(Outbox).filter_by(topic="account").count() == 3

    def test_mails_from_one_network(self, app, clean):
        for turn in range(5):
            data = {**FORM, "email": f"a{turn}@example.org"}
            assert asked(app, "/user/register", data).status_code == 200
        assert asked(app, "/user/reset", {"user": "b@example.org"}).status_code == 429
        assert asked(app, "/user/reset", {"user": "b@example.org"}, "203.0.113.6").status_code == 302

    def test_letter_case_makes_nobody_another_person(self, app, clean):
        for name in ("A@example.org", "a@EXAMPLE.org ", " a@example.org"):
            asked(app, "/user/reset", {"user": name})
        assert asked(app, "/user/reset", {"user": "a@example.org"}).status_code == 429


def test_a_network_is_an_address_or_a_64():
    assert addresses.network("203.0.113.5") != addresses.network("203.0.113.6")
    assert addresses.network("::ffff:203.0.113.5") == "203.0.113.5"
    assert addresses.network("2001:db8::1") == addresses.network("2001:db8::2")
    assert addresses.network("2001:db8:0:1::1") != addresses.network("2001:db8::1")


def test_counters_hold_no_name_and_no_address(app, clean):
    log_in(app, "wang@example.org", WRONG)
    keys = b" ".join(limits.storage().storage.keys("*"))
    assert b"person-" in keys
    assert b"wang" not in keys
    assert b"203.0.113" not in keys


class TestWithoutRedis:
    @pytest.fixture
    def without(self):
        """Return a browser of a portal whose Redis is gone."""
        with faults.without_redis() as app:
            yield app

    def test_logging_in_goes_on(self, user, without):
        assert log_in(without, user.name, WRONG).status_code == 200
        assert log_in(without, user.name).status_code == 302

    def test_mails_are_refused_politely_and_nothing_is_lost(self, clean, without):
        for path, data in (("/user/reset", {"user": FORM["email"]}), ("/user/register", FORM)):
            answer = asked(without, path, data)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert "暂时无法发送邮件" in answer.body
            assert FORM["email"] in answer.body
        assert model.Session.query(Outbox).filter_by(topic="account").count() == 0


class TestSilence:
    """Words, work and time are the same for a known address and an unknown one."""

    @pytest.fixture
    def compared(self, monkeypatch):
        """Return how many passwords were compared or hashed, by the call."""
        seen = []
        for name in ("validate_password", "_set_password"):
            core = getattr(model.User, name)

            def counted(self, value, core=core, name=name):
                seen.append(name)
                return core(self, value)

            monkeypatch.setattr(model.User, name, counted)
        monkeypatch.setattr(
            model.User, "password", property(model.User._get_password, model.User._set_password)
        )
        passwords.nobody()
        return seen

    def test_login_compares_one_password_for_everybody(self, app, user, compared):
        tk.get_action("user_patch")(site_context(), {"id": person("gone").id, "state": "deleted"})
        pages = []
        for name in (user.name, f"{user.name}@example.org", "nobodyatall", "no@example.org", "gone"):
            compared.clear()
            pages.append(bare(log_in(app, name, WRONG).body.replace(name, "X")))
            assert compared == ["validate_password"], name
        assert len(set(pages)) == 1

    @pytest.mark.parametrize(("path", "field"), [("/user/reset", "user"), ("/user/register", "email")])
    def test_asking_for_mails_does_the_same_for_everybody(self, app, user, compared, path, field):
        found = []
        for address in (f"{user.name}@example.org", "nobodyxxxxxx@example.org"):
            compared.clear()
            answer = asked(app, path, {**FORM, field: address})
            rows = model.Session.query(Outbox).filter_by(done_at=None)
            found.append(
                (answer.status_code, bare(answer.body.replace(address, "X")), list(compared), rows.count())
            )
            rows.delete()
            model.Session.commit()
        assert found[0] == found[1]
        assert found[0][3] == 1

    def test_and_login_takes_as_long(self, app, user, monkeypatch):
        for whose in ("person", "network"):
            monkeypatch.setitem(tk.config, f"ckanext.nmgdata.accounts.login_failures_per_{whose}", 1000)
        least = dict.fromkeys((user.name, "nobodyatall"), math.inf)
        for turn in range(150):
            for name in least:
                begun = time.perf_counter()
                log_in(app, name, WRONG)
                least[name] = min(least[name], time.perf_counter() - begun)  # what else runs only adds
            known, unknown = least.values()
            if turn >= 10 and 0.8 < known / unknown < 1.25:
                break
        else:
            pytest.fail(f"{known:.4f} s for a known name, {unknown:.4f} s for another")

    def test_a_wrong_reset_link_gets_one_answer(self, app, user):
        answers = [app.get(f"/user/reset/{name}?key=x", status=None) for name in (user.id, "nobodyatall")]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert bare(answers[0].body.replace(user.id, "X")) == bare(
            answers[1].body.replace("nobodyatall", "X")
        )


WEAK = ("short-1", "lowercaseonly", "1234567890", "x-" * 200)


class TestPasswordRule:
    @pytest.mark.parametrize("weak", WEAK)
    def test_the_api(self, user, weak):
        admin = person("operator1", sysadmin=True)
        for action, data in (
            ("user_create", {"name": "newcomer", "email": "n@example.org"}),
            ("user_update", {"id": user.id, "email": "w@example.org"}),
            ("user_patch", {"id": user.id}),
        ):
            with pytest.raises(tk.ValidationError) as refused:
                call(action, admin, **data, password=weak)
            assert "password" in refused.value.error_dict, action

    @pytest.mark.parametrize("weak", WEAK)
    def test_profile_reset_and_registration(self, app, user, weak):
        new = {"password1": weak, "password2": weak}
        assert "个字符" in asked(app, "/user/register", {**FORM, **new}).body
        record = user.record
        record.reset_key = key = resets.make_key()
        model.Session.commit()
        page = app.post(f"/user/reset/{user.id}?key={key}", data=new).body
        assert "个字符" in page
        log_in(app, user.name)
        form = {"save": "", "name": user.name, "email": f"{user.name}@example.org", "old_password": RIGHT}
        assert "个字符" in app.post("/user/edit", data={**form, **new}).body
        assert user.record.validate_password(RIGHT)

    def test_an_invited_person_chooses_by_the_rule(self, app, world, pages):
        chief = person("chief1", sysadmin=True)
        made = call(
            "user_invite", chief, email="i@example.org", group_id=world.department["id"], role="editor"
        )
        record = model.User.get(made["id"])
        record.reset_key = key = resets.make_key()
        model.Session.commit()
        for new, message in (("lowercaseonly", "个字符"), ("steppe-2026", "密码")):
            data = {"password1": new, "password2": new}
            assert message in app.post(f"/user/reset/{made['id']}?key={key}", data=data).body
        assert model.User.get(made["id"]).state == "active"


class TestLoginsEnd:
    @pytest.fixture
    def browsers(self, wsgi, user):
        """Return two browsers of one person: one logged in, one remembered only."""
        here, there = CKANTestApp(wsgi), CKANTestApp(wsgi)
        log_in(here, user.name)
        log_in(there, user.name, remember="63072000000")
        there.test_client().delete_cookie("nmgdata", domain="test.ckan.net")
        there.test_client().delete_cookie("nmgdata")
        assert logged_in(here)
        assert logged_in(there)
        return here, there

    def test_with_a_change_in_the_profile_elsewhere_only(self, browsers, user):
        here, there = browsers
        new = {"password1": "steppe-2026", "password2": "steppe-2026", "old_password": RIGHT}
        form = {"save": "", "name": user.name, "email": f"{user.name}@example.org", **new}
        here.post("/user/edit", data=form)
        assert user.record.validate_password("steppe-2026")
        assert logged_in(here)
        assert not logged_in(there)

    def test_with_a_reset_everywhere(self, wsgi, browsers, user):
        record = user.record
        record.reset_key = key = resets.make_key()
        model.Session.commit()
        data = {"password1": "steppe-2026", "password2": "steppe-2026"}
        CKANTestApp(wsgi).post(f"/user/reset/{user.id}?key={key}", data=data)
        assert not any(logged_in(browser) for browser in browsers)

    def test_with_a_change_by_the_operator(self, browsers, user):
        call("user_patch", person("operator2", sysadmin=True), id=user.id, password="steppe-2026")
        assert not any(logged_in(browser) for browser in browsers)

    def test_and_with_nothing_else(self, browsers, user):
        tk.get_action("user_patch")(site_context(), {"id": user.id, "fullname": "王小明"})
        assert all(logged_in(browser) for browser in browsers)

    def test_an_account_s_bare_id_is_no_login(self, app, user):
        with app.test_client().session_transaction(base_url="http://test.ckan.net") as session:
            session["_user_id"] = user.id
        assert not logged_in(app)

    def test_and_with_them_the_tokens_of_programs(self, app, user):
        token = login(user)
        mine = {"headers": token, "status": None}
        assert app.get("/api/3/action/nmgdata_case_list", **mine).status_code == 200
        log_in(app, user.name)
        new = {"password1": "steppe-2026", "password2": "steppe-2026", "old_password": RIGHT}
        form = {"save": "", "name": user.name, "email": f"{user.name}@example.org", **new}
        assert "API" in app.post("/user/edit", data=form).body
        assert model.Session.query(model.ApiToken).filter_by(user_id=user.id).count() == 0
        fresh = CKANTestApp(app.flask_app) if hasattr(app, "flask_app") else app
        assert fresh.get("/api/3/action/nmgdata_case_list", **mine).status_code == 403


class TestResetKey:
    """The key of a mail: for one day, for one password, at every way in."""

    NEW = {"password1": "steppe-2026", "password2": "steppe-2026"}

    def key_of(self, user):
        record = user.record
        mailer.create_reset_key(record)
        return record.reset_key

    def test_works_for_a_day(self, app, user):
        path = f"/user/reset/{user.id}?key={self.key_of(user)}"
        with clock.fixed(clock.now() + timedelta(days=1, minutes=1)):
            assert app.get(path, status=None).status_code == 403
            assert app.post(path, data=self.NEW, status=None).status_code == 403
        assert user.record.validate_password(RIGHT)
        app.post(path, data=self.NEW)
        assert user.record.validate_password("steppe-2026")

    def test_in_the_api_too(self, app, user):
        said = {
            "id": user.id,
            "email": user.record.email,
            "reset_key": self.key_of(user),
            "password": "steppe-2026",
        }
        with clock.fixed(clock.now() + timedelta(days=1, minutes=1)):
            assert app.post("/api/3/action/user_update", json=said, status=None).status_code == 403
        assert app.post("/api/3/action/user_update", json=said, status=None).status_code == 200
        said["password"] = "steppe-2027"
        assert app.post("/api/3/action/user_update", json=said, status=None).status_code == 403

    @pytest.mark.parametrize(
        "key", ["", "0123456789", ".", "x.zz", "x.-1", "x.ffffffffffffffffffff", None, 7]
    )
    def test_what_says_no_time_is_old(self, key):
        assert not resets.is_fresh(key)


class TestProfile:
    def test_another_address_needs_the_password_and_says_so_at_the_field(self, app, user):
        log_in(app, user.name)
        form = {"save": "", "name": user.name, "email": "new@example.org"}
        for more in ({}, {"old_password": ""}, {"old_password": WRONG}):
            answer = app.post("/user/edit", data={**form, **more}, status=None)
            assert answer.status_code == 200
            assert re.search(r'id="e-old_password"><p class="error">[^<]*密码', answer.body)
            assert 'value="new@example.org"' in answer.body
        assert "new@example.org" in app.post("/user/edit", data={**form, "old_password": RIGHT}).body
        assert user.record.email == f"{user.name}@example.org"

    def test_fields_missing_or_doubled_are_no_fault(self, app, user):
        log_in(app, user.name)
        twice = ["a@example.org", "b@example.org"]
        for form in (
            {"save": ""},
            {"save": "", "email": twice, "old_password": [WRONG, RIGHT], "name": ["a", "b"]},
        ):
            assert app.post("/user/edit", data=form, status=None).status_code == 200


class TestLoggingOut:
    @pytest.fixture
    def strict(self, wsgi, user):
        """Return a browser of the portal with tokens in forms, logged in."""
        wsgi._wsgi_app.config["WTF_CSRF_ENABLED"] = True
        app = CKANTestApp(wsgi)
        page = app.get("/user/login").body
        answer = log_in(app, user.name, _csrf_token=token_of(page))
        assert answer.status_code == 302
        yield app
        wsgi._wsgi_app.config["WTF_CSRF_ENABLED"] = False

    def test_a_link_asks_first(self, strict):
        page = strict.get("/user/_logout")
        assert logged_in(strict)
        assert 'method="post"' in page.body

    def test_a_call_with_the_cookie_alone_is_told_what_it_lacks(self, strict):
        answer = strict.post("/api/3/action/package_search", json={}, status=400)
        assert json.loads(answer.body)["code"] == "csrf_token_missing"
        assert "X-CSRFToken" in answer.body

    def test_a_foreign_form_does_nothing(self, strict):
        assert strict.post("/user/_logout", status=None).status_code == 400
        assert logged_in(strict)

    def test_the_button_of_the_header(self, strict):
        page = strict.get("/").body
        form = re.search(r'<form method="post" action="(/user/_logout)">.*?</form>', page, re.S)
        strict.post(form[1], data={"_csrf_token": token_of(form[0])})
        assert not logged_in(strict)


def token_of(page):
    return re.search(r'name="_csrf_token" value="([^"]+)"', page)[1]


class TestLoginForm:
    @pytest.mark.parametrize(
        "goal",
        ["//evil.example", "/\t/evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
         "https:evil.example", "javascript:alert(1)", " /x", "/x\n", "evil.example"],
    )  # fmt: skip
    @pytest.mark.parametrize("name", ["came_from", "next"])
    def test_leads_to_no_foreign_place(self, app, user, goal, name):
        answer = app.post(
            "/user/login", query_string={name: goal}, data={"login": user.name, "password": RIGHT},
            follow_redirects=False, status=None,
        )  # fmt: skip
        assert answer.status_code == 400
        assert not logged_in(app)

    def test_leads_back_where_it_came_from(self, app, user):
        answer = app.post(
            "/user/login?came_from=/nmg/my", data={"login": user.name, "password": RIGHT},
            follow_redirects=False,
        )  # fmt: skip
        assert answer.headers["Location"].endswith("/nmg/my")

    @pytest.mark.parametrize("remember", ["abc", "-1", "1e9", "9" * 40, "١"])
    def test_remember_is_a_number(self, app, user, remember):
        assert log_in(app, user.name, remember=remember).status_code == 400

    def test_odd_forms_are_no_fault(self, app, user):
        for form in ({}, {"login": user.name}, {"password": "x"}, {"login": "x", "password": "x" * 10_000}):
            assert asked(app, "/user/login", form).status_code == 200


def test_the_context_of_tests_is_whole(user):
    """Guard the tests above: this person logs in with the password they use."""
    assert context_of(user)["auth_user_obj"].validate_password(RIGHT)
    assert outbox.deliver(["account"]) == 0
