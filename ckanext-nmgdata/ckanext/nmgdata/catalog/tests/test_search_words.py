"""The authority's own words: they take effect while the portal runs, and a bad file changes nothing."""

from __future__ import annotations

import logging
import os

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog.search import known
from ckanext.nmgdata.cli import nmgdata
from click.testing import CliRunner

OPTION = "ckanext.nmgdata.search.words"


@pytest.fixture
def words(tmp_path, monkeypatch):
    """Return the authority's file, looked at with every question."""
    path = tmp_path / "words.yaml"
    path.write_text("", encoding="utf-8")
    monkeypatch.setitem(tk.config, OPTION, str(path))
    monkeypatch.setattr(known, "SECONDS", 0)
    known.WORDS.forget()
    yield path
    known.WORDS.forget()


def say(path, text: str) -> None:
    """Change the file, and its time as another second would."""
    path.write_text(text, encoding="utf-8")
    stamp = os.stat(path).st_mtime_ns + 10**9
    os.utime(path, ns=(stamp, stamp))


def kinds(typed: str) -> list[tuple[str, list[str]]]:
    """Return the pieces of a query and what else they ask for."""
    return [(s.kind, [n for t in s.terms for n, _ in t.also]) for s in known.lexicon().cut(typed)]


class TestFile:
    def test_new_words_take_effect_and_go_again(self, words):
        assert kinds("马蹄卡")[0][0] == "text"
        say(words, "equal: [[马蹄卡, 文化惠民卡]]")
        assert kinds("马蹄卡") == [("subject", ["文化惠民卡"])]
        say(words, "")
        assert kinds("马蹄卡")[0][0] == "text"

    def test_places_and_words_of_the_software_can_be_changed(self, words):
        say(words, 'places: {"150100": [绿城]}\nremove: [公积金]\nwider: {挤奶: [生鲜乳]}')
        assert kinds("绿城") == [("place", ["呼和浩特市"])]
        assert kinds("呼市") == [("place", ["呼和浩特市"])]
        assert kinds("公积金") == [("subject", [])]
        assert kinds("挤奶") == [("subject", ["生鲜乳"])]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("equal: [[公积金, 住房公积金", "line 1"),
            ("equal: 公积金", "equal: a list is expected"),
            ("equal: [公积金]", "equal, line 1"),
            ("equal: [[公积金, '！！']]", "is no word"),
            ("wider: [公积金]", "wider"),
            ('places: {"999999": [绿城]}', "places, 999999: no such code"),
            ("synonyms: []", "synonyms: no such section"),
            ("[1, 2]", "sections are expected"),
            ("remove: 公积金", "remove"),
        ],
    )
    def test_a_mistake_changes_nothing_and_is_told(self, words, caplog, monkeypatch, text: str, told: str):
        monkeypatch.setattr(known.log, "disabled", False)  # a command of another test has set up logging
        monkeypatch.setattr(known.log, "handlers", [caplog.handler])
        say(words, "equal: [[马蹄卡, 文化惠民卡]]")
        assert kinds("马蹄卡") == [("subject", ["文化惠民卡"])]
        say(words, text)
        with caplog.at_level(logging.ERROR):
            assert kinds("马蹄卡") == [("subject", ["文化惠民卡"])]
        assert told in caplog.text
        checked = CliRunner().invoke(nmgdata, ["words", str(words)])
        assert checked.exit_code == 1
        assert told in checked.output

    def test_a_file_that_is_gone_leaves_the_words_of_the_software(self, words):
        words.unlink()
        assert kinds("公积金") == [("subject", ["住房公积金"])]
        assert CliRunner().invoke(nmgdata, ["words", str(words)]).exit_code == 1

    def test_the_command_says_that_all_is_well(self, words):
        say(words, "equal: [[马蹄卡, 文化惠民卡]]")
        checked = CliRunner().invoke(nmgdata, ["words"])
        assert checked.exit_code == 0, checked.output
        assert str(words) in checked.output


@pytest.mark.usefixtures("clean_search")
def test_the_next_search_finds_by_a_new_word(world, words):
    factories.dataset(world.department, title="文化惠民卡发放网点")
    search = tk.get_action("package_search")
    assert search({}, {"q": "马蹄卡"})["count"] == 0
    say(words, "equal: [[马蹄卡, 文化惠民卡]]")
    assert search({}, {"q": "马蹄卡"})["count"] == 1
