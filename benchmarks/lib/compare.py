"""Hold the filler to the API: the same dataset by both ways must give the same rows and documents.

What may differ is named here: ids, moments, the dataset's name, serial numbers and hashes. A table or
column that the API begins to fill and the filler does not is found, because every table is compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from . import inside, invent, rows

if TYPE_CHECKING:
    from .filler import Filler

API_NAME, FILLER_NAME = "held-to-the-api-1", "held-to-the-api-2"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")
HASH = re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{32})\b")
CODE = re.compile(r"\b(307\d{9})/\d{6}\b")
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
COUNTERS = {
    "nmgdata_audit_event": "seq",
    "nmgdata_audit_head": "seq",
    "nmgdata_change": "seq",
    "nmgdata_class_period": "id",
    "nmgdata_serial": "last",
}
PASSING = ("nmgdata_outbox", "system_info")
"""Tables whose rows come and go: the API's index rows are delivered at once or by ``tick``."""

State = dict[str, list[dict[str, Any]]]
"""Table → its rows."""


def differences(filler: Filler, number: int) -> list[str]:
    """Create template ``number`` by the API and by the filler; return how their traces differ.

    Both datasets are removed again, their audit events and serial numbers stay.
    """
    record = invent.record(number)
    before = read(filler)
    with sent_documents() as sent:
        api = rows.api_form({**record, "name": API_NAME}, filler.plain)
        dataset = inside.call("package_create", **api)["id"]
    between = read(filler)
    for row in between.get("nmgdata_serial", []):
        filler.setting.serials[row["series"].removeprefix("code-")] = row["last"]
    document = filler.documents(filler.write([(number, {**record, "name": FILLER_NAME})]))[0]
    after = read(filler)
    names = Names(before)
    by_api = traces(between, before, last_of(sent, dataset), names.of(dataset))
    by_filler = traces(after, between, document, names.of(document["id"]))
    for made in (dataset, document["id"]):
        inside.call("dataset_purge", id=made)
    return [
        f"{number}, {key}\n  API:    {by_api.get(key)}\n  filler: {by_filler.get(key)}"
        for key in sorted({*by_api, *by_filler})
        if by_api.get(key) != by_filler.get(key)
    ]


def read(filler: Filler) -> State:
    """Return all rows of the database."""
    import sqlalchemy as sa

    with filler.engine.begin() as connection:
        return {
            name: list(connection.scalars(sa.text(f'SELECT to_jsonb(t) FROM "{name}" t')))
            for name in sorted(filler.tables)
            if name not in PASSING
        }


@contextmanager
def sent_documents() -> Iterator[list[dict[str, Any]]]:
    """Collect what is sent to Solr within the block."""
    import pysolr

    found: list[dict[str, Any]] = []
    add = pysolr.Solr.add

    def note(solr: pysolr.Solr, docs: list[dict[str, Any]], *rest: Any, **more: Any) -> Any:
        found.extend(docs)
        return add(solr, docs, *rest, **more)

    with mock.patch.object(pysolr.Solr, "add", note):
        yield found


def last_of(sent: list[dict[str, Any]], dataset: str) -> dict[str, Any]:
    """Return the last document of a dataset.

    :raises RuntimeError: when none was sent: ``tick`` runs beside and was faster
    """
    found = [document for document in sent if document["id"] == dataset]
    if not found:
        raise RuntimeError("the portal's tick must be stopped while the filler works")
    return found[-1]


class Names:
    """Puts a word in the place of what may differ."""

    def __init__(self, before: State) -> None:
        """Note the ids that both ways refer to."""
        self.known = frozenset(UUID.findall(json.dumps(before)))
        self.dataset = ""

    def of(self, dataset: str) -> Names:
        """Return the same for one dataset."""
        made = Names({})
        made.known, made.dataset = self.known, dataset
        return made

    def replaced(self, value: Any) -> str:
        """Return a value as JSON with the words in place."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        text = text.replace(API_NAME, "NAME").replace(FILLER_NAME, "NAME")
        text = UUID.sub(self.word, text)
        return CODE.sub(r"\1/SERIAL", HASH.sub("HASH", MOMENT.sub("MOMENT", text)))

    def word(self, found: re.Match[str]) -> str:
        """Return the word for an id."""
        if found[0] == self.dataset:
            return "DATASET"
        return found[0] if found[0] in self.known else "ID"


def traces(now: State, before: State, document: dict[str, Any], names: Names) -> dict[str, str]:
    """Return what a dataset left behind: one entry per new or changed row and per field of its document."""
    found = {}
    for table, present in now.items():
        known = [json.dumps(row, sort_keys=True) for row in before[table]]
        fresh = [row for row in present if json.dumps(row, sort_keys=True) not in known]
        counter = {COUNTERS[table]: "NEXT"} if table in COUNTERS else {}
        texts = sorted(names.replaced({**row, **counter}) for row in fresh)
        found.update({f"{table} {position}": text for position, text in enumerate(texts)})
    for field, value in document.items():
        found[f"document {field}"] = names.replaced(opened(value) if field.endswith("data_dict") else value)
    return found


def opened(text: str) -> Any:
    """Return a dictionary that is kept as JSON; the order of its extras says nothing."""
    value = json.loads(text)
    if isinstance(value.get("extras"), list):
        value["extras"].sort(key=lambda one: one["key"])
    return value
