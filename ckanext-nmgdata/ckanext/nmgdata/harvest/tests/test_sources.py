"""Sources and harvests by the API: who may, what is taken, what is written down (R-PLAT-02, R-PLAT-03)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import conftest
from ...factories import call
from ...kernel import clock, outbox
from ...kernel.audit.model import AuditEvent
from ...kernel.outbox.model import Outbox
from ...kernel.types import Conflict
from .. import jobs, presenters, query, vanish, words
from ..model import JobState, RemoteRecord, Source
from ..remote.errors import Code, Fault

pytestmark = pytest.mark.usefixtures("pages")
READERS = ("sysadmin", "official", "city_official", "auditor")
KEEPERS = ("sysadmin", "official", "city_official")
OTHERS = (None, "applicant", "editor", "stranger")
READS = {
    "nmgdata_source_list": None, "nmgdata_source_show": "id", "nmgdata_harvest_job_list": "source_id",
    "nmgdata_harvest_record_list": "source_id",
}  # fmt: skip
WRITES = {
    "nmgdata_source_update": "id", "nmgdata_source_check": "id", "nmgdata_harvest_run": "source_id",
    "nmgdata_source_delete": "id",
}  # fmt: skip

IMPOSSIBLE = [
        ("address", "ftp://city.example.cn/"), ("address", "https://me:secret@city.example.cn/"),
        ("address", "javascript:alert(1)"), ("address", "http://"), ("address", ""), ("address", "http://a b/"),
        ("address", "https://" + "a" * 3000), ("address", "file:///etc/passwd"),
        ("name", "New City"), ("name", "new"), ("name", "../x"), ("name", ""),
        ("region_code", "150000"), ("region_code", "110100"), ("region_code", "x"), ("title", "a" * 101),
        ("title", "a\u202eb"), ("format", "csw"), ("feed", "gopher://x/"), ("state", "gone"), ("owner_org", "nobody"),
        ("organisations", {"a": "nobody"}), ("organisations", "no mark"), ("organisations", [{"a": "b"}]),
        ("organisations", {"a": ["ordos"]}), ("classes", {"PUBLIC": "whatever"}), ("default_class", "secret"),
        ("every_hours", -1), ("every_hours", "often"), ("every_hours", 10**6), ("grace_days", 366),
        ("guard_percent", 101), ("guard_number", -1), ("limits", {"pages": 0}), ("limits", {"pages": True}),
        ("limits", {"page_bytes": 1}), ("limits", {"failures": 1}), ("limits", "many"),
        ("allowed_hosts", ["*"]), ("allowed_hosts", ["*.example.cn"]), ("allowed_hosts", ["http://x/"]),
        ("allowed_hosts", ["elsewhere.example.cn"]), ("allowed_hosts", {"a": 1}),
        ("private_networks", ["0.0.0.0/0"]), ("private_networks", ["10.0.0.0/8"]), ("private_networks", ["::/0"]),
        ("private_networks", ["169.254.169.254/32"]), ("private_networks", ["here"]),
        ("credentials", "CKAN_SQLALCHEMY_URL"), ("credentials", "Bearer abc"), ("credentials", "NMGDATA_HARVEST_x"),
        ("contact", "a" * 501),
    ]  # fmt: skip


def somebody(region, name):
    """Return a person of the region, None for the public."""
    return getattr(region, name) if name else None


def acts(verb):
    """Return who has done something, and what was written down of it."""
    query_ = sa.select(AuditEvent.actor_id, AuditEvent.detail).where(AuditEvent.verb == verb)
    return [(row[0], row[1]) for row in model.Session.execute(query_.order_by(AuditEvent.seq))]


def mails():
    """Return the mails that wait to be sent, in their order."""
    query_ = sa.select(Outbox.payload).where(Outbox.topic == "mail").order_by(Outbox.id)
    return list(model.Session.scalars(query_))


class TestWho:
    """Operator and authorities keep, auditors read, others are refused whatever they name."""

    @pytest.mark.parametrize("who", OTHERS)
    def test_others_neither_read_nor_write(self, region, who):
        source = region.connected()
        for action, field in {**READS, **WRITES}.items():
            for reference in (source["id"], "no-such-source"):
                with pytest.raises(tk.NotAuthorized):
                    call(action, somebody(region, who), **({field: reference} if field else {}))
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_source_create", somebody(region, who), **region.stated(name="other"))
        job = jobs.ask(source["id"])
        for action, field in (
            ("nmgdata_harvest_job_show", "id"), ("nmgdata_harvest_problem_list", "job_id"),
            ("nmgdata_harvest_job_confirm", "id"), ("nmgdata_harvest_job_cancel", "id"),
        ):  # fmt: skip
            with pytest.raises(tk.NotAuthorized):
                call(action, somebody(region, who), **{field: job})

    @pytest.mark.parametrize("who", READERS)
    def test_those_who_oversee_the_region_read(self, region, who):
        source, person = region.connected(), somebody(region, who)
        assert [one["name"] for one in call("nmgdata_source_list", person)] == ["ordos"]
        assert call("nmgdata_source_show", person, id="ordos")["id"] == source["id"]
        assert call("nmgdata_harvest_job_list", person, source_id="ordos") == {"count": 0, "jobs": []}
        job = jobs.ask(source["id"])
        assert call("nmgdata_harvest_job_show", person, id=job)["state"] == "queued"
        assert call("nmgdata_harvest_problem_list", person, job_id=job)["count"] == 0
        assert call("nmgdata_harvest_record_list", person, source_id="ordos")["count"] == 0

    @pytest.mark.parametrize("who", KEEPERS)
    def test_operator_and_authorities_keep(self, region, who):
        region.connected()
        person = somebody(region, who)
        assert call("nmgdata_source_update", person, id="ordos", contact="王工 0477-1234567")["contact"]
        job = call("nmgdata_harvest_run", person, source_id="ordos")
        assert job["asked_by"] and job["state"] == "queued"
        with pytest.raises(Conflict):
            call("nmgdata_harvest_run", person, source_id="ordos")
        with pytest.raises(Conflict):
            call("nmgdata_source_delete", person, id="ordos")
        assert call("nmgdata_harvest_job_cancel", person, id=job["id"])["state"] == "cancelled"
        call("nmgdata_source_delete", person, id="ordos")
        assert query.sources() == []
        done = [
            acts(verb)[-1][0]
            for verb in ("source.changed", "harvest.asked", "harvest.cancelled", "source.deleted")
        ]
        assert done == [person.id] * 4

    def test_an_auditor_changes_nothing(self, region):
        region.connected()
        for action, field in WRITES.items():
            with pytest.raises(tk.NotAuthorized):
                call(action, region.auditor, **{field: "ordos"})

    def test_a_city_s_authority_has_its_own_source_only(self, region):
        region.connected()
        other = {"region_code": "150100", "name": "hohhot", "title": "呼市", "owner_org": region.authority["id"],
                 "address": "https://hohhot.example.cn/"}  # fmt: skip
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_source_create", region.city_official, **other)
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_source_update", region.city_official, id="ordos", region_code="150100")
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_source_create", region.official, **other)
        assert set(refused.value.error_dict) == {"owner_org"}

    def test_networks_and_secrets_are_the_operator_s_classes_the_authority_s(self, region):
        region.connected()
        for field, value in (("private_networks", ["10.1.2.0/24"]), ("credentials", "NMGDATA_HARVEST_X")):
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_source_update", region.official, id="ordos", **{field: value})
            assert set(refused.value.error_dict) == {field}
            call("nmgdata_source_update", region.sysadmin, id="ordos", **{field: value})
        for field, value in (("default_class", "unconditional"), ("classes", {"PUBLIC": "无条件开放"})):
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_source_update", region.sysadmin, id="ordos", **{field: value})
            assert set(refused.value.error_dict) == {field}
            call("nmgdata_source_update", region.official, id="ordos", **{field: value})
        shown = call("nmgdata_source_show", region.auditor, id="ordos")
        assert (shown["classes"], shown["default_class"]) == ({"PUBLIC": "unconditional"}, "unconditional")
        assert shown["credentials"] == "NMGDATA_HARVEST_X"

    def test_nobody_else_leads_credentials_or_networks_elsewhere(self, region):
        """A secret would go to whoever is named as the address."""
        region.connected(credentials="NMGDATA_HARVEST_X")
        for field, value in (("address", "https://thief.example.cn/"), ("feed", "https://thief.example.cn/"),
                             ("allowed_hosts", ["thief.example.cn", f"127.0.0.1:{region.server.port}"])):  # fmt: skip
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_source_update", region.official, id="ordos", **{field: value})
            assert set(refused.value.error_dict) == {field}
        call("nmgdata_source_update", region.official, id="ordos", private_networks=[], credentials="")
        call("nmgdata_source_update", region.official, id="ordos", address="https://other.example.cn/")

    def test_a_banner_needs_an_exception_of_the_region_s_authority(self, region):
        banner = region.stated(region_code="150622", name="zhunger", title="准格尔旗", owner_org="")
        banner["owner_org"] = region_org = "banner"
        from ...factories import organisation

        organisation("准格尔旗人民政府", name=region_org, region_code="150622")
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_source_create", region.official, **banner)
        assert "旗县原则上不独立建设" in refused.value.error_dict["region_code"][0]
        banner["region_exception"] = "已建平台，过渡期内接入。"
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_source_create", region.sysadmin, **banner)
        assert set(refused.value.error_dict) == {"region_exception"}
        assert call("nmgdata_source_create", region.official, **banner)["region_code"] == "150622"


class TestForm:
    """Every field says for itself what is wrong with it."""

    def test_what_is_known_of_a_city_is_there_already(self, region):
        source = region.connected()
        assert (source["name"], source["title"], source["format"]) == ("ordos", "鄂尔多斯市", "auto")
        assert source["organisations"]["鄂尔多斯市人民政府"] == "ordos"
        assert (source["every_hours"], source["grace_days"], source["guard_percent"]) == (24, 7, 10)
        assert source["default_class"] is None
        assert acts("source.created") == [(region.sysadmin.id, {"region": "150600"})]

    def test_what_cannot_be_is_refused_by_its_field(self, region):
        region.connected()
        for field, value in IMPOSSIBLE:
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_source_update", region.sysadmin, id="ordos", **{field: value})
            assert list(refused.value.error_dict) == [field], (field, value)
            assert all(refused.value.error_dict[field])
        assert acts("source.changed") == []

    def test_no_two_sources_have_one_name_or_address(self, region):
        region.connected()
        with pytest.raises(tk.ValidationError) as refused:
            region.connected()
        assert set(refused.value.error_dict) == {"name", "address"}

    def test_texts_of_a_form_are_read_as_tables(self, region):
        region.connected()
        lines = "鄂尔多斯市数据局 = ordos\nhttps://city.example.cn/org?id=7 = ordos\n\n"
        source = call("nmgdata_source_update", region.sysadmin, id="ordos", organisations=lines,
                      allowed_hosts=f"127.0.0.1:{region.server.port}\nOther.example.cn")  # fmt: skip
        assert source["organisations"] == {
            "https://city.example.cn/org?id=7": "ordos",
            "鄂尔多斯市数据局": "ordos",
        }
        assert source["allowed_hosts"][1] == "other.example.cn"


class TestLife:
    """What becomes of a source that is run, changed, paused."""

    def test_a_harvest_is_asked_for_worked_on_and_reported(self, region, work):
        source = region.connected()
        region.serve(1, 2, extra='[] a dcat:Dataset ; dct:title "无名" .\n')
        asked = call("nmgdata_harvest_run", region.official, source_id="ordos")
        work(source["id"])
        job = call("nmgdata_harvest_job_show", region.auditor, id=asked["id"])
        assert (job["state"], job["read"], job["percent"]) == ("finished", 3, 100)
        assert job["counts"]["created"] == 2 and job["counts"]["refused"] == 1
        assert sum(job["counts"].values()) == job["read"]
        assert job["asked_by"] == "official"
        assert [(one["code"], one["count"]) for one in job["problems"] if one["is_refused"]] == [
            ("no_identifier", 1)
        ]
        found = call("nmgdata_harvest_problem_list", region.auditor, job_id=job["id"], code="no_identifier")
        assert found["problems"][0]["place"] == "无名"
        assert call("nmgdata_harvest_problem_list", region.auditor, job_id=job["id"], q="%")["count"] == 0
        records = call("nmgdata_harvest_record_list", region.auditor, source_id="ordos", state="incomplete")
        assert records["count"] == 2 and "开放属性" in [
            one["label"] for one in records["records"][0]["missing"]
        ]
        shown = call("nmgdata_source_show", region.auditor, id="ordos")
        assert shown["connection"]["state"] == "connected" and shown["records"]["here"] == 2
        with pytest.raises(tk.ValidationError):
            call("nmgdata_harvest_record_list", region.auditor, source_id="ordos", state="nowhere")
        with pytest.raises(Conflict):
            call("nmgdata_source_delete", region.official, id="ordos")

    def test_a_class_that_the_authority_sets_reaches_records_that_have_not_changed(self, region, work):
        source = region.connected()
        work(source["id"])
        call("nmgdata_source_update", region.official, id="ordos", default_class="unconditional")
        job = work(source["id"])
        assert job.updated_count == 3
        numbers = sa.select(RemoteRecord.package_id).where(RemoteRecord.source_id == source["id"])
        for dataset_id in model.Session.scalars(numbers).all():
            assert call("package_show", id=dataset_id)["open_class"] == "unconditional"
        assert work(source["id"]).unchanged_count == 3

    def test_a_new_source_is_due_a_day_later_a_paused_one_never(self, region):
        """So there is time to check it first."""
        region.connected()
        tomorrow = conftest.MONDAY + timedelta(hours=24)
        with clock.fixed(tomorrow - timedelta(seconds=1)):
            assert jobs.ask_for_due() == 0
        with clock.fixed(tomorrow):
            paused = call("nmgdata_source_update", region.official, id="ordos", state="paused")
            assert paused["connection"]["state"] == "paused"
            assert jobs.ask_for_due() == 0
            call("nmgdata_source_update", region.official, id="ordos", state="active")
            assert jobs.ask_for_due() == 1

    def test_a_change_of_the_way_there_ends_the_peace_of_a_failing_source(self, region, work):
        source = region.connected(every_hours=1)
        region.server.routes.clear()
        for _turn in range(3):
            assert work(source["id"]).error == "not_found"
        with clock.fixed(conftest.MONDAY + timedelta(minutes=61)):
            assert jobs.ask_for_due() == 0
            shown = call("nmgdata_source_show", region.official, id="ordos")
            assert shown["connection"]["state"] == "trouble"
            assert shown["failures"] == 3
            assert shown["broken_until"]
            address = f"{region.server.host}/new.ttl"
            call("nmgdata_source_update", region.sysadmin, id="ordos", address=address)
            assert jobs.ask_for_due() == 1

    def test_the_authorities_are_told_once_when_it_fails_again_and_again_or_waits(self, region, work):
        source = region.connected(contact="王工 0477-1234567")
        both = {region.official.record.email, region.city_official.record.email}
        region.server.routes.clear()
        for turn in range(4):
            work(source["id"])
            outbox.deliver(["harvest_trouble"])
            assert len(mails()) == (0 if turn < 2 else 2)
        assert {mail["to"] for mail in mails()} == both
        assert all("王工" in mail["body"] and "/nmg/sources/ordos/jobs/" in mail["body"] for mail in mails())
        region.serve(1)
        work(source["id"])
        region.serve()
        held = work(source["id"])
        assert held.state == JobState.HELD
        outbox.deliver(["harvest_trouble"])
        told = [mail for mail in mails() if held.id in mail["body"]]
        assert {mail["to"] for mail in told} == both
        assert all("1 个数据集" in mail["body"] for mail in told)

    def test_a_held_harvest_shows_its_list_and_does_what_a_person_decides(self, region, work):
        source = region.connected()
        work(source["id"])
        region.serve()
        for action, state, gone in (("cancel", "cancelled", 0), ("confirm", "finished", 3)):
            held = work(source["id"])
            shown = call("nmgdata_harvest_job_show", region.auditor, id=held.id)
            assert (shown["state"], shown["vanished"], len(shown["would_vanish"])) == ("held", 3, 3)
            assert call("nmgdata_source_show", region.auditor, id="ordos")["connection"]["state"] == "held"
            with pytest.raises(tk.NotAuthorized):
                call(f"nmgdata_harvest_job_{action}", region.auditor, id=held.id)
            assert call(f"nmgdata_harvest_job_{action}", region.city_official, id=held.id)["state"] == state
            with pytest.raises(Conflict):
                call(f"nmgdata_harvest_job_{action}", region.city_official, id=held.id)
            assert query.record_counts(source["id"])["vanished"] == gone
        assert acts("harvest.confirmed")[0][0] == region.city_official.id
        with clock.fixed(conftest.MONDAY + timedelta(days=8)):
            vanish.archive_due()
        assert query.record_counts(source["id"])["archived"] == 3


def test_a_connection_s_state_follows_what_has_happened(region):
    source_id = region.connected()["id"]
    source = model.Session.get_one(Source, source_id)
    assert presenters.connection_state(source, None) == "new"
    source.succeeded_at = clock.now() - timedelta(hours=47)
    assert presenters.connection_state(source, None) == "connected"
    source.succeeded_at = clock.now() - timedelta(hours=49)
    assert presenters.connection_state(source, None) == "late"
    source.every_hours = 0
    assert presenters.connection_state(source, None) == "connected"
    source.failures = 1
    assert presenters.connection_state(source, None) == "trouble"
    source.state = "paused"
    assert presenters.connection_state(source, None) == "paused"
    model.Session.rollback()


def test_every_code_has_words_and_the_public_ones_name_nothing_internal(region):
    assert {str(code) for code in (*Code, *Fault)} <= {str(code) for code in words.CODES}
    assert all(str(state) in words.STATES for state in JobState)
    assert len({words.public(code) for code in Code}) == 4
    assert words.sentence("unheard-of") == "unheard-of"
