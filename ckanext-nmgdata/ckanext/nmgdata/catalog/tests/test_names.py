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


def test_a_name_that_is_typed_for_what_is_not_open_cannot_be_guessed(world):
    """Who types a name that is taken is told so, and would learn what another department keeps to itself."""
    typed = {"name": "congye-mingce"}
    hidden = factories.call(
        "package_create", world.editor, **factories.entry(world.department, open_class="non_open", **typed)
    )
    assert hidden["name"].startswith("congye-mingce-")
    kept = factories.call("package_patch", world.editor, id=hidden["id"], notes="改过。")
    assert kept["name"] == hidden["name"]
    prober = factories.join(factories.person("prober"), world.other, "editor")
    made = factories.call("package_create", prober, **factories.entry(world.other, **typed))
    assert made["name"] == "congye-mingce"


def test_an_entry_that_is_to_be_non_open_gives_its_typed_name_up(world):
    draft = factories.call(
        "package_create", world.editor, **factories.entry(world.department, private=True, name="gongzi-biao")
    )
    assert draft["name"] == "gongzi-biao"
    closed = factories.entry(world.department, open_class="non_open")
    del closed["title"]
    made = factories.call("package_patch", world.editor, id=draft["id"], **closed)
    assert made["name"].startswith("gongzi-biao-")
