"""Whatever way an entry becomes public, it is held to every rule of publishing, and its publication is noted."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog.model import Entry
from ckanext.nmgdata.factories import call, dataset, entry, site_context
from ckanext.nmgdata.kernel.audit.model import AuditEvent

PAPER = [{"name": "扫描件", "format": "PDF", "url": "https://data.example.org/scan.pdf"}]
FAULTY = {
    "no contact": {"contact_phone": "", "contact_email": ""},
    "no machine-readable file": {"resources": PAPER},
}


def public(dataset_id):
    """Say what the public sees, by the database's own row."""
    model.Session.rollback()
    model.Session.expire_all()
    row = model.Session.get(model.Package, dataset_id)
    return row is not None and row.state == "active" and not row.private


def hidden(world, **faults):
    """Return an unpublished entry that breaks a rule of publishing."""
    return dataset(world.department, private=True, **faults)


def update(made, user, **values):
    return call("package_update", user, **{**made, **values})


def patch(made, user, **values):
    return call("package_patch", user, id=made["id"], **values)


def revise(made, user, **values):
    return call("package_revise", user, match={"id": made["id"]}, update=values)


def bulk(made, user, **values):
    return call("bulk_update_public", user, datasets=[made["id"]], org_id=made["owner_org"])


def publish(made, user, **values):
    return call("nmgdata_dataset_publish", user, id=made["id"])


def owner(made, user, **values):
    """Change the owner with the visibility, as the API would take it."""
    return call("package_patch", user, id=made["id"], owner_org=made["owner_org"], **values)


WAYS = (update, patch, revise, bulk, publish, owner)
NOT_PRIVATE = (False, "false", "no", "on", " true ", "", None, 0, "maybe", [], {}, ["true"])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("faults", FAULTY.values(), ids=FAULTY)
def test_no_way_publishes_what_breaks_a_rule(world, way, faults):
    chief = factories.join(factories.person("chief"), world.department, "admin")
    made = hidden(world, **faults)
    with pytest.raises(tk.ValidationError):
        way(made, chief, private=False)
    assert not public(made["id"])


@pytest.mark.parametrize("private", NOT_PRIVATE, ids=repr)
@pytest.mark.parametrize("faults", FAULTY.values(), ids=FAULTY)
def test_nor_does_an_odd_word_for_it(world, faults, private):
    made = hidden(world, **faults)
    for way in (update, patch):
        try:
            way(made, world.editor, private=private)
        except tk.ValidationError:
            model.Session.rollback()
        assert not public(made["id"])


@pytest.mark.parametrize(
    "values",
    [{}, {"private": False}, {"state": "draft"}, {"state": None}, {"state": ""}, {"state": "Active"},
     {"state": "deleted"}, {"private": "on"}, {"type": "paper"}, {"type": "paper", "state": "draft"}],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("faults", FAULTY.values(), ids=FAULTY)
def test_created_neither(world, faults, values):
    for who in (world.editor, world.sysadmin):
        try:
            made = call("package_create", who, **entry(world.department, **faults, **values))
        except tk.ValidationError:
            model.Session.rollback()
            continue
        assert not public(made["id"])


@pytest.mark.parametrize("faults", FAULTY.values(), ids=FAULTY)
def test_undeleted_and_finished_neither(world, faults):
    for state in ("deleted", "draft"):
        made = hidden(world, **faults)
        values = {"state": state, "private": False}
        model.Session.execute(sa.update(model.Package).where(model.Package.id == made["id"]).values(**values))
        model.Session.commit()
        for who in (world.editor, world.sysadmin):
            try:
                patch(made, who, state="active")
            except tk.ValidationError:
                model.Session.rollback()
            assert not public(made["id"])


def test_another_type_is_no_way_round(world):
    made = hidden(world, **FAULTY["no machine-readable file"])
    with pytest.raises(tk.ValidationError):
        update(made, world.editor, type="paper", private=False)
    assert not public(made["id"])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_and_every_way_notes_the_publication_once(world, way):
    chief = factories.join(factories.person("chief"), world.department, "admin")
    made = hidden(world)
    way(made, chief, private=False)
    assert public(made["id"])
    patch(made, chief, title="改名")
    assert model.Session.get_one(Entry, made["id"]).published_at
    noted = sa.select(sa.func.count()).where(
        AuditEvent.verb == "dataset.published", AuditEvent.subject_id == made["id"]
    )
    assert model.Session.scalar(noted) == 1


def test_a_file_of_a_public_entry_is_held_to_the_rule_too(world):
    made = dataset(world.department)
    with pytest.raises(tk.ValidationError):
        call("resource_create", world.editor, package_id=made["id"], **PAPER[0])
    model.Session.rollback()
    assert tk.get_action("package_show")(site_context(), {"id": made["id"]})["resources"] == []
