"""What the search page does for people: proposals while typing, corrections, marks, ways on from nothing."""

from __future__ import annotations

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog.search import correct, known, marks, propose
from ckanext.nmgdata.tests import faults


@pytest.fixture(autouse=True)
def fresh():
    """Begin without an answer from before, and leave none behind."""
    propose.finds.cache_clear()
    yield
    propose.finds.cache_clear()


def mended(typed: str, *titles: str) -> str:
    """Return the correction of a query that found these titles."""
    return correct.corrected(typed, known.lexicon(), titles)


class TestCorrection:
    @pytest.mark.parametrize(
        ("typed", "titles", "meant"),
        [
            ("充电庄", (), "充电桩"),
            ("充甩桩", (), "充电桩"),
            ("呼和浩特充电庄", (), "呼和浩特充电桩"),
            ("gongjijin", (), "公积金"),
            ("那达木赛事", ("锡林郭勒盟那达慕赛事安排",), "那达慕赛事"),
        ],
    )
    def test_what_was_meant(self, typed: str, titles: tuple[str, ...], meant: str):
        assert mended(typed, *titles) == meant

    @pytest.mark.parametrize(
        ("typed", "titles"),
        [
            ("公交", ("呼和浩特市公交线路",)),
            ("那达慕", ("锡林郭勒盟那达慕赛事安排",)),
            ("PM2.5", ()),
            ("", ()),
            ("独角兽饲养", ("奶牛存栏",)),
        ],
    )
    def test_nothing_is_wrong(self, typed: str, titles: tuple[str, ...]):
        assert mended(typed, *titles) == ""


class TestMarks:
    def test_words_other_names_and_other_characters(self):
        assert marks.marked("住房公积金贷款", "公积金") == "<mark>住房公积金</mark>贷款"
        assert marks.marked("公積金貸款", "公积金贷款") == "<mark>公積金貸款</mark>"
        assert marks.marked("ＰＭ２．５浓度", "pm2.5") == "<mark>ＰＭ２．５</mark>浓度"

    def test_everything_else_is_escaped(self):
        assert marks.marked("<b>公交</b>&", "公交") == "&lt;b&gt;<mark>公交</mark>&lt;/b&gt;&amp;"
        assert marks.marked("<b>", "<b>") == "&lt;b&gt;"

    def test_the_part_of_a_description_that_matters(self):
        text = "无" * 200 + "充电桩" + "无" * 200
        shown = marks.snippet(text, "充电桩")
        assert "<mark>充电桩</mark>" in shown
        assert shown.startswith("…") and shown.endswith("…")
        assert len(shown) < marks.LONGEST + 20
        assert marks.snippet("短", "充电桩") == "短"

    def test_items_are_named_when_nothing_else_says_why(self):
        entry = {"title": "公交线路", "notes": "", "data_items": [{"label": "末班时间"}, {"label": "首班"}]}
        assert marks.matching_items(entry, "末班时间") == ["<mark>末班时间</mark>"]
        assert marks.matching_items(entry, "公交") == []


@pytest.mark.usefixtures("clean_search")
class TestPortal:
    def suggest(self, app, typed: str):
        return app.get("/api/3/action/nmgdata_search_suggest", query_string={"q": typed}).json["result"]

    def test_words_and_titles_while_typing(self, world, app):
        factories.dataset(world.department, title="住房公积金缴存网点")
        for typed in ("公积", "gongji", "gjj"):
            assert {"text": "公积金"} in self.suggest(app, typed)["words"], typed
        assert [one["text"] for one in self.suggest(app, "公积金")["datasets"]] == ["住房公积金缴存网点"]
        assert self.suggest(app, "停车")["words"] == []
        assert self.suggest(app, "") == {"words": [], "datasets": []}

    def test_nothing_hidden_is_proposed(self, world, app):
        factories.dataset(world.department, title="公积金个人账户", open_class="non_open")
        factories.dataset(world.department, title="公积金待发布", private=True)
        assert self.suggest(app, "公积金") == {"words": [], "datasets": []}

    def test_a_correction_is_offered_only_if_it_finds_something(self, world, app):
        factories.dataset(world.department, title="充电桩分布")
        page = app.get("/dataset/?q=充电庄").body
        assert "Did you mean" in page or "您是不是要找" in page
        assert ">充电桩</a>" in page
        assert "<mark>充电</mark>桩分布" in page
        assert "您是不是要找" not in app.get("/dataset/?q=停车厂").body

    def test_from_nothing_there_are_ways_on(self, world, app):
        factories.dataset(world.department, title="充电桩分布")
        page = app.get("/dataset/?q=独角兽饲养+充电桩&open_class=conditional").body
        assert "没有找到" in page
        assert "不带筛选条件" in page

    def test_parts_that_find_something(self, world):
        factories.dataset(world.department, title="充电桩分布")
        assert propose.instead("充电桩独角兽饲养") == ("充电桩",)
        with faults.without_solr("gone"):
            propose.finds.cache_clear()
            assert propose.instead("充电桩独角兽饲养") == ()
            assert tk.h.nmgdata_nearest(("充电桩",)) == []
