"""Who gets bytes at which door, and how a refusal is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit import verify
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.gate import counts, rights
from ckanext.nmgdata.kernel.gate.model import Download, Refusal
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.kernel.workflow.model import Case

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}


def path(dataset, filename=""):
    """Return the download address of a dataset's first file."""
    return f"/dataset/{dataset['id']}/resource/{dataset['resources'][0]['id']}/download{filename}"


def stop(dataset, withdraw=False):
    """Suspend a dataset, or withdraw it, as a case would."""
    origin = rights.Origin(*model.Session.execute(sa.select(Case.id, Case.number)).first())
    with begin(Actor.system()) as unit:
        rights.suspend(unit, origin, dataset["id"])
        if withdraw:
            rights.withdraw(unit, origin.case_id)
    return origin


def verbs():
    """Return the audited acts, oldest first."""
    return list(model.Session.scalars(sa.select(AuditEvent.verb).order_by(AuditEvent.seq)))


class TestUnconditional:
    def test_anybody_downloads_without_a_login(self, world, app):
        answer = app.get(path(world.open_data))
        assert answer.status_code == 200
        assert answer.data == factories.CSV
        assert "%E7%AB%99%E7%82%B9%E6%B8%85%E5%8D%95.csv" in answer.headers["Content-Disposition"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_head_and_range(self, world, app):
        assert app.client.head(path(world.open_data)).status_code == 200
        part = app.get(path(world.open_data), headers={"Range": "bytes=0-5"})
        assert (part.status_code, part.data) == (206, factories.CSV[:6])
        assert (
            app.get(path(world.open_data), headers={"Range": "bytes=999999-"}, status=None).status_code == 416
        )

    def test_a_link_is_followed_by_redirect(self, world, app):
        made = factories.dataset(world.department)
        factories.resource(made)
        made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        answer = app.get(path(made), follow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (
            302,
            "https://data.example.org/secret/path.csv",
        )

    def test_downloads_are_counted_and_not_audited(self, world, app):
        address = path(world.open_data)
        before = len(verbs())
        for _turn in range(3):
            app.get(address)
        app.client.head(address)
        assert model.Session.scalars(sa.select(Download.count)).all() == [3]
        assert len(verbs()) == before

    def test_another_dataset_s_path_leads_nowhere(self, world, app):
        wrong = path(world.open_data).replace(world.open_data["id"], world.conditional["id"])
        assert app.get(wrong, status=None).status_code == 404

    def test_the_dataset_s_name_works_as_well_as_its_id(self, world, app):
        named = path(world.open_data).replace(world.open_data["id"], world.open_data["name"])
        assert app.get(named).data == factories.CSV

    @pytest.mark.parametrize("change", [{"private": True}, {"state": "deleted"}])
    def test_unpublished_and_deleted_data_do_not_exist(self, world, app, change):
        address = path(world.open_data)
        tk.get_action("package_patch")(factories.site_context(), {"id": world.open_data["id"], **change})
        assert app.get(address, status=None).status_code == 404


class TestConditional:
    @pytest.mark.parametrize(
        "who",
        [None, "citizen", "applicant", "stranger", "editor", "reviewer", "official", "auditor", "sysadmin"],
    )
    def test_nobody_without_a_grant(self, world, app, as_user, who):
        headers = as_user(getattr(world, who)) if who else {}
        answer = app.get(path(world.conditional), headers={**JSON, **headers}, status=None)
        assert answer.status_code == 403
        said = json.loads(answer.body)["error"]
        assert said["reason"] == "application_required"
        assert said["legal_basis"] == "内政发〔2024〕19号第二十八条第二款"
        assert said["apply_url"].endswith(f"/nmg/apply/{world.conditional['id']}")
        assert answer.headers["Cache-Control"] == "private, no-store"

    def test_people_get_a_page_with_the_way_on(self, world, app):
        answer = app.get(path(world.conditional), headers=HTML, status=None)
        assert answer.status_code == 403
        assert f"/nmg/apply/{world.conditional['id']}" in answer.body

    def test_the_holder_of_a_grant(self, world, app, as_user):
        world.granted()
        answer = app.get(path(world.conditional), headers=as_user(world.applicant))
        assert answer.data == factories.CSV
        assert "no-store" in answer.headers["Cache-Control"]
        assert "public" not in answer.headers["Cache-Control"]
        assert verbs()[-1] == "download.allowed"
        assert verify.verify() == []

    def test_a_grant_opens_nothing_for_others(self, world, app, as_user):
        world.granted()
        assert (
            app.get(path(world.conditional), headers=as_user(world.citizen), status=None).status_code == 403
        )
        assert app.get(path(world.conditional), status=None).status_code == 403

    def test_not_before_the_agreement(self, world, app, as_user):
        case = world.submitted()
        factories.call(
            "nmgdata_case_transition", world.reviewer, id=case["id"], transition="approve",
            purpose="课题研究", use_scope="课题组内部", valid_until="2027-06-30",
        )  # fmt: skip
        answer = app.get(path(world.conditional), headers={**JSON, **as_user(world.applicant)}, status=None)
        assert json.loads(answer.body)["error"]["reason"] == "agreement_required"

    def test_not_after_the_last_day_even_if_no_sweep_ever_ran(self, world, app, as_user):
        world.granted()
        headers = {**JSON, **as_user(world.applicant)}
        with clock.fixed(datetime(2027, 6, 30, 15, 0, tzinfo=UTC)):
            assert app.get(path(world.conditional), headers=headers).status_code == 200
        with clock.fixed(datetime(2027, 6, 30, 16, 0, tzinfo=UTC)):
            answer = app.get(path(world.conditional), headers=headers, status=None)
        assert json.loads(answer.body)["error"]["reason"] == "grant_expired"

    def test_the_department_s_editor_for_audited_upkeep(self, world, app, as_user):
        address = path(world.conditional) + "?purpose=maintain"
        assert app.get(address, headers=as_user(world.editor)).data == factories.CSV
        assert verbs()[-1] == "download.allowed"
        for who in (world.stranger, world.sysadmin, world.citizen):
            assert app.get(address, headers=as_user(who), status=None).status_code == 403

    def test_an_unknown_purpose_is_ordinary_use(self, world, app, as_user):
        address = path(world.conditional) + "?purpose=override"
        assert app.get(address, headers=as_user(world.editor), status=None).status_code == 403


class TestStops:
    def test_suspended_is_451_with_the_case_for_everybody(self, world, app, as_user):
        world.granted()
        case = stop(world.conditional)
        for who in (None, world.applicant, world.editor, world.sysadmin):
            headers = as_user(who) if who else {}
            answer = app.get(path(world.conditional), headers={**JSON, **headers}, status=None)
            assert answer.status_code == 451
            assert json.loads(answer.body)["error"]["case"] == case.number

    def test_suspension_holds_at_once_for_open_data_too(self, world, app):
        world.submitted()
        assert app.get(path(world.open_data)).status_code == 200
        stop(world.open_data)
        assert app.get(path(world.open_data), status=None).status_code == 451

    def test_the_handlers_verify(self, world, app, as_user):
        world.submitted()
        stop(world.open_data)
        address = path(world.open_data) + "?purpose=verify"
        assert app.get(address, headers=as_user(world.reviewer)).status_code == 200
        assert app.get(address, headers=as_user(world.editor), status=None).status_code == 451

    def test_withdrawn_is_410_for_everybody(self, world, app, as_user):
        world.submitted()
        stop(world.open_data, withdraw=True)
        for purpose in ("use", "maintain", "verify"):
            for who in (world.reviewer, world.editor, world.sysadmin):
                address = f"{path(world.open_data)}?purpose={purpose}"
                assert app.get(address, headers=as_user(who), status=None).status_code == 410

    def test_lifting_opens_again(self, world, app):
        world.submitted()
        case = stop(world.open_data)
        with begin(Actor.system()) as unit:
            rights.lift(unit, case.case_id)
        assert app.get(path(world.open_data)).status_code == 200

    def test_a_violator_s_access_is_closed_and_others_keep_theirs(self, world, app, as_user):
        case = world.granted()
        with begin(Actor.system()) as unit:
            rights.close_access(unit, case["id"], world.applicant.id, world.conditional["id"])
        answer = app.get(path(world.conditional), headers={**JSON, **as_user(world.applicant)}, status=None)
        assert json.loads(answer.body)["error"]["reason"] == "access_closed"
        assert app.get(path(world.open_data), headers=as_user(world.applicant)).status_code == 200
        with begin(Actor.system()) as unit:
            rights.reopen_access(unit, case["id"])
        assert app.get(path(world.conditional), headers=as_user(world.applicant)).status_code == 200


class TestNonOpen:
    @pytest.mark.parametrize("who", [None, "citizen", "stranger", "sysadmin", "editor", "auditor"])
    def test_nobody(self, world, app, as_user, who):
        headers = as_user(getattr(world, who)) if who else {}
        answer = app.get(path(world.non_open), headers=headers, status=None)
        assert answer.status_code in (403, 404)

    def test_the_public_does_not_even_see_the_entry(self, world, app, as_user, clean_search):
        made = factories.dataset(world.department, title="不公开的名册", open_class="non_open")
        shown = f"/dataset/{made['name']}"
        assert app.get(shown, status=None).status_code == 404
        assert app.get(shown, headers=as_user(world.citizen), status=None).status_code == 404
        found = json.loads(app.get("/api/3/action/package_search?q=名册").body)
        assert found["result"]["count"] == 0
        for who in (world.editor, world.reviewer, world.official, world.auditor):
            assert app.get(shown, headers=as_user(who)).status_code == 200


class TestUnclassified:
    def test_data_without_a_class_stay_closed(self, world, app):
        address = path(world.open_data)
        model.Session.execute(sa.text("UPDATE package SET extras = extras - 'open_class'"))
        model.Session.commit()
        answer = app.get(address, headers=JSON, status=None)
        assert json.loads(answer.body)["error"]["reason"] == "unclassified"


class TestRefusalsAreCounted:
    def test_a_flood_adds_to_one_bucket_and_not_to_the_chain(self, world, app):
        address = path(world.conditional)
        events = len(verbs())
        for _turn in range(20):
            app.get(address, headers=JSON, status=None)
        assert model.Session.scalars(sa.select(Refusal.count)).all() == [20]
        assert len(verbs()) == events

    def test_the_hour_s_bucket_becomes_one_event(self, world, app):
        app.get(path(world.conditional), headers=JSON, status=None)
        assert counts.audit_refusals() == 0
        with clock.fixed(clock.now() + timedelta(hours=1)):
            assert counts.audit_refusals() == 1
            assert counts.audit_refusals() == 0
        event = model.Session.scalars(sa.select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
        assert (event.verb, event.detail["reason"], event.detail["count"]) == (
            "door.refused",
            "application_required",
            1,
        )


class TestOtherDoors:
    @pytest.mark.parametrize(
        "door", ["/file/download/x", "/file/trusted-download/x", "/file/public-download/resource/x"]
    )
    def test_ckan_s_file_routes_lead_nowhere(self, app, clean, door):
        assert app.get(door, status=None).status_code == 404

    def rows(self, dataset):
        """Put rows into the DataStore."""
        resource_id = dataset["resources"][0]["id"]
        factories.table(resource_id, fields=[{"id": "站点"}], records=[{"站点": "示例一站"}])
        return resource_id

    @pytest.mark.parametrize("kind", ["conditional", "non_open"])
    def test_the_datastore_gives_neither_rows_nor_columns(self, world, app, as_user, kind):
        resource_id = self.rows(getattr(world, kind))
        for who in (None, world.citizen, world.editor, world.sysadmin):
            headers = as_user(who) if who else {}
            for door in (
                f"/api/3/action/datastore_search?resource_id={resource_id}",
                f"/api/3/action/datastore_info?id={resource_id}",
                f"/datastore/dump/{resource_id}",
                f"/datastore/dump/{resource_id}?format=json",
            ):
                answer = app.get(door, headers=headers, status=None)
                assert answer.status_code in (403, 404), door
                assert "示例一站" not in answer.body
                assert "站点" not in answer.body.replace("站点清单", "")

    def test_the_datastore_says_why(self, world, app):
        resource_id = self.rows(world.conditional)
        answer = app.get(f"/api/3/action/datastore_search?resource_id={resource_id}", status=403)
        assert "[application_required]" in json.loads(answer.body)["error"]["message"]

    def test_open_rows_are_open(self, world, app):
        resource_id = self.rows(world.open_data)
        found = json.loads(app.get(f"/api/3/action/datastore_search?resource_id={resource_id}").body)
        assert found["result"]["records"][0]["站点"] == "示例一站"

    def test_granted_rows_are_granted(self, world, app, as_user):
        resource_id = self.rows(world.conditional)
        world.granted()
        door = f"/api/3/action/datastore_search?resource_id={resource_id}"
        assert json.loads(app.get(door, headers=as_user(world.applicant)).body)["result"]["total"] == 1

    def test_sql_is_off_and_the_table_list_closed(self, world, app):
        self.rows(world.open_data)
        assert app.get("/api/3/action/datastore_search_sql?sql=SELECT 1", status=None).status_code >= 400
        assert app.get(
            "/api/3/action/datastore_search?resource_id=_table_metadata", status=None
        ).status_code in (403, 404)

    def test_pages_of_closed_data_still_answer(self, world, app):
        resource_id = self.rows(world.conditional)
        assert app.get(f"/dataset/{world.conditional['name']}").status_code == 200
        assert app.get(f"/dataset/{world.conditional['name']}/resource/{resource_id}").status_code == 200
