"""Put a file of 50 MB into the portal of this environment, open and (on ours) conditional, or remove it.

``files.py add [--plain]`` prints one JSON line: class → path of its download, and ``token``, that of
the reader who was granted the conditional one. ``files.py remove`` takes all of it away again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import cases, inside, invent, reader, rows
from benchmarks.lib.filler import Filler

SIZE = 50_000_000
LINE = b"2024-11-22,150102,1024,12.5\n"
NAME = "bench-download"
CLASSES = ("unconditional", "conditional")


def add(plain: bool) -> dict[str, str]:
    """Create a dataset with the file for each class; plain CKAN has only the open one."""
    content = (LINE * (SIZE // len(LINE) + 1))[:SIZE]
    made = {}
    for open_class in CLASSES[: 1 if plain else None]:
        template = next(one for one in map(invent.record, count()) if one["open_class"] == open_class)
        record = {**template, "name": f"{NAME}-{open_class}", "resources": []}
        dataset = inside.call("package_create", **rows.api_form(record, plain))
        made[open_class] = path_of(dataset["id"], content)
        if open_class == "conditional":
            made["token"] = reader.token()
            grant((dataset["id"], dataset["owner_org"], ""), reader.account().id)
    return made


def path_of(dataset: str, content: bytes) -> str:
    """Upload the file to a dataset; return the path of its download."""
    from werkzeug.datastructures import FileStorage

    upload = FileStorage(io.BytesIO(content), filename="data.csv")
    found = inside.call("resource_create", package_id=dataset, name="data", format="CSV", upload=upload)
    return f"/dataset/{dataset}/resource/{found['id']}/download/data.csv"


def grant(target: cases.Target, person: str) -> None:
    """Grant a dataset to a person, as the kernel does it."""
    from ckanext.nmgdata.kernel import clock
    from ckanext.nmgdata.kernel.actors import Actor
    from ckanext.nmgdata.kernel.gate import rights
    from ckanext.nmgdata.kernel.unit import begin

    made = cases.Cases(Filler(plain=False))
    case = made.application(target, person, "provided")["id"]
    made.insert()
    until = clock.today() + timedelta(days=30)
    terms = rights.Terms("课题研究", "课题组内部", "file", valid_until=until)
    with begin(Actor.system()) as unit:
        rights.give(unit, case, person, terms, [rights.Scope(target[0])])
        rights.accept(unit, case, "1")


def remove() -> None:
    """Delete the datasets, what was granted, and the files."""
    import sqlalchemy as sa
    from ckan import model

    filler = Filler(plain=True)
    if "nmgdata_case" in filler.tables:
        cases.clear(filler)
    query = sa.select(model.Package.id).where(sa.column("name").like(f"{NAME}-%"))
    for dataset in model.Session.scalars(query.select_from(model.Package)).all():
        inside.call("dataset_purge", id=dataset)
    for path in Path(os.environ["CKAN_STORAGE_PATH"]).rglob("*"):
        if path.is_file() and path.stat().st_size == SIZE:
            path.unlink()


def main() -> None:
    """Add or remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("add", "remove"))
    parser.add_argument("--plain", action="store_true")
    asked = parser.parse_args()
    with inside.ckan():
        remove()
        print(json.dumps(add(asked.plain) if asked.what == "add" else {}))


if __name__ == "__main__":
    main()
