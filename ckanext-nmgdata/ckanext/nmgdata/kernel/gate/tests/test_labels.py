"""Who may know of which entry: our shorter way to CKAN's labels gives what CKAN gives."""

from __future__ import annotations

import pytest
from ckan.lib.plugins import DefaultPermissionLabels
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel.gate.labels import OVERSIGHT, GateLabels


def without_oversight(labels):
    """Return labels less those that are ours."""
    return {label for label in labels if not label.startswith(OVERSIGHT)}


@pytest.mark.parametrize(
    "who", ["editor", "reviewer", "stranger", "official", "auditor", "applicant", "sysadmin", "chief"]
)
def test_the_labels_are_ckan_s(world, who):
    if who == "chief":
        person = factories.join(factories.person("chief"), world.department, "admin")
        factories.organisation("交通厅信息中心", name="nmg-it", groups=[{"name": world.department["name"]}])
    else:
        person = getattr(world, who)
    theirs = DefaultPermissionLabels().get_user_dataset_labels(person.record)
    assert without_oversight(GateLabels().get_user_dataset_labels(person.record)) == set(theirs)


def test_a_member_of_a_deleted_organisation_is_none(world):
    from ckan.plugins import toolkit as tk

    person = world.editor
    tk.get_action("organization_delete")(factories.site_context(), {"id": world.department["id"]})
    theirs = DefaultPermissionLabels().get_user_dataset_labels(person.record)
    assert without_oversight(GateLabels().get_user_dataset_labels(person.record)) == set(theirs)


def test_oversight_reaches_as_far_as_the_region(world):
    def held(person):
        labels = GateLabels().get_user_dataset_labels(person.record)
        return {label for label in labels if label.startswith(OVERSIGHT)}

    assert held(world.auditor) == {f"{OVERSIGHT}-150000"}
    assert held(world.editor) == set()
