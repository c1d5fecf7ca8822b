"""The decision, exhaustively: every class, stop, grant and purpose, and refusal by default."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from ckanext.nmgdata.kernel.gate.answers import SAYINGS
from ckanext.nmgdata.kernel.gate.facts import Facts, GrantFact
from ckanext.nmgdata.kernel.gate.policy import Decision, Purpose, Reason, decide

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LIVE = GrantFact("g", "c", date(2026, 1, 1), date(2026, 12, 31), accepted=True, ended=False, reaches=True)
GRANTS = {
    "none": (),
    "live": (LIVE,),
    "expired": (replace(LIVE, valid_until=date(2026, 11, 21)),),
    "not begun": (replace(LIVE, valid_from=date(2026, 11, 23)),),
    "not accepted": (replace(LIVE, accepted=False),),
    "ended": (replace(LIVE, ended=True),),
    "other file": (replace(LIVE, reaches=False),),
    "some fields": (replace(LIVE, fields=("a",)),),
    "some rows": (replace(LIVE, row_filter=(("a", ("1",)),)),),
}
CLASSES = ("unconditional", "conditional", "non_open", None, "", "public", "UNCONDITIONAL")
STOPS = (None, "suspended", "withdrawn")
PLAIN = Facts("r", "d", "o", "conditional", "upload")


def ask(purpose: Purpose = Purpose.USE, **facts) -> Decision:
    """Decide about a resource with these facts."""
    return decide(replace(PLAIN, **facts), purpose, NOW)


EVERYTHING = list(
    itertools.product(CLASSES, STOPS, GRANTS, (False, True), (False, True), (False, True), Purpose)
)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_bytes_leave_only_on_the_grounds_the_law_knows(purpose):
    """Written independently of the code: what must hold of every answer, over the whole table."""
    for open_class, stop, grants, closed, editor, handler, asked in EVERYTHING:
        if asked is not purpose:
            continue
        decision = ask(
            purpose, open_class=open_class, stop=stop, grants=GRANTS[grants], closed=closed,
            is_editor=editor, is_handler=handler,
        )  # fmt: skip
        if not decision.allow:
            continue
        assert stop != "withdrawn"
        if stop == "suspended":
            assert purpose is Purpose.VERIFY
            assert handler
            continue
        assert not closed
        by_class = open_class == "unconditional"
        by_grant = open_class == "conditional" and grants == "live"
        by_upkeep = purpose is Purpose.MAINTAIN and editor
        assert by_class or by_grant or by_upkeep
        assert decision.audited is (not by_class)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"stop": "withdrawn", "open_class": "unconditional"}, Reason.WITHDRAWN),
        ({"stop": "suspended", "open_class": "unconditional"}, Reason.SUSPENDED),
        ({"stop": "suspended", "grants": (LIVE,)}, Reason.SUSPENDED),
        ({"closed": True, "grants": (LIVE,)}, Reason.ACCESS_CLOSED),
        ({"open_class": "non_open", "grants": (LIVE,)}, Reason.NON_OPEN),
        ({"open_class": None}, Reason.UNCLASSIFIED),
        ({"open_class": "public"}, Reason.UNCLASSIFIED),
        ({}, Reason.APPLICATION_REQUIRED),
        ({"grants": GRANTS["expired"]}, Reason.GRANT_EXPIRED),
        ({"grants": GRANTS["not begun"]}, Reason.GRANT_NOT_BEGUN),
        ({"grants": GRANTS["not accepted"]}, Reason.AGREEMENT_REQUIRED),
        ({"grants": GRANTS["ended"]}, Reason.GRANT_ENDED),
        ({"grants": GRANTS["other file"]}, Reason.OUT_OF_SCOPE),
        ({"grants": GRANTS["some fields"]}, Reason.OUT_OF_SCOPE),
        ({"grants": GRANTS["some rows"]}, Reason.OUT_OF_SCOPE),
        ({"grants": GRANTS["expired"] + GRANTS["not accepted"]}, Reason.AGREEMENT_REQUIRED),
        ({"grants": GRANTS["other file"] + GRANTS["expired"]}, Reason.GRANT_EXPIRED),
        ({"is_editor": True}, Reason.APPLICATION_REQUIRED),
    ],
)
def test_refused_for_the_reason_that_helps_most(facts, reason):
    assert ask(**facts) == Decision(False, reason)


def test_one_live_grant_among_dead_ones_is_enough():
    decision = ask(grants=GRANTS["expired"] + GRANTS["ended"] + (LIVE,))
    assert decision == Decision(True, Reason.GRANTED, LIVE)


@pytest.mark.parametrize(
    ("moment", "allow"),
    [
        (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), False),
        (datetime(2025, 12, 31, 16, 0, 0, tzinfo=UTC), True),
        (datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC), False),
    ],
)
def test_first_and_last_day_count_in_full_by_the_clock_of_inner_mongolia(moment, allow):
    assert decide(replace(PLAIN, grants=(LIVE,)), Purpose.USE, moment).allow is allow


def test_every_reason_has_a_sentence_an_article_and_a_status():
    assert set(SAYINGS) == set(Reason)
    for reason, saying in SAYINGS.items():
        assert saying.sentence
        assert saying.article.startswith("第")
        assert saying.status in (200, 403, 410, 429, 451), reason
