"""What was opened does not leave the public's sight by an edit: only a case closes it (R-OPEN-13, R28¶3)."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .... import factories
from ....factories import call, join, person, site_context
from ....kernel.audit.model import AuditEvent
from ....kernel.gate import tombstones
from .moves import decide, made_as, move

pytestmark = pytest.mark.usefixtures("clean")


def bulk(name: str) -> Any:
    """Return a way by the list of a department."""
    return lambda made, user: call(name, user, datasets=[made["id"]], org_id=made["owner_org"])


WAYS = {
    "update": lambda made, user: call("package_update", user, **{**made, "private": True}),
    "patch": lambda made, user: call("package_patch", user, id=made["id"], private=True),
    "revise": lambda made, user: call("package_revise", user, match={"id": made["id"]}, update={"private": True}),
    "draft": lambda made, user: call("package_patch", user, id=made["id"], state="draft"),
    "state": lambda made, user: call("package_patch", user, id=made["id"], state="deleted"),
    "delete": lambda made, user: call("package_delete", user, id=made["id"]),
    "bulk private": bulk("bulk_update_private"),
    "bulk delete": bulk("bulk_update_delete"),
}  # fmt: skip


def row(made: dict[str, Any]) -> tuple[str | None, bool]:
    """Return state and visibility, by the database's own row."""
    model.Session.rollback()
    found = model.Session.get_one(model.Package, made["id"], populate_existing=True)
    return found.state, found.private


@pytest.mark.parametrize("open_class", ["unconditional", "conditional"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_plain_edit_takes_opened_data_away(world, way, open_class):
    made = made_as(world, open_class)
    for user in (join(person("head"), world.department, "admin"), world.sysadmin):
        with pytest.raises(tk.ValidationError) as refused:
            way(made, user)
        assert f"/nmg/classes/change/{made['name']}" in str(refused.value.error_dict)
        assert row(made) == ("active", False)


def test_nor_does_the_operator_purge_them(world):
    made = made_as(world, "unconditional")
    with pytest.raises(tk.ValidationError):
        call("dataset_purge", world.sysadmin, id=made["id"])
    assert row(made) == ("active", False)


def test_evidence_of_a_case_is_not_purged(world):
    made = made_as(world, "conditional")
    factories.stop(made)
    with pytest.raises(tk.ValidationError):
        call("dataset_purge", world.sysadmin, id=made["id"])
    assert row(made) == ("active", False)


def test_the_case_closes_and_then_the_department_may_tidy_up(world):
    made = made_as(world, "unconditional")
    decide(move(made, "non_open", world.editor), world.official)
    call("package_patch", world.editor, id=made["id"], private=True)
    call("package_delete", world.editor, id=made["id"])
    assert row(made) == ("deleted", True)
    call("dataset_purge", world.sysadmin, id=made["id"])


def test_what_was_never_published_is_the_department_s_own(world):
    made = factories.dataset(world.department, private=True)
    call("package_patch", world.editor, id=made["id"], notes="还在编制。")
    call("package_delete", world.editor, id=made["id"])
    assert row(made)[0] == "deleted"


def test_a_deletion_by_name_is_one_by_id(world):
    """CKAN hands on what it was given; who listens knows ids only."""
    made = made_as(world, "non_open")
    call("package_delete", world.editor, id=made["name"])
    [event] = model.Session.scalars(sa.select(AuditEvent).where(AuditEvent.verb == "dataset.deleted"))
    assert event.subject_id == made["id"]


def test_a_tombstone_is_not_hidden(world):
    made = made_as(world, "unconditional")
    factories.stop(made, withdraw=True)
    with pytest.raises(tk.ValidationError):
        call("package_patch", world.editor, id=made["id"], private=True)
    assert row(made) == ("active", False)
    stone = tombstones.of(made["id"])
    assert stone
    assert stone["title"] == made["title"]


def test_the_portal_itself_may(world):
    made = made_as(world, "unconditional")
    tk.get_action("package_delete")(site_context(), {"id": made["id"]})
    assert row(made)[0] == "deleted"


def test_the_page_says_so(world, app, as_user):
    made = made_as(world, "unconditional")
    answer = app.post(f"/dataset/delete/{made['id']}", headers=as_user(world.editor), status=None)
    assert answer.status_code == 400
    assert f"/nmg/classes/change/{made['name']}" in answer.body
    assert row(made)[0] == "active"
