"""An objector's data end with their time; case, register and chain stay (R-SEC-11, DC-57)."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
import sqlalchemy as sa
from ckan import model
from ckanext.nmgdata.factories import OBJECTION, OUTCOME, call, file
from ckanext.nmgdata.kernel import clock, retention
from ckanext.nmgdata.kernel.audit import verify
from ckanext.nmgdata.kernel.evidence.model import Evidence
from ckanext.nmgdata.kernel.gate import seal
from ckanext.nmgdata.kernel.workflow.model import Case
from ckanext.nmgdata.objection.model import Objection

PRIVATE = (
    OBJECTION["objector_name"], OBJECTION["contact_phone"], OBJECTION["contact_email"],
    OBJECTION["statement"], OBJECTION["concern"], OUTCOME["feedback"],
)  # fmt: skip


def at(day: str):
    """Hold the clock at ten in the morning of a day."""
    return clock.fixed(datetime.fromisoformat(f"{day}T02:00:00+00:00"))


@pytest.fixture
def restored(world) -> dict:
    """Return an objection that was closed on 23 November 2026."""
    case = world.objected(world.open_data, world.citizen)
    call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="restore", **OUTCOME)
    return case


def everything() -> str:
    """Return all rows of all tables that name people in cases."""
    tables = ("nmgdata_objection", "nmgdata_case_event", "nmgdata_audit_secret", "nmgdata_evidence")
    rows = [
        model.Session.execute(sa.text(f"SELECT to_jsonb(t) FROM {name} t")).scalars().all() for name in tables
    ]
    return json.dumps(rows, ensure_ascii=False)


def test_everything_that_points_to_a_person_is_destroyed_and_the_rest_verifies(world, restored):
    location = seal.files.FileData(model.Session.scalar(sa.select(Evidence.location)))
    assert all(private in everything() for private in PRIVATE)
    with at("2029-11-22"):
        assert retention.sweep() == 0
    with at("2029-11-24"):
        assert retention.sweep() == 1
    assert not [private for private in PRIVATE if private in everything()]
    assert not seal.storage().exists(location)
    assert model.Session.get_one(Case, restored["id"], populate_existing=True).erased_at is not None
    assert verify.verify() == []
    shown = call("nmgdata_case_show", world.reviewer, id=restored["id"])
    acted = [("submit", "objector"), ("restore", "department")]
    assert [(step["step"], step["by_label"]) for step in shown["timeline"]] == acted
    (line,) = call("nmgdata_suspension_list", None)
    assert OUTCOME["public_reason"] in json.dumps(line, ensure_ascii=False)


def test_dc_23_the_same_file_is_still_known(world, restored):
    with at("2029-11-24"):
        retention.sweep()
        again = world.objected(world.open_data, world.applicant, evidence=file())
        assert again["status"] == "repeated"


def test_open_ones_keep_theirs(world):
    case = world.objected(world.open_data, world.citizen)
    with at("2040-01-01"):
        retention.sweep()
    row = model.Session.get_one(Objection, case["id"], populate_existing=True)
    assert row.objector_name == OBJECTION["objector_name"]
