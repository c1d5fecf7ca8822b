"""The statutory numbers of ``statutes.yaml`` as seen from the portal's region."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ... import config

SOURCE = Path(__file__).with_name("statutes.yaml")
KINDS = ("statutory", "prompt", "none", "now", "periodic", "yearly", "stage", "set")
INSTRUMENTS = {"R": "内政发〔2024〕19号", "H": "呼和浩特市公共数据管理暂行办法", "O": "鄂府办发〔2023〕92号"}
IN_FORCE = {"150100": "RH", "150600": "RO"}
"""The instruments that hold in a region besides, or instead of, the autonomous region's."""
ARTICLE = re.compile(r"([RHO])(\d+)(?:¶(\d+))?(?:\((\d+)\))?")
DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Statute:
    """One period: how long, from when, whose duty, and by which article."""

    id: str
    kind: str
    trigger: str
    responsible: str
    source: str
    remind: tuple[int, ...]
    working_days: int | None = None
    value: str | None = None
    remind_after_every: int | None = None

    @property
    def months(self) -> int:
        """Return the length of a period that is counted in months."""
        number, unit = (self.value or "").split()
        if unit != "months":
            raise ValueError(f"{self.id} is not counted in months")
        return int(number)

    @property
    def in_law(self) -> bool:
        """Say whether the number stands in the law; otherwise it is the platform's default."""
        return self.kind in ("statutory", "now")


@dataclass(frozen=True)
class Region:
    """What holds in one region: its periods, its settings and the instrument they rest on."""

    code: str
    deadlines: dict[str, Statute]
    settings: dict[str, Any]
    basis: str | None = None
    basis_valid_until: date | None = None

    def basis_has_lapsed(self, today: date) -> bool:
        """Say whether the region's own instrument is past its validity (DC-33)."""
        return self.basis_valid_until is not None and today > self.basis_valid_until


@cache
def of_region(code: str) -> Region:
    """Return the rules of a region; a region without a profile has the autonomous region's."""
    source = read()
    own = source["regions"].get(code, {})
    deadlines = {}
    for key, values in source["deadlines"].items():
        merged = {**values, **own.get("deadlines", {}).get(key, {})}
        merged["remind"] = tuple(merged["remind"])
        deadlines[key] = Statute(id=key, **merged)
    unknown = set(own.get("settings", {})) - set(source["settings"])
    if unknown:
        raise ValueError(f"region {code} sets what does not exist: {sorted(unknown)}")
    return Region(
        code=code,
        deadlines=deadlines,
        settings={**source["settings"], **own.get("settings", {})},
        basis=own.get("basis"),
        basis_valid_until=own.get("basis_valid_until"),
    )


@cache
def read() -> dict[str, Any]:
    """Return the file as it stands."""
    return yaml.safe_load(SOURCE.read_text(encoding="utf-8"))


def current() -> Region:
    """Return the rules of the portal's own region."""
    return of_region(config.region())


def get(statute_id: str) -> Statute:
    """Return a period of the portal's own region."""
    return current().deadlines[statute_id]


def setting(name: str) -> Any:
    """Return a setting of the portal's own region."""
    return current().settings[name]


def cited(source: str) -> str:
    """Return a source as a lawyer writes it: ``R28¶2 (analogy R23¶2)`` → 内政发〔2024〕19号第二十八条第二款….

    Of several instruments only those in force in the portal's own region are named, each once.
    """
    here = IN_FORCE.get(config.region(), "R")
    stated, _bracket, likened = source.partition("(analogy ")
    own = [match for match in ARTICLE.finditer(stated) if match[1] in here]
    like = [match for match in ARTICLE.finditer(likened) if match[1] in here]
    named = [match[1] for match in [*own, *like]]
    said = [
        article(match, new=at == 0 or named[at - 1] != match[1]) for at, match in enumerate([*own, *like])
    ]
    return "，比照".join("、".join(part) for part in (said[: len(own)], said[len(own) :]) if part)


def article(match: re.Match[str], *, new: bool) -> str:
    """Return one article in Chinese numerals, after the name of its instrument where that is new."""
    letter, number, paragraph, item = match.groups()
    text = f"{INSTRUMENTS[letter] if new else ''}第{numeral(int(number))}条"
    text += f"第{numeral(int(paragraph))}款" if paragraph else ""
    return text + (f"第（{numeral(int(item))}）项" if item else "")


def numeral(number: int) -> str:
    """Return a number below one hundred as statutes write it."""
    tens, ones = divmod(number, 10)
    if not tens:
        return DIGITS[ones]
    return f"{DIGITS[tens] if tens > 1 else ''}十{DIGITS[ones] if ones else ''}"
