"""Invented cases, grants and stops in bulk, for the portal whose CKAN is loaded.

Few departments get most of the applications, few people hold most of the grants, and few datasets are
what most of them are for: what is slow is slow there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .filler import Filler, vacuum
from .invent import identifier
from .rows import Row

SEED = 20241122
BATCH = 5000
DAYS, LATE = 20, 4
"""Days of receipt and of what is due; days for which some cases are overdue."""
YEAR = timedelta(days=365)
NO_HASH = "f" * 64
REGIONS = ("150000", "150000", "150100", "150105", "150600")
"""Of the region itself, of two cities and of a banner."""
SCENARIOS = tuple(
    f"用于{topic}：汇总近年的记录，按旗县和时段比较，建立模型并公布方法，研究报告供{reader}参考，不用于其他目的。"
    for topic in ("城市出行规律研究", "草原退化监测", "冬季供暖调度", "医疗服务可及性评价", "物流路线优化")
    for reader in ("主管部门", "同行", "公众", "企业内部")
)
"""What applicants want to do; the search of the inbox reads it."""
TABLES = (
    "nmgdata_case", "nmgdata_case_event", "nmgdata_deadline", "nmgdata_application",
    "nmgdata_application_item", "nmgdata_grant", "nmgdata_grant_scope", "nmgdata_suspension",
    "nmgdata_closure",
)  # fmt: skip
"""In the order in which rows can be inserted."""

Target = tuple[str, str, str]
"""Ids of a dataset, its department, and one of its files."""


@dataclass
class Cases:
    """Cases that are gathered until there are enough to insert; begins by deleting all there are."""

    filler: Filler
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    count: int = 0
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})

    def __post_init__(self) -> None:
        """Begin with no cases; read the titles by which they are found."""
        from ckanext.nmgdata.kernel.workflow.terms import terms

        clear(self.filler)
        self.terms = {dataset: terms(title) for dataset, title in titles(self.filler)}
        self.words = {scenario: terms(scenario) for scenario in SCENARIOS}

    def one_of(self, many: Sequence[Any]) -> Any:
        """Choose one; the first are chosen far more often than the last."""
        return many[int(len(many) * self.chance.random() ** 3)]

    def add(self, table: str, **row: Any) -> Row:
        """Add a row."""
        self.rows[table].append(row)
        return row

    def case(self, prefix: str, kind: str, status: str, **values: Any) -> Row:
        """Add a case that was filed in the last days, with its first step."""
        from ckanext.nmgdata.kernel.workflow import numbers

        if len(self.rows["nmgdata_case"]) >= BATCH:
            self.insert()
        self.count += 1
        opened = self.now - timedelta(days=self.chance.randrange(DAYS), seconds=self.count % 3600)
        digits = f"{opened:%Y%m%d}{self.count:06d}"
        nothing = dict.fromkeys(
            ("dataset_id", "org_id", "filer_id", "holder", "holder_id", "due_on", "closed_at", "assignee_id")
        )
        nothing |= {"terms": self.terms.get(values.get("dataset_id", ""), []), "words": []}
        row = self.add(
            "nmgdata_case", **nothing | {
                "id": identifier("case", self.count), "kind": kind, "variant": "standard", "status": status,
                "number": f"{prefix}-{opened:%Y%m%d}-{self.count:06d}-{numbers.check_digit(digits)}",
                "code_hash": NO_HASH, "region_code": self.chance.choice(REGIONS), "provisional": False,
                "opened_at": opened, "changed_at": opened, **values,
            },
        )  # fmt: skip
        self.add(
            "nmgdata_case_event", case_id=row["id"], transition="submit", source="draft", target="review",
            actor_kind="person", actor_id=row["filer_id"], role="filer", at=opened, data={},
        )  # fmt: skip
        return row

    def application(self, target: Target, person: str, status: str, **values: Any) -> Row:
        """Add an application for a dataset with its statement and its period."""
        dataset, org, _file = target
        scenario = self.chance.choice(SCENARIOS)
        values = {"words": self.words[scenario], **values}
        row = self.case(
            "SQ", "open_application", status, dataset_id=dataset, org_id=org, filer_id=person, **values
        )
        opened = row["opened_at"].date()
        self.add(
            "nmgdata_application", case_id=row["id"], bundle_id=row["id"], applicant_kind="natural_person",
            applicant_name="示例申请人", contact_phone="13800000000", scenario=scenario,
            data_scope="全部字段，最近一年。", provision_mode="file", use_from=opened,
            use_until=opened + YEAR, safeguards="存放在加密磁盘。",
        )  # fmt: skip
        self.add(
            "nmgdata_application_item", id=identifier("item", row["id"]), case_id=row["id"],
            applicant_id=person, dataset_id=dataset, is_open=False, is_pending=False,
        )  # fmt: skip
        waiting = status == "review"
        self.add(
            "nmgdata_deadline", id=identifier("deadline", row["id"]), case_id=row["id"],
            statute="D-OPEN-DECIDE", source="R28¶2", responsible="provider", started_on=min(opened, row["due_on"] or opened),
            working_days=DAYS, due_on=row["due_on"] or opened + timedelta(days=DAYS), provisional=False,
            state="open" if waiting else "met", closed_at=None if waiting else row["changed_at"],
            next_notice_on=row["due_on"] if waiting else None,
        )  # fmt: skip
        return row

    def waiting(self, target: Target, person: str) -> None:
        """Add an application that waits for its department."""
        due = (self.now + timedelta(days=self.chance.randrange(-LATE, DAYS))).date()
        self.application(target, person, "review", holder="provider", holder_id=target[1], due_on=due)

    def finished(self, target: Target, person: str) -> None:
        """Add an application that was refused; it waits for nobody."""
        self.application(target, person, "refused", closed_at=self.now)

    def refused(self, target: Target, person: str) -> None:
        """Add an application that its department refused, with the step of the refusal."""
        row = self.application(target, person, "refused", closed_at=self.now)
        decided = row["opened_at"] + timedelta(days=self.chance.randrange(DAYS))
        stated = {
            "refusal_ground": "conditions_not_met",
            "reason": "示例",
            "legal_basis": "第二十七条第（二）项",
        }
        self.add(
            "nmgdata_case_event", case_id=row["id"], transition="refuse", source="review", target="refused",
            actor_kind="person", actor_id=None, role="provider", at=decided, data=stated,
        )  # fmt: skip

    def grant(self, target: Target, person: str) -> None:
        """Add a grant; one in five is for one file only, one in six has ended."""
        row = self.application(target, person, "provided")
        dataset, _org, file = target
        ended = self.chance.randrange(6) == 0
        grant = self.add(
            "nmgdata_grant", id=identifier("grant", row["id"]), case_id=row["id"], holder_id=person,
            purpose="课题研究", use_scope="课题组内部", provision_mode="file",
            valid_from=row["opened_at"].date(), valid_until=(row["opened_at"] + YEAR).date(),
            agreement="2026-1", accepted_at=row["opened_at"], ended_at=self.now if ended else None,
            ended_reason="withdrawn" if ended else None, created_at=row["opened_at"],
        )  # fmt: skip
        self.add(
            "nmgdata_grant_scope", id=identifier("scope", row["id"]), grant_id=grant["id"],
            dataset_id=dataset, resource_id=file if self.chance.randrange(5) == 0 else None,
        )  # fmt: skip

    def suspension(self, target: Target, *, live: bool) -> None:
        """Add a suspension with the objection it comes from."""
        row = self.case("YY", "rights_objection", "verifying", dataset_id=target[0], org_id=target[1])
        self.add(
            "nmgdata_suspension", id=identifier("suspension", row["id"]), kind="suspended",
            dataset_id=target[0], resource_id=target[2] if self.chance.randrange(3) == 0 else None,
            case_id=row["id"], case_number=row["number"], since=row["opened_at"],
            lifted_at=None if live else self.now,
        )  # fmt: skip

    def closure(self, target: Target, person: str, *, live: bool) -> None:
        """Add a violator's closed access."""
        row = self.case("GB", "access_suspension", "closed", dataset_id=target[0], org_id=target[1])
        self.add(
            "nmgdata_closure", id=identifier("closure", row["id"]), case_id=row["id"], holder_id=person,
            dataset_id=target[0], since=row["opened_at"], lifted_at=None if live else self.now,
        )  # fmt: skip

    def insert(self) -> None:
        """Insert what was gathered."""
        with self.filler.engine.begin() as connection:
            for name in TABLES:
                if self.rows[name]:
                    connection.execute(self.filler.table(name).insert(), self.rows[name])
                    self.rows[name].clear()

    def settle(self) -> None:
        """Insert the rest and bring the statistics up to date."""
        self.insert()
        vacuum()


def clear(filler: Filler) -> None:
    """Delete all cases and all that came of them, so that no dataset stays suspended or granted.

    The session ends what it was reading, because emptying a table waits for all readers.
    """
    import sqlalchemy as sa
    from ckan import model

    model.Session.rollback()
    with filler.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE nmgdata_case CASCADE"))


def titles(filler: Filler) -> list[tuple[str, str]]:
    """Return id and title of every dataset."""
    import sqlalchemy as sa

    with filler.engine.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT id, title FROM package"))]


def targets(filler: Filler, open_class: str) -> list[Target]:
    """Return the datasets of a class that have files, always in the same order."""
    import sqlalchemy as sa

    query = sa.text(
        "SELECT p.id, p.owner_org, min(r.id) FROM package p JOIN resource r ON r.package_id = p.id "
        "WHERE p.extras ->> 'open_class' = :open_class AND p.state = 'active' GROUP BY p.id ORDER BY p.id"
    )
    with filler.engine.begin() as connection:
        return [tuple(row) for row in connection.execute(query, {"open_class": open_class})]


def person(number: int) -> str:
    """Return the account id of an invented person."""
    return identifier("person", number)
