"""Authority and auditors see their own region and those below it, on every page and by every action."""

from __future__ import annotations

import pytest
from ckan.plugins import toolkit as tk

from ... import factories
from ...factories import call
from ...kernel import orgs
from ...kernel.actors import Actor, Role
from ...kernel.gate.labels import GateLabels

PLACES = {"region": "150000", "ordos": "150600", "dongsheng": "150602", "hohhot": "150100"}
BELOW = {
    "region": {"region", "ordos", "dongsheng", "hohhot"},
    "ordos": {"ordos", "dongsheng"},
    "dongsheng": {"dongsheng"},
    "hohhot": {"hohhot"},
}


@pytest.fixture
def region(world):
    """Return, per place, an objection to a department's data, and authority and auditor of the place."""
    made = {}
    for place, code in PLACES.items():
        authority = factories.organisation(
            f"{place} 数据局", name=f"a-{place}", role="authority", region_code=code
        )
        department = factories.organisation(f"{place} 交通局", name=f"d-{place}", region_code=code)
        data = world.filled(factories.dataset(department, title=f"公交站点 {place}", region_code=code))
        made[place] = {
            "official": factories.join(factories.person(f"official-{place}"), authority, "reviewer"),
            "auditor": factories.join(factories.person(f"auditor-{place}"), department, "auditor"),
            "data": data,
            "case": world.objected(data, world.applicant),
            "authority": authority,
        }
    return made


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("office", ["official", "auditor"])
def test_lists_pages_and_log_reach_as_far_as_the_region(region, place, office, app, as_user):
    person, numbers = region[place][office], {name: made["case"]["number"] for name, made in region.items()}
    expected = {numbers[name] for name in BELOW[place]}

    def named(text):
        return {number for number in numbers.values() if number in text}

    assert {row["number"] for row in call("nmgdata_case_list", person, box="region")} == expected
    assert named(app.get("/nmg/audit", headers=as_user(person)).body) == expected
    about = {event["case_id"] for event in call("nmgdata_audit_list", person, limit=500)} - {None}
    assert about == {region[name]["case"]["id"] for name in BELOW[place]}
    datasets = {
        event["subject_id"] for event in call("nmgdata_audit_list", person, subject_type="dataset", limit=500)
    }
    assert datasets == {region[name]["data"]["id"] for name in BELOW[place]}
    for name, made in region.items():
        sees = name in BELOW[place]
        if sees:
            assert call("nmgdata_case_show", person, id=made["case"]["id"])
        else:
            with pytest.raises(tk.ObjectNotFound):
                call("nmgdata_case_show", person, id=made["case"]["id"])
    if office == "official":
        assert named(app.get("/nmg/objections", headers=as_user(person)).body) == expected
        assert named(app.get("/nmg/inbox?box=all", headers=as_user(person)).body) == expected


def test_an_authority_lifts_no_suspension_of_another_region(region):
    done = call(
        "nmgdata_objection_bulk_lift", region["ordos"]["official"], reason="同一人重复提交，均无事实依据。",
        ids=[made["case"]["number"] for made in region.values()],
    )  # fmt: skip
    assert set(done["lifted"]) == {region[name]["case"]["number"] for name in BELOW["ordos"]}


def test_hidden_entries_show_themselves_to_the_office_above_and_to_no_neighbour(region):
    labels = GateLabels()
    for place, made in region.items():
        held = set(labels.get_user_dataset_labels(made["auditor"].record)) - {"public"}
        for other, theirs in region.items():
            entry = factories.model.Package.get(theirs["data"]["id"])
            shared = held & {label for label in labels.get_dataset_labels(entry) if "oversight" in label}
            assert bool(shared) is (other in BELOW[place]), (place, other)


def test_the_calendar_of_the_portal_is_not_for_a_league_city(region):
    with pytest.raises(tk.NotAuthorized):
        call(
            "nmgdata_workday_add",
            region["ordos"]["official"],
            day="2026-12-01",
            is_workday=False,
            reason="无",
        )


def test_a_case_of_a_banner_without_authority_goes_to_its_league_city(region):
    assert orgs.authority_of("150603") == region["ordos"]["authority"]["id"]
    assert orgs.authority_of("150402") == region["region"]["authority"]["id"]


def test_who_has_no_region_oversees_nothing(world):
    nowhere = factories.organisation("某单位")
    person = factories.join(factories.person("nowhere"), nowhere, "auditor")
    actor = Actor.person(person.record)
    assert not actor.oversight
    assert not actor.covers(Role.AUDITOR, "150600")
    with pytest.raises(tk.NotAuthorized):
        call("nmgdata_audit_list", person)


@pytest.mark.parametrize("code", ["150000", "150600", "150602", None])
def test_both_forms_of_the_rule_agree(clean, code):
    import sqlalchemy as sa
    from ckan import model

    for held in ({"150000"}, {"150600"}, {"150602"}, {"150100"}, {"150100", "150602"}, set()):
        column = sa.literal(code or orgs.REGION, sa.Text)
        in_sql = model.Session.scalar(sa.select(orgs.within(column, held)))
        assert bool(in_sql) is bool(held & set(orgs.above(code))), (held, code)
