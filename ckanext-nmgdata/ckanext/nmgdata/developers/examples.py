"""How to get this very file from a program: the same in curl, Python and R, ready to be pasted.

What a page shows is what the tests run (tests/browser/test_developers.py).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from .. import config
from ..kernel.openness import opens_to_all

ENDING = re.compile(r"[^A-Za-z0-9]")
VARIABLE = 'os.environ["TOKEN"]'


@dataclass(frozen=True)
class Example:
    """One piece of code: for what (the language's name), and the code."""

    language: str
    slug: str
    code: str


@dataclass(frozen=True)
class Target:
    """The file that the code is to get."""

    address: str
    id: str
    ending: str
    needs_token: bool
    is_table: bool


def of_file(dataset: dict[str, Any], file: dict[str, Any]) -> list[Example]:
    """Return examples for a file: download it, and ask for its rows where it is a table."""
    if not file.get("url"):
        return []
    target = Target(
        f"{config.site_root()}/dataset/{dataset['name']}/resource/{file['id']}/download",
        file["id"],
        ENDING.sub("", file.get("format") or "").lower() or "bin",
        not opens_to_all(dataset),
        bool(file.get("datastore_active")),
    )
    python = pandas(target) if target.is_table else urllib(target)
    return [
        Example("curl", "curl", curl(target)),
        Example("Python", "python", python),
        Example("R", "r", r(target)),
    ]


def of_entry(dataset: dict[str, Any]) -> list[Example]:
    """Return examples for the entry itself: what the catalogue says of it."""
    root, name = config.site_root(), dataset["name"]
    show = f"{root}/api/3/action/package_show?id={name}"
    return [
        Example("curl", "curl", f"curl -s {shlex.quote(show)}"),
        Example(
            "Python",
            "python",
            "from ckanapi import RemoteCKAN\n\n"
            f'portal = RemoteCKAN("{root}")\n'
            f'entry = portal.action.package_show(id="{name}")\n'
            'for file in entry["resources"]:\n'
            '    print(file["name"], file["format"], file["url"])',
        ),
        Example(
            "R",
            "r",
            f'library(jsonlite)\n\nentry <- fromJSON("{show}")$result\n'
            'entry$resources[, c("name", "format", "url")]',
        ),
    ]


def curl(target: Target) -> str:
    """Return shell commands."""
    token = ' -H "Authorization: $TOKEN"' if target.needs_token else ""
    says_why = ' -H "Accept: application/json"' if target.needs_token else ""
    lines = [f"curl -fL -o data.{target.ending}{token}{says_why} {shlex.quote(target.address)}"]
    if target.is_table:
        rows = f"{config.site_root()}/api/3/action/datastore_search?resource_id={target.id}&limit=5"
        lines.append(f"curl -s{token} {shlex.quote(rows)}")
    return "\n".join(lines)


def pandas(target: Target) -> str:
    """Return a Python program that reads a table, and some rows of it."""
    source = f'"{target.address}?as=csv"'
    if target.needs_token:
        source = f'\n    {source},\n    storage_options={{"Authorization": {VARIABLE}}},\n'
    key = f", apikey={VARIABLE}" if target.needs_token else ""
    return "\n".join([
        *(["import os", ""] if target.needs_token else []),
        "import pandas as pd",
        "from ckanapi import RemoteCKAN",
        "",
        f"table = pd.read_csv({source})",
        "print(table.head())",
        "",
        f'portal = RemoteCKAN("{config.site_root()}"{key})',
        f'rows = portal.action.datastore_search(resource_id="{target.id}", limit=5)["records"]',
        "print(rows)",
    ])  # fmt: skip


def urllib(target: Target) -> str:
    """Return a Python program that downloads a file."""
    header = [f'request.add_header("Authorization", {VARIABLE})'] if target.needs_token else []
    return "\n".join([
        *(["import os"] if target.needs_token else []),
        "import shutil",
        "import urllib.request",
        "",
        f'request = urllib.request.Request("{target.address}")',
        *header,
        f'with urllib.request.urlopen(request) as answer, open("data.{target.ending}", "wb") as file:',
        "    shutil.copyfileobj(answer, file)",
    ])  # fmt: skip


def r(target: Target) -> str:
    """Return an R program."""
    source = f"{target.address}?as=csv" if target.is_table else target.address
    name = "data.csv" if target.is_table else f"data.{target.ending}"
    headers = ',\n  headers = c(Authorization = Sys.getenv("TOKEN"))' if target.needs_token else ""
    lines = [f'download.file("{source}", "{name}", mode = "wb"{headers})']
    if target.is_table:
        lines += [f'table <- read.csv("{name}", fileEncoding = "UTF-8-BOM")', "head(table)"]
    return "\n".join(lines)
