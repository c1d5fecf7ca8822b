"""A decider who left, a department that was merged, an authority that was replaced: no case is left waiting."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access.tests.test_application import APPROVAL, REFUSAL, fire, status
from ckanext.nmgdata.factories import call
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.workflow import succession
from ckanext.nmgdata.kernel.workflow.model import Case

pytestmark = pytest.mark.usefixtures("clean")


def merged(world, *, heir=None):
    """Merge the department: its entries go to another one, or to nobody; then it is deleted."""
    for dataset in model.Session.query(model.Package).filter_by(owner_org=world.department["id"]).all():
        if heir:
            sent = {"id": dataset.id, "organization_id": heir["id"]}
            tk.get_action("package_owner_org_update")(factories.site_context(), sent)
        else:
            tk.get_action("package_delete")(factories.site_context(), {"id": dataset.id})
    tk.get_action("organization_delete")(factories.site_context(), {"id": world.department["id"]})


def case_of(receipt):
    """Return a case as it is now."""
    model.Session.rollback()
    return model.Session.get_one(Case, receipt["id"], populate_existing=True)


def waiting_for(person):
    """Return the numbers of the cases that wait for somebody."""
    return [line["number"] for line in call("nmgdata_case_list", person, box="waiting")]


def test_who_follows_the_department_decides(world):
    receipt = world.submitted()
    assert world.stranger
    merged(world, heir=world.other)
    assert waiting_for(world.stranger) == []
    assert succession.follow() == 1
    assert succession.follow() == 0
    assert waiting_for(world.stranger) == [receipt["number"]]
    told = [row.payload["to"] for row in model.Session.query(Outbox).filter_by(topic="notice")
            if row.payload["template"] == "inherited"]  # fmt: skip
    assert sorted(told) == ["filer", "provider"]
    fire(world.stranger, receipt, "approve", **APPROVAL)
    assert status(receipt) == "approved"
    assert "case.inherited" in set(model.Session.scalars(sa.select(AuditEvent.verb)))
    shown = call("nmgdata_case_show", world.applicant, id=receipt["id"])
    assert "inherited" in [step["step"] for step in shown["timeline"]]


def test_without_one_the_authority_does(world):
    receipt = world.submitted()
    assert world.official
    merged(world)
    succession.follow()
    case = case_of(receipt)
    assert (case.org_id, case.holder_id, case.due_on is not None) == (
        world.authority["id"], world.authority["id"], True,
    )  # fmt: skip
    fire(world.official, receipt, "refuse", **REFUSAL)
    assert status(receipt) == "refused"


def test_an_authority_that_was_replaced_leaves_nothing_behind(world, monkeypatch):
    assert [world.official, world.conditional, world.applicant]
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.region", "150100")
    receipt = world.submitted()
    assert case_of(receipt).holder_id == world.authority["id"]
    tk.get_action("organization_delete")(factories.site_context(), {"id": world.authority["id"]})
    monkeypatch.undo()
    new = factories.organisation("新数据局", name="nmg-new", role="authority", region_code="150000")
    official = factories.join(factories.person("newofficial"), new, "reviewer")
    succession.follow()
    assert waiting_for(official) == [receipt["number"]]
    fire(official, receipt, "pass_on")


def test_who_has_left_strands_nothing(world):
    receipt = world.submitted()
    leaver = factories.join(factories.person("leaver"), world.department, "reviewer")
    assert world.reviewer
    call("nmgdata_case_assign", leaver, ids=[receipt["number"]], assignee=leaver.name)
    tk.get_action("user_delete")(factories.site_context(), {"id": leaver.name})
    assert waiting_for(world.reviewer) == [receipt["number"]]
    fire(world.reviewer, receipt, "approve", **APPROVAL)
    assert status(receipt) == "approved"


def test_what_is_closed_stays_what_it_was(world):
    receipt = world.submitted()
    fire(world.applicant, receipt, "withdraw")
    merged(world, heir=world.other)
    assert succession.follow() == 0
    assert case_of(receipt).org_id == world.department["id"]
