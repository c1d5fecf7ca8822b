"""What must be so, in plain Python, beside which ``test_stateful_gate`` runs the portal.

Written from Art. 27, 28 and 50 and from the issue, never from the code: nothing here is imported from the
kernel. ``Book`` keeps what happened; ``Book.may`` says who has a right to which bytes now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

UNCONDITIONAL, CONDITIONAL, NON_OPEN = CLASSES = ("unconditional", "conditional", "non_open")
SUSPENDED, WITHDRAWN = "suspended", "withdrawn"
OBJECTION, OFFICE, APPLICATION = "rights_objection", "exofficio_suspension", "open_application"
KINDS = (OBJECTION, OFFICE, APPLICATION)
"""Kinds of case that the model knows; reports of use, which grants bring, are none of them."""
VERIFIED = {OBJECTION: ("verifying", "retracted"), OFFICE: ("verifying",)}
"""In which states a stop is decided."""
WANTING = ("restored", "abusive", "set_aside")
"""How an objection ends after which the same evidence does not suspend again."""
RUNNING = ("review", "approved", "provided")
"""In which states an application is still alive."""


def day(now: datetime) -> date:
    """Return the date in Inner Mongolia."""
    return now.astimezone(ZoneInfo("Asia/Shanghai")).date()


@dataclass
class File:
    """One file of an entry; ``body`` are its present bytes."""

    id: str
    body: bytes
    rows: bool = False
    """Whether it has a table in the DataStore."""


@dataclass
class Grant:
    """A right to conditional data: first and last day included, and only once the agreement is accepted."""

    first: date
    last: date
    accepted: bool = False
    ended: bool = False

    def live(self, today: date) -> bool:
        """Say whether it opens today."""
        return self.accepted and not self.ended and self.first <= today <= self.last


@dataclass
class Case:
    """An application, an objection, or a suspension ex officio."""

    id: str
    number: str
    kind: str
    entry: Entry
    status: str
    file: str | None = None
    """None: the whole entry."""
    evidence: bytes = b""
    filed_by: str | None = None
    before: frozenset[str] = frozenset()
    """Files the entry had when the case was filed."""
    covered: set[str | None] = field(default_factory=set)
    """Files that it is about, as they were then; None is the entry as a whole."""
    until: date | None = None
    grant: Grant | None = None
    stopped: bool = False
    """Whether it has ever stopped anything: then it stands in the register."""


@dataclass
class Entry:
    """A catalogue entry."""

    id: str
    open_class: str
    public: bool
    files: list[File] = field(default_factory=list)
    stops: list[tuple[str, str | None, Case]] = field(default_factory=list)
    """Live stops: kind, file or None for the whole entry, case."""

    def state(self, file: str | None = None) -> str:
        """Say what stops a file, or the entry as a whole."""
        kinds = {kind for kind, which, _case in self.stops if which in (None, file)}
        return WITHDRAWN if WITHDRAWN in kinds else SUSPENDED if kinds else "open"

    @property
    def seen(self) -> bool:
        """Say whether the public finds this entry."""
        return self.public and self.open_class != NON_OPEN


@dataclass
class Book:
    """Everything that has happened, and what follows from it."""

    entries: list[Entry] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    overrides: dict[str, datetime] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    """How often which act stands in the audit log."""
    to_reclassify: list[Entry] = field(default_factory=list)
    """Withdrawn entries that the next tick makes non-open (R29)."""

    def may(self, who: str, entry: Entry, file: File, now: datetime) -> bool:
        """Say whether somebody has a right to the bytes of a file."""
        state = entry.state(file.id)
        if state == WITHDRAWN or not (entry.public or who == "auditor"):
            return False
        if who == "auditor" and file.id in self.overrides and now < self.overrides[file.id]:
            return True
        if state == SUSPENDED:
            return False
        if entry.open_class == CONDITIONAL:
            grants = [case.grant for case in self.of(entry, APPLICATION) if case.grant]
            return who == "applicant" and any(grant.live(day(now)) for grant in grants)
        return entry.open_class == UNCONDITIONAL

    def of(self, entry: Entry, *kinds: str) -> list[Case]:
        """Return the cases about an entry."""
        return [case for case in self.cases.values() if case.entry is entry and case.kind in kinds]

    def running(self, entry: Entry) -> list[Case]:
        """Return the applications for an entry that are still alive."""
        return [case for case in self.of(entry, APPLICATION) if case.status in RUNNING]

    def pending(self, entry: Entry) -> list[Case]:
        """Return the applications for an entry that are not decided yet; only one may be."""
        return [case for case in self.of(entry, APPLICATION) if case.status == "review"]

    # --- what happens ----------------------------------------------------------------------------

    def file(self, case: Case) -> None:
        """Note a new case; unless it waits for the authority, an objection stops opening at once."""
        self.cases[case.id] = case
        self.events["case.transition"] += 1
        case.before = frozenset(file.id for file in case.entry.files)
        case.covered = {case.file} if case.file else {None, *case.before}
        if case.status == "verifying":
            self.stop(case)

    def is_repeat(self, entry: Entry, file: str | None, evidence: bytes) -> bool:
        """Say whether of all in question the same evidence was found wanting: verified or an abuse (DC-23)."""
        closed = [case for case in self.of(entry, OBJECTION) if case.status in WANTING]
        wanting = [case for case in closed if case.evidence == evidence]
        about = [file] if file else [one.id for one in entry.files] or [None]
        return all(any(one in case.covered for case in wanting) for one in about)

    def replace(self, entry: Entry, file: File) -> None:
        """Note that a file has other bytes now, which nobody has verified."""
        self.events["resource.replaced"] += 1
        for case in self.of(entry, OBJECTION):
            case.covered.discard(file.id)

    def stop(self, case: Case) -> None:
        """Stop opening of what a case is about."""
        case.entry.stops.append((SUSPENDED, case.file, case))
        for file in case.entry.files:
            if case.file in (None, file.id):
                self.overrides.pop(file.id, None)
        case.stopped = True
        self.events["suspension.created"] += 1

    def step(self, case: Case, status: str) -> None:
        """Note a step of a case that changes nothing else."""
        case.status = status
        self.events["case.transition"] += 1

    def lift(self, case: Case, status: str) -> None:
        """Resume what a case had stopped."""
        self.step(case, status)
        kept = [stop for stop in case.entry.stops if stop[2] is not case or stop[0] == WITHDRAWN]
        self.events["suspension.lifted"] += len(case.entry.stops) - len(kept)
        case.entry.stops = kept

    def withdraw(self, case: Case) -> None:
        """Withdraw what a case had stopped, for good; applications for an entry that is gone end."""
        self.step(case, "withdrawn")
        entry = case.entry
        entry.stops = [(WITHDRAWN if stop[2] is case else stop[0], *stop[1:]) for stop in entry.stops]
        self.events["suspension.withdrawn"] += 1
        if case.file is None:
            self.to_reclassify.append(entry)
            self.end(self.running(entry), "ended")

    def process(self, case: Case, sealed: str) -> None:
        """Open what a case had stopped, except the old file."""
        self.lift(case, "open_after_processing")
        case.entry.stops.append((WITHDRAWN, sealed, case))
        self.events["suspension.withdrawn"] += 1

    def end(self, cases: Iterable[Case], status: str) -> None:
        """End applications with their grants."""
        for case in cases:
            self.step(case, status)
            if case.grant and not case.grant.ended:
                case.grant.ended = True
                self.events["grant.ended"] += 1

    def reclassify(self, entry: Entry, open_class: str) -> None:
        """Change the class; applications for what everybody may have are closed (DC-50)."""
        if entry.open_class == open_class:
            return
        entry.open_class = open_class
        self.events["dataset.class_changed"] += 1
        if open_class == UNCONDITIONAL:
            self.end(self.running(entry), "closed")

    def tick(self, today: date) -> None:
        """Do what the clock and the outbox bring."""
        for entry in self.to_reclassify:
            self.reclassify(entry, NON_OPEN)
        self.to_reclassify.clear()
        granted = [(case, case.grant) for case in self.cases.values() if case.grant]
        self.end([case for case, grant in granted if not grant.ended and grant.last < today], "expired")
