"""The home page proposes words that find something, and asks for them once in a while."""

from __future__ import annotations

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog.search import propose
from ckanext.nmgdata.tests import faults

pytestmark = pytest.mark.usefixtures("clean_search")


@pytest.fixture(autouse=True)
def fresh():
    """Begin without an answer from before, and leave none behind."""
    propose.finds.cache_clear()
    yield
    propose.finds.cache_clear()


def test_every_proposed_word_finds_entries(world, app):
    factories.dataset(world.department, title="充电桩分布")
    factories.dataset(world.department, title="公积金个人账户", open_class="non_open")
    page = app.get("/").body
    assert "例如：充电桩" in page
    assert "公积金" not in page
    assert propose.words() == ("充电桩",)
    for word in propose.words():
        assert tk.get_action("package_search")({}, {"q": word})["count"]


def test_the_words_are_kept_for_a_while(world, monkeypatch):
    factories.dataset(world.department, title="充电桩分布")
    now = 1000.0
    monkeypatch.setattr(propose.time, "monotonic", lambda: now)
    assert propose.words() == ("充电桩",)
    factories.dataset(world.department, title="公积金缴存网点")
    assert propose.words() == ("充电桩",)
    now += propose.SECONDS
    assert propose.words() == ("充电桩", "公积金")


def test_an_empty_catalogue_proposes_nothing(app):
    assert propose.words() == ()
    assert 'class="hot"' not in app.get("/").body


def test_a_search_that_was_away_is_asked_again(world):
    factories.dataset(world.department, title="充电桩分布")
    with faults.without_solr("gone"):
        assert propose.words() == ()
    assert propose.words() == ("充电桩",)


@pytest.mark.parametrize(
    ("typed", "found"),
    [("充电", 1), ("电桩分布（2026", 1), ("chong-dian", 1), ("DIAN-ZHUANG", 1), ("充桩", 0), ("电充", 0)],
)
def test_what_is_typed_of_a_name_or_title_is_found_as_it_stands(world, typed, found):
    factories.dataset(world.department, title="充电桩分布（2026年）", name="chong-dian-zhuang-fen-bu")
    assert len(tk.get_action("package_autocomplete")({}, {"q": typed})) == found
