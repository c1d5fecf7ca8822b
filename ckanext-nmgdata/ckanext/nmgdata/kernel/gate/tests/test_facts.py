"""What the gate reads: for nobody a shorter query, which says the same as the long one says of nobody."""

from __future__ import annotations

import pytest
from ckan import model
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.gate import facts, rights
from ckanext.nmgdata.kernel.gate.policy import Purpose, Reason, decide
from ckanext.nmgdata.kernel.unit import begin

NOBODY = Actor.anonymous("192.0.2.1")


def both(resource_id):
    """Return what the short and the long query say of nobody."""
    asked = facts.asked(resource_id, NOBODY)
    queries = (facts.query_for(NOBODY), facts.QUERY)
    return [
        dict(row) if (row := model.Session.execute(q, asked).mappings().first()) else None for q in queries
    ]


def closed_and_overridden(world):
    """Return a conditional file that somebody holds, whose access was closed, and an auditor overrode."""
    made, case = world.conditional, world.granted()
    with begin(Actor.system()) as unit:
        rights.close_access(unit, case["id"], world.applicant.id, made["id"])
    file_id = made["resources"][0]["id"]
    factories.call(
        "nmgdata_access_override", world.auditor, id=file_id, reason="核查一项投诉，需要看原始数据"
    )
    return made


MADE = {
    "open": lambda world: world.open_data,
    "non-open": lambda world: world.non_open,
    "granted, closed and overridden for others": closed_and_overridden,
}


class TestOfNobody:
    @pytest.mark.parametrize("kind", MADE)
    def test_the_short_query_says_what_the_long_one_says(self, world, kind):
        made = MADE[kind](world)
        file_id = made["resources"][0]["id"]
        short, long = both(file_id)
        assert short is not None
        assert short == long
        origin = factories.stop(made, file_id)
        short, long = both(file_id)
        assert (short, short["stop"]) == (long, "suspended")
        factories.lift(origin)
        factories.stop(made, withdraw=True)
        short, long = both(file_id)
        assert (short, short["stop"]) == (long, "withdrawn")

    def test_of_an_unknown_file_both_say_nothing(self):
        assert both("no-such-file") == [None, None]

    def test_a_suspension_holds_with_its_commit(self, world):
        file_id = world.open_data["resources"][0]["id"]

        def answer():
            found = facts.read(file_id, NOBODY)
            assert found is not None
            return decide(found, Purpose.USE, clock.now()).reason

        assert answer() == Reason.UNCONDITIONAL
        origin = factories.stop(world.open_data)
        assert answer() == Reason.SUSPENDED
        factories.lift(origin)
        assert answer() == Reason.UNCONDITIONAL


def test_who_has_an_account_is_asked_for_all(world):
    assert facts.query_for(Actor.person(world.citizen.record)) is facts.QUERY
