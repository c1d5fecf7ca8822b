"""The twelve league-cities (``schemas/cities.yaml``): who they are, and their organisations with us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).parents[2] / "schemas" / "cities.yaml"


@dataclass(frozen=True)
class City:
    """A league-city.

    :param code: division code of GB/T 2260
    :param slug: of its pages
    :param authority: its public data authority, in Chinese
    :param organisation: name of the local organisation that owns what no department is found for
    :param departments: name of each of its organisations with us → title
    """

    code: str
    name: str
    slug: str
    authority: str
    authority_verified: bool
    organisation: str
    departments: Mapping[str, str]

    @property
    def organisations(self) -> dict[str, str]:
        """Return what a publisher may be called → organisation with us (``Spec.organisations``)."""
        names = {name: name for name in self.departments}
        return {**{title: name for name, title in self.departments.items()}, **names}


@cache
def cities() -> dict[str, City]:
    """Return the cities by code, in the order of the codes."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {code: City(code=code, **city) for code, city in rows.items()}
