"""Names made from Chinese: of entries and of uploaded files."""

from __future__ import annotations

import pytest
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog import names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("泊位.csv", "bo-wei.csv"),
        ("2026年10月 清单.XLSX", "2026-nian-10-yue-qing-dan.xlsx"),
        ("C:\\桌面\\泊位.csv", "bo-wei.csv"),
        ("！.json", "file.json"),
        ("plain Name.CSV", "plain Name.CSV"),
    ],
)
def test_an_uploaded_file_keeps_name_and_ending(given, kept):
    assert names.of_file(given) == kept


def test_a_file_with_a_chinese_name_keeps_its_format(world):
    """CKAN alone would store it as ``.csv``, without a format, and the entry could not be published."""
    made = factories.dataset(world.department)
    stored = factories.upload(made, name="泊位.csv", format="")
    assert stored["url"].endswith("/download/bo-wei.csv")
    assert (stored["format"], stored["mimetype"]) == ("CSV", "text/csv")
