"""Whatever people, the clock and accidents do in whatever order: no byte without right, and the books agree.

The portal runs beside a model of the law (``law.py``). After each step every door is tried by everybody,
and cases, stops, register and audit are compared with what the model expects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import search
from ckan.plugins import toolkit as tk
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ..catalog import reconcile
from ..conftest import MONDAY
from ..factories import (
    OBJECTION,
    OUTCOME,
    PDF,
    STATEMENT,
    WITHDRAWAL,
    call,
    file,
    join,
    login,
    person,
    site_context,
    table,
)
from ..factories import entry as entry_of
from ..kernel import clock, tick
from ..kernel.audit import verify
from ..kernel.audit.model import AuditEvent
from ..kernel.gate.model import Suspension
from ..kernel.outbox import search as index
from ..kernel.outbox.model import Outbox
from ..kernel.workflow.model import Case as CaseRow
from . import law
from .law import CLASSES, Book, Case, Entry, File

REFUSED = (tk.ValidationError, tk.NotAuthorized, tk.ObjectNotFound)
PUBLIC = ("anonymous", "applicant", "other_editor", "auditor")
TERMS = ("open_class", "open_reason", "open_legal_basis", "open_condition", "nonopen_ground", "license_id",
         "data_level")  # fmt: skip
SEALED_REASON = "核查一项投诉，需要看原始数据"
EVIDENCE = (PDF, PDF + b"%2\n%%EOF")
any_of = st.integers(0, 999)
"""Which of the things there are: its remainder."""


class Crash(Exception):  # noqa: N818 (what is raised is the crash itself)
    """The portal falls over in the middle of its work."""


@contextmanager
def crash_at(statement: int) -> Iterator[None]:
    """Fall over just before the so-many-th statement to the database."""
    left, engine = count(1), model.ensure_engine()

    def strike(*_arguments: Any) -> None:
        if next(left) == statement:
            raise Crash

    sa.event.listen(engine, "before_cursor_execute", strike)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", strike)
        model.Session.rollback()


@pytest.mark.usefixtures("clean_search")
def test_no_byte_without_right_and_the_books_agree(wsgi, world, monkeypatch):  # noqa: C901 (small rules)
    """R-OPEN, R-COND, R-OBJ: over publish, reclassify, apply, object, decide, restore, expire, crash."""
    for limit in ("per_address", "per_address_unproven", "without_account"):
        monkeypatch.setitem(tk.config, f"ckanext.nmgdata.objection.{limit}", 10**6)
    people = {
        "anonymous": None,
        "applicant": world.applicant,
        "other_editor": join(person(), world.other, "editor"),
        "auditor": world.auditor,
    }
    headers = {name: login(who) if who else {} for name, who in people.items()}
    browser = wsgi._wsgi_app.test_client(use_cookies=False)
    editor, reviewer, official = world.editor, world.reviewer, world.official
    bodies = count(1)

    def body() -> bytes:
        return b"n,text\r\n1,secret-%06d\r\n" % next(bodies)

    def goes(action: str, who: Any, **data: Any) -> Any:
        """Return what an action answers, None when it is refused."""
        try:
            return call(action, who, **data)
        except REFUSED:
            model.Session.rollback()
            return None

    class Portal(RuleBasedStateMachine):
        """The portal and the model, hand in hand."""

        def __init__(self) -> None:
            super().__init__()
            self.book, self.now, self.held = Book(), MONDAY, ExitStack()
            self.held.enter_context(clock.fixed(self.now))
            self.since = verify.head().seq
            self.earlier = set(model.Session.scalars(sa.select(CaseRow.id)))
            """Cases of runs before, whose grants may end in this one."""

        def teardown(self) -> None:
            self.held.close()

        def pick(self, number: int, things: Any) -> Any:
            return list(things)[number % len(things)]

        def entry(self, number: int) -> Entry:
            return self.pick(number, self.book.entries)

        def case(self, number: int, *kinds: str) -> Case | None:
            found = [case for case in self.book.cases.values() if case.kind in kinds]
            return self.pick(number, found) if found else None

        def target(self, number: int, entry: Entry) -> str | None:
            """Return a file of an entry; None, as often as not, for the whole."""
            return None if number % 2 else self.pick(number // 2, entry.files).id

        # --- the catalogue ---------------------------------------------------------------------------

        @initialize(open_class=st.sampled_from(("unconditional", "conditional")))
        def begin(self, open_class: str) -> None:
            self.describe(open_class)
            self.publish(0)

        @rule(open_class=st.sampled_from(CLASSES))
        @precondition(lambda self: len(self.book.entries) < 2)
        def describe(self, open_class: str) -> None:
            values = entry_of(world.department, open_class=open_class, private=True)
            entry = Entry(call("package_create", editor, **values)["id"], open_class, public=False)
            self.book.entries.append(entry)
            for name in ("a.csv", "b.csv"):
                made = self.add_file(entry, name)
                table(made.id, fields=[{"id": "text"}], records=[{"text": made.body.decode()}])
                made.rows = True

        def add_file(self, entry: Entry, name: str) -> File:
            content = body()
            data = {"name": name, "format": "CSV", "url": name, "upload": file(content, name)}
            made = call("resource_create", editor, package_id=entry.id, **data)
            entry.files.append(File(made["id"], content))
            return entry.files[-1]

        @rule(number=any_of)
        def publish(self, number: int) -> None:
            entry = self.entry(number)
            call("nmgdata_dataset_publish", editor, id=entry.id)
            self.book.events["dataset.published"] += not entry.public
            entry.public = True

        def terms(self, open_class: str) -> dict[str, Any]:
            values = entry_of(world.department, open_class=open_class)
            return {name: values.get(name, "") for name in TERMS}

        @rule(number=any_of, open_class=st.sampled_from(CLASSES))
        def reclassify(self, number: int, open_class: str) -> None:
            entry = self.entry(number)
            tk.get_action("package_patch")(site_context(), {"id": entry.id, **self.terms(open_class)})
            self.book.reclassify(entry, open_class)

        @rule(number=any_of)
        def save_what_a_client_was_shown_and_forged(self, number: int) -> None:
            entry = self.entry(number)
            shown = call("package_show", editor, id=entry.id)
            shown |= {"open_state": "open", "notes": "说明可以改。"}
            for resource in shown["resources"]:
                resource["open_state"] = "open"
            call("package_update", editor, **shown)

        @rule(number=any_of, which=any_of)
        def replace_a_file(self, number: int, which: int) -> None:
            entry = self.entry(number)
            old, new = self.pick(which, entry.files), body()
            done = goes("resource_patch", editor, id=old.id, upload=file(new, "new.csv"))
            assert (done is not None) == (entry.state(old.id) == "open")
            if done:
                old.body = new
                self.book.replace(entry, old)
                old.rows = False  # until the worker has loaded the new file

        @rule(number=any_of)
        def reindex(self, number: int) -> None:
            search.rebuild(self.entry(number).id)

        # --- applications ----------------------------------------------------------------------------

        @rule(number=any_of, days=st.integers(1, 20))
        def apply(self, number: int, days: int) -> None:
            entry, today = self.entry(number), law.day(self.now)
            until = today + timedelta(days=days)
            period = {"use_from": today.isoformat(), "use_until": until.isoformat()}
            data = {**STATEMENT, **period, "dataset_id": entry.id}
            made = goes("nmgdata_application_submit", world.applicant, **data)
            possible = entry.public and entry.open_class == law.CONDITIONAL and entry.state() == "open"
            assert (made is not None) == (possible and not self.book.pending(entry))
            if made:
                case = Case(made["id"], made["number"], law.APPLICATION, entry, "review", until=until)
                self.book.file(case)

        @rule(
            number=any_of, days=st.integers(0, 20), asked=st.sampled_from(("approve", "refuse", "withdraw"))
        )
        def decide_an_application(self, number: int, days: int, asked: str) -> None:
            if (case := self.case(number, law.APPLICATION)) is None:
                return
            today = law.day(self.now)
            last = today + timedelta(days=days)
            stated = {
                "approve": {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": last.isoformat()},
                "refuse": {"refusal_ground": "conditions_not_met", "reason": "用途不明。", "legal_basis": "第二十八条"},
                "withdraw": {},
            }[asked]  # fmt: skip
            who = world.applicant if asked == "withdraw" else reviewer
            done = goes("nmgdata_case_transition", who, id=case.id, transition=asked, **stated)
            possible = {
                "approve": case.status == "review" and case.entry.state() == "open" and last <= case.until,
                "refuse": case.status == "review",
                "withdraw": case.status in ("review", "approved"),
            }[asked]
            assert (done is not None) == possible
            if done and asked == "approve":
                case.grant = law.Grant(today, last)
                self.book.events["grant.created"] += 1
                self.book.step(case, "approved")
            elif done:
                self.book.end([case], {"refuse": "refused", "withdraw": "withdrawn"}[asked])

        @rule(number=any_of)
        def accept(self, number: int) -> None:
            if (case := self.case(number, law.APPLICATION)) is None:
                return
            stated = {"transition": "accept", "agreement": "2026-1"}
            done = goes("nmgdata_case_transition", world.applicant, id=case.id, **stated)
            assert (done is not None) == (case.status == "approved")
            if done and case.grant:
                case.grant.accepted = True
                self.book.events["grant.activated"] += 1
                self.book.step(case, "provided")

        @rule(number=any_of)
        def be_given_access(self, number: int) -> None:
            """Go the whole way at once, so that runs reach what comes after it."""
            self.apply(number, 20)
            for case in self.book.of(self.entry(number), law.APPLICATION):
                if case.status == "review" and case.entry.state() == "open":
                    self.decide_an_application(self.place_of(case), 1, "approve")
                    self.accept(self.place_of(case))

        def place_of(self, case: Case) -> int:
            return [c for c in self.book.cases.values() if c.kind == law.APPLICATION].index(case)

        # --- objections ------------------------------------------------------------------------------

        def objection(self, number: int, which: int) -> tuple[Entry, dict[str, Any], bytes]:
            entry, evidence = self.entry(number), EVIDENCE[which % 5 == 0]
            target = self.target(which, entry)
            data = {**OBJECTION, "dataset_id": entry.id, "resources": [target] if target else []}
            return entry, {**data, "evidence": file(evidence)}, evidence

        def filed(self, made: Any, kind: str, entry: Entry, data: Any, evidence: bytes = b"") -> None:
            repeat = kind == law.OBJECTION and self.book.is_repeat(
                entry, (data["resources"] or [None])[0], evidence
            )
            case = Case(made["id"], made["number"], kind, entry, "repeated" if repeat else "verifying")
            case.file, case.evidence = (data["resources"] or [None])[0], evidence
            assert made["status"] == case.status
            self.book.file(case)

        @rule(number=any_of, which=any_of, who=st.sampled_from((None, "citizen")))
        def object_to(self, number: int, which: int, who: str | None) -> None:
            entry, data, evidence = self.objection(number, which)
            user = getattr(world, who) if who else None
            made = goes("nmgdata_objection_submit", user, **data)
            assert (made is not None) == (entry.seen and entry.state() != law.WITHDRAWN)
            if made:
                self.filed(made, law.OBJECTION, entry, data, evidence)
                self.book.cases[made["id"]].filed_by = who

        @rule(number=any_of, which=any_of)
        def suspend_ex_officio(self, number: int, which: int) -> None:
            entry, data, _evidence = self.objection(number, which)
            danger = {"danger_kind": "public_interest", "reason": "数据暴露了供水设施的位置。"}
            about = {name: data[name] for name in ("dataset_id", "resources")}
            made = goes("nmgdata_suspension_create", editor, **about, **danger)
            open_to_some = entry.open_class != "non_open"  # there is nothing to stop (DC-28)
            assert (made is not None) == (open_to_some and entry.state() != law.WITHDRAWN)
            if made:
                self.filed(made, law.OFFICE, entry, about)

        @rule(number=any_of)
        def retract(self, number: int) -> None:
            if (case := self.case(number, law.OBJECTION)) is None:
                return
            done = goes("nmgdata_case_transition", world.citizen, id=case.id, transition="retract")
            assert (done is not None) == (case.filed_by == "citizen" and case.status == "verifying")
            if done:
                self.book.step(case, "retracted")

        @rule(number=any_of, who=st.sampled_from(("reviewer",) * 4 + ("stranger", "editor", "sysadmin")),
              outcome=st.sampled_from(("withdraw", "restore", "restore")))  # fmt: skip
        def decide(self, number: int, who: str, outcome: str) -> None:
            if (case := self.case(number, law.OBJECTION, law.OFFICE)) is None:
                return
            stated = {**WITHDRAWAL, "id": case.id, "transition": outcome}
            done = goes("nmgdata_case_transition", getattr(world, who), **stated)
            assert (done is not None) == (who == "reviewer" and case.status in law.VERIFIED[case.kind])
            if done and outcome == "withdraw":
                self.book.withdraw(case)
            elif done:
                self.book.lift(case, "restored")

        @rule(number=any_of, which=any_of, processed=st.booleans())
        def open_after_processing(self, number: int, which: int, processed: bool) -> None:
            if (case := self.case(number, law.OBJECTION, law.OFFICE)) is None:
                return
            if processed and len(case.entry.files) < 4:
                self.add_file(case.entry, "processed.csv")
            old = case.file if case.file and which % 4 else self.pick(which, case.entry.files).id
            new = {file.id for file in case.entry.files} - case.before
            right = old == case.file if case.file else old in case.before
            stated = {**OUTCOME, "processing": "删除第三列。", "sealed": [old]}
            step = {"id": case.id, "transition": "open_after_processing"}
            done = goes("nmgdata_case_transition", reviewer, **stated, **step)
            assert (done is not None) == (bool(new) and right and case.status in law.VERIFIED[case.kind])
            if done:
                self.book.process(case, old)

        @rule(number=any_of, again=st.booleans())
        def answer_a_repeat(self, number: int, again: bool) -> None:
            if (case := self.case(number, law.OBJECTION)) is None:
                return
            step = {"transition": "take_up" if again else "set_aside", "reason": "证据与前次相同。"}
            done = goes("nmgdata_case_transition", official, id=case.id, **step)
            assert (done is not None) == (case.status == "repeated")
            if done:
                self.book.step(case, "verifying" if again else "set_aside")
                if again:
                    self.book.stop(case)

        @rule()
        def lift_a_wave(self) -> None:
            objections = [c for c in self.book.cases.values() if c.kind == law.OBJECTION]
            wave = [case for case in objections if case.status in law.VERIFIED[law.OBJECTION]]
            if not objections:
                return
            stated = {"ids": [case.number for case in objections], "reason": "滥用异议权利。"}
            done = call("nmgdata_objection_bulk_lift", official, **stated)
            assert set(done["lifted"]) == {case.number for case in wave}
            for case in wave:
                self.book.lift(case, "abusive")

        # --- oversight, clock, accidents -------------------------------------------------------------

        @rule(number=any_of, which=any_of)
        def override(self, number: int, which: int) -> None:
            entry = self.entry(number)
            wanted = self.pick(which, entry.files)
            done = goes("nmgdata_access_override", people["auditor"], id=wanted.id, reason=SEALED_REASON)
            needed = entry.open_class != law.UNCONDITIONAL or entry.state(wanted.id) == law.SUSPENDED
            assert (done is not None) == (needed and entry.state(wanted.id) != law.WITHDRAWN)
            if done:
                self.book.overrides[wanted.id] = self.now + timedelta(minutes=60)
                self.book.events["override.used"] += 1

        @rule(minutes=st.sampled_from((1, 59, 61, 24 * 60, 8 * 24 * 60)))
        def time_passes(self, minutes: int) -> None:
            self.now += timedelta(minutes=minutes)
            self.held.close()
            self.held.enter_context(clock.fixed(self.now))

        @rule()
        def tick_once(self) -> None:
            with wsgi._wsgi_app.app_context():
                tick.once()
            self.book.tick(law.day(self.now))
            said: list[str] = []
            reconcile.run(repair=False, say=said.append, progress=lambda _text: None)
            waiting = sa.select(Outbox.payload["dataset"].astext).where(
                Outbox.topic == index.TOPIC, Outbox.done_at.is_(None)
            )
            late = set(model.Session.scalars(waiting))  # a crash has put them off
            assert {line.split()[1] for line in said} <= late

        @rule(number=any_of, which=any_of, statement=st.integers(1, 60))
        def crash_while_filing(self, number: int, which: int, statement: int) -> None:
            entry, data, evidence = self.objection(number, which)
            made = None
            with crash_at(statement):
                try:
                    made = goes("nmgdata_objection_submit", None, **data)
                except Crash:
                    model.Session.rollback()
            if made:
                self.filed(made, law.OBJECTION, entry, data, evidence)

        @rule(number=any_of, statement=st.integers(1, 60))
        def crash_while_withdrawing(self, number: int, statement: int) -> None:
            if (case := self.case(number, law.OBJECTION, law.OFFICE)) is None:
                return
            stated = {**WITHDRAWAL, "id": case.id, "transition": "withdraw"}
            with crash_at(statement):
                try:
                    goes("nmgdata_case_transition", reviewer, **stated)
                except Crash:
                    model.Session.rollback()
            if model.Session.get_one(CaseRow, case.id, populate_existing=True).status != case.status:
                self.book.withdraw(case)

        @rule(number=any_of, open_class=st.sampled_from(CLASSES), statement=st.integers(1, 80))
        def crash_while_reclassifying(self, number: int, open_class: str, statement: int) -> None:
            entry = self.entry(number)
            with crash_at(statement):
                try:
                    tk.get_action("package_patch")(site_context(), {"id": entry.id, **self.terms(open_class)})
                except Crash:
                    model.Session.rollback()
            row = model.Session.get_one(model.Package, entry.id, populate_existing=True)
            if row.extras["open_class"] != entry.open_class:
                self.book.reclassify(entry, open_class)

        # --- what must hold --------------------------------------------------------------------------

        @invariant()
        def no_byte_leaves_without_right(self) -> None:
            for entry in self.book.entries:
                for there in entry.files:
                    for who in PUBLIC:
                        may = self.book.may(who, entry, there, self.now)
                        address = f"/dataset/{entry.id}/resource/{there.id}/download"
                        answer = browser.get(address, headers={"Accept": "*/*", **headers[who]})
                        got = (answer.status_code == 200, answer.data == there.body)
                        assert got == (may, may), (who, entry, there, answer.status_code)
                        assert may or b"secret-" not in answer.data
                        said = goes("nmgdata_access_explain", people[who], id=there.id)
                        assert bool(said and said["allowed"]) == may
                        rows = there.rows and goes("datastore_search", people[who], resource_id=there.id)
                        assert bool(rows) == (may and there.rows)

        @invariant()
        def what_is_shown_is_what_stops(self) -> None:
            for entry in self.book.entries:
                shown = call("package_show", editor, id=entry.id)
                assert shown["open_state"] == entry.state()
                files = {resource["id"]: resource["open_state"] for resource in shown["resources"]}
                assert files == {there.id: entry.state(there.id) for there in entry.files}

        @invariant()
        def cases_stops_and_register_agree(self) -> None:
            model.Session.rollback()
            ids = [entry.id for entry in self.book.entries]
            rows = model.Session.execute(
                sa.select(CaseRow.id, CaseRow.status).where(
                    CaseRow.dataset_id.in_(ids), CaseRow.kind.in_(law.KINDS)
                )
            )
            assert dict(rows.all()) == {case.id: case.status for case in self.book.cases.values()}
            live = sa.select(Suspension.kind, Suspension.resource_id, Suspension.case_number).where(
                Suspension.dataset_id.in_(ids), Suspension.lifted_at.is_(None)
            )
            stops = [(kind, which, case.number) for e in self.book.entries for kind, which, case in e.stops]
            assert Counter(tuple(row) for row in model.Session.execute(live)) == Counter(stops)
            for entry in self.book.entries:
                register = call("nmgdata_suspension_list", None, dataset_id=entry.id)
                cases = self.book.of(entry, law.OBJECTION, law.OFFICE)
                gone = any(kind == "withdrawn" and which is None for kind, which, _case in entry.stops)
                named = entry.public and (entry.open_class != "non_open" or gone)
                expected = {case.number: case.status for case in cases if case.stopped and named}
                assert {line["case"]: line["state"] for line in register} == expected

        @invariant()
        def every_act_has_its_event_and_the_chain_is_whole(self) -> None:
            verbs = (*self.book.events, "case.transition", "suspension.created", "suspension.lifted",
                     "suspension.withdrawn", "grant.created", "grant.ended", "override.used")  # fmt: skip
            others = sa.select(CaseRow.id).where(
                sa.or_(CaseRow.kind.not_in(law.KINDS), CaseRow.id.in_(self.earlier))
            )
            own = [
                entry.id for entry in self.book.entries
            ]  # entries of runs before may still be reclassified
            query = sa.select(AuditEvent.verb, sa.func.count()).where(
                AuditEvent.seq > self.since, AuditEvent.verb.in_(verbs),
                sa.or_(AuditEvent.case_id.is_(None), AuditEvent.case_id.not_in(others)),
                sa.or_(AuditEvent.subject_type != "dataset", AuditEvent.subject_id.in_(own)),
            )  # fmt: skip
            assert dict(model.Session.execute(query.group_by(AuditEvent.verb)).all()) == dict(
                +self.book.events
            )
            assert verify.verify() == []

    run_state_machine_as_test(
        Portal,
        settings=settings(max_examples=6, stateful_step_count=25, phases=(Phase.reuse, Phase.generate)),
    )
