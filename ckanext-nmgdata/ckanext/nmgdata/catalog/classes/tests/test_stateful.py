"""Hypothesis over class moves, with the gate as oracle: no byte beyond the class that is in effect."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from ckan import model
from ckan.plugins import toolkit as tk
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from .... import factories
from ....conftest import MONDAY
from ....factories import call, login
from ....kernel import clock
from ....kernel.audit import verify
from ....kernel.outbox import search as index
from ....tests import faults
from .moves import ANSWERS, CLASSES, made_as, statement


def stricter(before: str, after: str) -> bool:
    """Say whether a move closes something."""
    return CLASSES.index(after) > CLASSES.index(before)


@pytest.mark.usefixtures("clean_search")
def test_no_byte_leaves_beyond_the_class_in_effect(wsgi, world):  # noqa: C901 (small rules)
    """R-OPEN-05 to -08, R-OPEN-13, DC-54: over propose, review, open, edit, evaluate, time."""
    made = made_as(world, "unconditional")
    editor, reviewer, official, applicant = world.editor, world.reviewer, world.official, world.applicant
    browser = wsgi._wsgi_app.test_client(use_cookies=False)
    headers = {"anybody": {}, "applicant": login(applicant), "official": login(official)}
    address = f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"
    start = model.Session.get_one(model.Package, made["id"]).extras["open_class"]

    def goes(action: str, who: Any, **data: Any) -> Any:
        """Return what an action answers, None when it is refused."""
        try:
            return call(action, who, **data)
        except (tk.ValidationError, tk.NotAuthorized, tk.ObjectNotFound):
            model.Session.rollback()
            return None

    class Portal(RuleBasedStateMachine):
        """The portal and what must be so: the class, the proposal, the opening that is to be carried out."""

        book = {"class": start, "proposed": None, "converting": None, "granted": False, "now": MONDAY}

        def __init__(self) -> None:
            super().__init__()
            self.held = ExitStack()
            self.hold(self.book["now"])

        def hold(self, moment: datetime) -> None:
            self.held.close()
            self.book["now"] = moment
            self.held.enter_context(clock.fixed(moment))

        def teardown(self) -> None:
            self.held.close()

        def moved(self, after: str) -> None:
            if after == "unconditional":
                self.book["granted"] = False
            self.book |= {"class": after, "proposed": None, "converting": None}

        @rule(after=st.sampled_from(CLASSES), who=st.sampled_from(("editor", "reviewer", "official")))
        def file_a_change(self, after: str, who: str) -> None:
            before, running = self.book["class"], self.book["proposed"] or self.book["converting"]
            data = statement(after, before) if after != before else {"open_class": after}
            done = goes("nmgdata_class_change_submit", getattr(world, who), id=made["id"], **data)
            closes = stricter(before, after)
            carries_out = self.book["converting"] and self.book["converting"][1] == after and not closes
            may = who in (("editor", "reviewer") if closes else ("reviewer",))
            assert (done is not None) == bool(after != before and may and (not running or carries_out))
            if done and closes:
                self.book["proposed"] = (done["id"], after)
            elif done:
                self.moved(after)

        @rule(step=st.sampled_from(("approve", "return", "withdraw")), down=st.booleans())
        @precondition(lambda self: self.book["proposed"])
        def review(self, step: str, down: bool) -> None:
            case, after = self.book["proposed"]
            who = reviewer if step == "withdraw" else official
            data = {"id": case, "transition": step, "reason": "依据不足。"}
            with ExitStack() as away:
                if down:
                    away.enter_context(faults.without_solr("gone"))
                assert goes("nmgdata_case_transition", who, **data)
                self.moved(after) if step == "approve" else self.book.update(proposed=None)
                self.no_byte_beyond_the_class()
            index.rest_is_over()

        @rule(after=st.sampled_from(CLASSES), way=st.sampled_from(("package_patch", "package_update")))
        def edit_plainly(self, after: str, way: str) -> None:
            shown = call("package_show", editor, id=made["id"])
            entry = factories.entry(world.department, open_class=after, data_level="general_1")
            entry.pop("title")
            whole = {**shown, **entry} if way == "package_update" else {"id": made["id"], **entry}
            done = goes(way, editor, **{**whole, "license_id": "other-open"})
            assert (done is not None) == (after == self.book["class"])

        @rule(conclusion=st.sampled_from(("keep", "convertible", "tighten")), right=st.sampled_from(CLASSES))
        def evaluate(self, conclusion: str, right: str) -> None:
            here = self.book["class"]
            stated = {**ANSWERS, **statement("non_open", here if here != "non_open" else "conditional")}
            data = {**stated, "conclusion": conclusion, "target": right}
            done = goes("nmgdata_evaluation_submit", reviewer, id=made["id"], **data)
            busy = self.book["proposed"] or self.book["converting"]
            possible = {
                "keep": True,
                "convertible": stricter(right, here) and not busy,
                "tighten": stricter(here, right) and not busy,
            }[conclusion]
            assert (done is not None) == bool(here != "unconditional" and possible)
            if done and conclusion != "keep":
                case = call("nmgdata_case_show", reviewer, id=done["change"])["id"]
                self.book["proposed" if conclusion == "tighten" else "converting"] = (case, right)

        @rule()
        @precondition(lambda self: self.book["converting"])
        def give_the_opening_up(self) -> None:
            case = self.book["converting"][0]
            assert goes("nmgdata_case_transition", reviewer, id=case, transition="drop", reason="仍有风险。")
            self.book["converting"] = None

        @rule()
        @precondition(lambda self: self.book["class"] == "conditional" and not self.book["granted"])
        def be_given_access(self) -> None:
            today = clock.today()
            period = {"use_from": today.isoformat(), "use_until": (today + timedelta(days=30)).isoformat()}
            data = {**factories.STATEMENT, **period, "dataset_id": made["id"]}
            case = goes("nmgdata_application_submit", applicant, **data)
            if case is None:
                return
            until = {"purpose": "研究", "use_scope": "课题组", "valid_until": period["use_until"]}
            assert goes("nmgdata_case_transition", reviewer, id=case["id"], transition="approve", **until)
            accept = {"transition": "accept", "agreement": "2026-1"}
            assert goes("nmgdata_case_transition", applicant, id=case["id"], **accept)
            self.book["granted"] = True

        @invariant()
        def no_byte_beyond_the_class(self) -> None:
            here = self.book["class"]
            for name, header in headers.items():
                answer = browser.get(address, headers={"Accept": "*/*", **header})
                open_to = here == "unconditional" or (
                    here == "conditional" and name == "applicant" and self.book["granted"]
                )
                assert (answer.status_code == 200) == open_to, (name, here, answer.status_code)
                assert open_to or factories.CSV not in answer.data

        @invariant()
        def the_books_agree(self) -> None:
            periods = call("nmgdata_class_history_list", reviewer, id=made["id"])
            assert [p["open_class"] for p in periods if p["until"] is None] == [self.book["class"]]
            for newer, older in pairwise(periods):
                assert (newer["before"], newer["since"]) == (older["open_class"], older["until"])
            shown = call("package_show", reviewer, id=made["id"])
            assert shown["open_class"] == self.book["class"]
            assert verify.verify() == []

    run_state_machine_as_test(
        Portal,
        settings=settings(max_examples=3, stateful_step_count=20, phases=(Phase.reuse, Phase.generate)),
    )
