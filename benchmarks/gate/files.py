"""Put a file of 50 MB into the portal of this environment, open and (on ours) conditional, or remove it.

``files.py add [--plain]`` prints one JSON line: class → path of its download, ``table``, the open one's id
in the DataStore, and ``token``, that of the reader who was granted the conditional one. ``files.py loaded``
says whether our worker has made tables of them; into plain CKAN ``add`` itself puts the rows.
``files.py remove`` takes all of it away again.
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

HEADINGS = ("日期", "区划", "数量", "说明")
ROWS = 50_000
NAME = "bench-download"
CLASSES = ("unconditional", "conditional")


def row(number: int) -> tuple[str, str, str, str]:
    """Return a row of 1,000 bytes; what stands in it is invented."""
    return "2024-11-22", "150102", f"{number:05d}", "公共数据" * 81 + "..."


def content() -> bytes:
    """Return the file."""
    lines = [",".join(HEADINGS), *(",".join(row(number)) for number in range(ROWS))]
    return ("\n".join(lines) + "\n").encode()


def add(plain: bool) -> dict[str, str]:
    """Create a dataset with the file for each class; plain CKAN has only the open one."""
    file = content()
    made = {}
    for open_class in CLASSES[: 1 if plain else None]:
        template = next(one for one in map(invent.record, count()) if one["open_class"] == open_class)
        record = {**template, "name": f"{NAME}-{open_class}", "resources": []}
        dataset = inside.call("package_create", **rows.api_form(record, plain))
        resource = upload(dataset["id"], file)
        made[open_class] = f"/dataset/{dataset['id']}/resource/{resource}/download/data.csv"
        made.setdefault("table", resource)
        if open_class == "conditional":
            made["token"] = reader.token()
            grant((dataset["id"], dataset["owner_org"], ""), reader.account().id)
    if plain:
        load(made["table"])
    return made


def upload(dataset: str, file: bytes) -> str:
    """Upload the file to a dataset; return the id of its resource."""
    from werkzeug.datastructures import FileStorage

    sent = FileStorage(io.BytesIO(file), filename="data.csv")
    found = inside.call("resource_create", package_id=dataset, name="data", format="CSV", upload=sent)
    return found["id"]


def load(resource: str) -> None:
    """Put the rows of the file into plain CKAN's DataStore, with the types that our worker finds."""
    types = ("timestamp", "text", "text", "text")
    fields = [{"id": name, "type": kind} for name, kind in zip(HEADINGS, types, strict=True)]
    records = [dict(zip(HEADINGS, row(number), strict=True)) for number in range(ROWS)]
    inside.call("datastore_create", resource_id=resource, force=True, fields=fields, records=records)


def loaded() -> bool:
    """Say whether our worker has made tables of the files."""
    import sqlalchemy as sa
    from ckan import model
    from ckanext.nmgdata.tables.model import LOADED, Table

    query = (
        sa.select(sa.func.count())
        .select_from(Table)
        .join(model.Resource, model.Resource.id == Table.resource_id)
        .join(model.Package, model.Package.id == model.Resource.package_id)
        .where(model.Package.name.like(f"{NAME}-%"), Table.state == LOADED)
    )
    return model.Session.scalar(query) == len(CLASSES)


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
    size = len(content())
    for path in Path(os.environ["CKAN_STORAGE_PATH"]).rglob("*"):
        if path.is_file() and path.stat().st_size == size:
            path.unlink()


def main() -> None:
    """Add or remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("add", "loaded", "remove"))
    parser.add_argument("--plain", action="store_true")
    asked = parser.parse_args()
    with inside.ckan():
        if asked.what == "loaded":
            print(json.dumps(loaded()))
            return
        remove()
        print(json.dumps(add(asked.plain) if asked.what == "add" else {}))


if __name__ == "__main__":
    main()
