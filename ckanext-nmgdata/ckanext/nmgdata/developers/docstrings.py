"""Read what an action says of itself: CKAN's field lists (``:param id: …``) in docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PARAMETER = re.compile(r":param (\w+): (.*?)(?=\n\s*:|\n\s*\n|\Z)", re.DOTALL)
TYPE = re.compile(r":type (\w+): (.*?)(?=\n\s*:|\n\s*\n|\Z)", re.DOTALL)
RETURNS = re.compile(r":returns: (.*?)(?=\n\s*:|\Z)", re.DOTALL)
LEFT_OUT = re.compile(
    r"\boptional\b|\bdefault\b|\binstead of\b|\bonly where\b|\bonly those\b|\bfor organisations\b"
    r"|\bfor an amendment\b|; without it\b|\bunless\b|\bwhere\b.*\b(becomes?|become)\b|\bwith ``|\bfor ``",
    re.IGNORECASE,
)
"""Words by which a docstring says that a parameter may be left out, always or in some cases."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its meaning as one line of Markdown, its stated type."""

    name: str
    meaning: str
    stated_type: str

    @property
    def is_required(self) -> bool:
        """Say whether it can never be left out."""
        return not LEFT_OUT.search(self.meaning)


@dataclass(frozen=True)
class Help:
    """What a docstring says."""

    summary: str
    parameters: tuple[Parameter, ...]
    returns: str


def read(function: Callable[..., Any]) -> Help:
    """Return what a function's docstring says."""
    text = inspect.getdoc(function) or ""
    types = {name: line(said) for name, said in TYPE.findall(text)}
    parameters = tuple(
        Parameter(name, line(said), types.get(name, "")) for name, said in PARAMETER.findall(text)
    )
    returned = RETURNS.search(text)
    return Help(line(text), parameters, line(returned[1]) if returned else "")


def line(text: str) -> str:
    """Return the first paragraph of a docstring as one line of Markdown."""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split()).replace("``", "`")
