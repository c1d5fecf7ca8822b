"""Whoever runs the machine holds no office, and who is given one is written down (R-ROLE-03, R-SEC-10)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from ckanext.nmgdata import factories
from ckanext.nmgdata.factories import call, person
from ckanext.nmgdata.kernel import actors
from ckanext.nmgdata.kernel.actors import Actor, Role
from ckanext.nmgdata.kernel.audit.model import AuditEvent

pytestmark = pytest.mark.usefixtures("clean")


def given() -> list[tuple[str, str | None, str, str]]:
    """Return what was written down about roles: verb, by whom, to whom, which role."""
    model.Session.rollback()
    query = sa.select(AuditEvent).where(AuditEvent.verb.like("role.%")).order_by(AuditEvent.seq)
    return [(e.verb, e.actor_id, e.subject_id, e.detail["role"]) for e in model.Session.scalars(query)]


def test_who_sets_up_an_organisation_as_operator_holds_no_office_in_it(world, app, as_user):
    """CKAN makes the maker of an organisation its administrator."""
    call("organization_create", world.sysadmin, name="nmg-new", title="新设厅", region_code="150000")
    made = call("organization_show", world.sysadmin, id="nmg-new", include_users=True)
    assert made["users"][0]["name"] == world.sysadmin.name
    actor = Actor.person(world.sysadmin.record)
    assert not actor.has(Role.EDITOR, made["id"])
    assert not actor.has(Role.REVIEWER, made["id"])
    assert actors.reviewers_of(made["id"]) == {}
    data = world.filled(factories.dataset(made, open_class="conditional"))
    address = f"/dataset/{data['id']}/resource/{data['resources'][0]['id']}/download?purpose=maintain"
    assert app.get(address, headers=as_user(world.sysadmin), status=None).status_code == 403


def test_roles_that_come_and_go_are_written_down(world, app, as_user):
    admin = factories.join(person("chief"), world.department, "admin")
    member, operator = {"id": world.department["id"], "username": world.citizen.name}, world.sysadmin.id
    before = given()

    def ask(action, who, **data):
        assert app.post(f"/api/3/action/{action}", json=data, headers=as_user(who)).json["success"]

    ask("organization_member_create", admin, **member, role="editor")
    ask("organization_member_create", admin, **member, role="editor")
    ask("organization_member_create", admin, **member, role="reviewer")
    ask("organization_member_delete", admin, **member)
    ask("user_patch", world.sysadmin, id=world.citizen.id, sysadmin=True)
    ask("user_patch", world.sysadmin, id=world.citizen.id, sysadmin=False)
    citizen = world.citizen.id
    assert given()[len(before) :] == [
        ("role.given", admin.id, citizen, "editor"),
        ("role.given", admin.id, citizen, "reviewer"),
        ("role.taken", admin.id, citizen, "reviewer"),
        ("role.given", operator, citizen, "sysadmin"),
        ("role.taken", operator, citizen, "sysadmin"),
    ]


def test_a_role_in_a_group_of_datasets_is_none(world, app, as_user):
    group = call("group_create", world.sysadmin, name="gongjiao", title="公交")
    before = given()
    joined = {"id": group["id"], "username": world.citizen.name, "role": "admin"}
    app.post("/api/3/action/group_member_create", json=joined, headers=as_user(world.sysadmin))
    assert given() == before


def test_the_audit_page_names_role_and_organisation(world, app, as_user):
    admin = factories.join(person("chief"), world.department, "admin")
    joined = {"id": world.department["id"], "username": world.citizen.name, "role": "reviewer"}
    app.post("/api/3/action/organization_member_create", json=joined, headers=as_user(admin))
    page = app.get("/nmg/audit", headers=as_user(world.auditor)).body
    assert world.department["title"] in page
    assert "授予角色" in page
