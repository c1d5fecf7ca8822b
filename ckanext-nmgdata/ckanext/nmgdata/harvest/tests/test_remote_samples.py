"""Catalogues that other portals really publish: each has the outcome that its row in the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ckanext.nmgdata.harvest.remote import describe, parse
from ckanext.nmgdata.harvest.remote.client import Answer
from ckanext.nmgdata.harvest.remote.errors import RemoteError
from ckanext.nmgdata.harvest.remote.spec import Spec

SAMPLES = Path(__file__).parent / "data" / "samples"
ROW = re.compile(r"\| `([^`]+\.\w+)` \| (\w+) \| (\d+) \| ([\w ]*) \|")
TABLE = {
    row[0]: (row[1], int(row[2]), row[3].split()) for row in ROW.findall((SAMPLES / "README.md").read_text())
}
SPEC = Spec("test", "http://data.test.org/", "150100", "hohhot")


@pytest.fixture(scope="module", autouse=True)
def children():
    yield
    parse.close()


def test_no_file_is_without_a_row():
    files = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.is_file()} - {"README.md"}
    assert files == set(TABLE)
    assert len(files) == 52


@pytest.mark.parametrize("name", TABLE)
def test_outcome(name):
    answer = Answer("http://data.test.org/page", (SAMPLES / name).read_bytes(), "", "", None, None)
    if TABLE[name][0] == "refused":
        with pytest.raises(RemoteError) as caught:
            parse.page(answer, SPEC)
        assert TABLE[name] == ("refused", 0, [caught.value.code])
        return
    page = parse.page(answer, SPEC)
    entries = [describe.entry(record, SPEC) for record in page.records]
    complete = not any(entry["remote"]["missing"] for entry in entries)
    codes = sorted(each.code for each in page.refused)
    assert TABLE[name] == ("loaded" if complete else "incomplete", len(entries), codes)
    for entry in entries:
        assert entry["title"]
        assert entry["name"]
        assert "open_class" not in entry
