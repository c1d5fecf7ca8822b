"""Search: words and pinyin, the query that is built, the indexed document, and Solr itself."""

from __future__ import annotations

import json
import re
import time
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from ckan.lib.search import SearchError, SearchQueryError
from ckan.lib.search.index import PackageSearchIndex
from ckan.plugins import toolkit as tk
from ckan.types import Context
from ckanext.nmgdata import vocab
from ckanext.nmgdata.catalog import search
from ckanext.nmgdata.catalog.search import query as queries
from ckanext.nmgdata.catalog.search import t2s
from ckanext.nmgdata.catalog.search.known import lexicon
from ckanext.nmgdata.catalog.search.lucene import is_lucene
from ckanext.nmgdata.catalog.search.text import fold, pinyin_pairs, split_pinyin, words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONF = Path(__file__).resolve().parents[5] / "docker" / "solr" / "configset" / "conf"

# name, title, organisation, region, open class, theme, labels of the data items
RECORDS = [
    ("bus", "呼和浩特市城市公交线路与站点", "呼和浩特市交通运输局", "150100", "unconditional",
     "transport", ["线路名称", "末班时间"]),
    ("bus-wulan", "乌兰察布市城市公交线路与站点", "乌兰察布市交通运输局", "150900", "unconditional",
     "transport", ["线路名称", "末班时间"]),
    ("air", "呼和浩特市环境空气质量自动监测小时数据", "呼和浩特市生态环境局", "150100",
     "unconditional", "ecology_environment", ["PM2.5（微克/立方米）", "首要污染物"]),
    ("forecast", "全区旗县级天气预报", "内蒙古自治区气象局", "150000", "unconditional",
     "meteorology", ["最高气温（摄氏度）"]),
    ("grass", "锡林郭勒盟牧草返青与生态气象旬报", "锡林郭勒盟气象局", "152500", "conditional",
     "meteorology", ["土壤相对湿度（%）"]),
    ("drugs", "自治区基本医疗保险药品目录", "内蒙古自治区医疗保障局", "150000", "unconditional",
     "health_care", ["药品编码"]),
    ("yearbook", "内蒙古统计年鉴电子表格", "内蒙古自治区统计局", "150000", "unconditional",
     "finance_taxation", ["指标名称"]),
    ("charging", "赤峰市电动汽车充电设施", "赤峰市能源局", "150400", "unconditional",
     "transport", ["站点名称", "直流桩数"]),
]  # fmt: skip

# What Lucene's syntax is made of, to be put together in every wrong way.
_SIGNS = """title: name: metadata_modified: nmg_title: * ? ~ ^2 " ( ) [ ] { } {! + - ! && || AND OR
 NOT TO NOW \\ / a 气象 2020 [NOW *] views_total: _query_: : . , ' filter( livelihood: _date:"""
SIGNS = [*_SIGNS.split(), " ", "\x00"]
_PIECES = 'title:a name:"b c" AND OR NOT ( ) +id:x -气象 公交 ~ ^3 [a TO *] x_date:1 title:(a'
PIECES = _PIECES.split()


def entry(name: str, title: str, owner: str, region: str, open_class: str, theme: str, labels: list[str]):
    """Return a package as the indexer takes it, with CKAN's and with the portal's schema."""
    date = "2026-01-01T00:00:00.000000"
    core: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)), "name": name, "title": title,
        "notes": "说明", "owner_org": owner, "private": False, "state": "active",
        "type": "dataset", "license_id": "other-open", "tags": [], "groups": [],
        "resources": [{"name": "数据文件", "format": "CSV", "url": "https://secret.example/x"}],
        "metadata_created": date, "metadata_modified": date,
        "organization": {"name": f"org-{name}", "title": owner},
    }  # fmt: skip
    items = [{"name": f"c{i}", "label": label} for i, label in enumerate(labels)]
    ours = {
        "region_code": region, "open_class": open_class, "theme": theme, "data_items": items,
        "update_frequency": "daily", "livelihood": name == "bus",
    }  # fmt: skip
    flat = {k: json.dumps(v) if isinstance(v, list) else str(v) for k, v in ours.items()}
    extras = [{"key": key, "value": value} for key, value in flat.items()]
    return {**core, "extras": extras}, {**core, **ours}


def flat(**changes: Any) -> dict[str, Any]:
    """Return the first record as the flat dict of ``before_dataset_index``."""
    _, custom = entry(*RECORDS[0])
    custom.update(changes)
    return {
        "id": "1", "title": custom["title"], "organization": "org-bus", "data_items": "[…]",
        "extras_data_items__0__label": "x", "validated_data_dict": json.dumps(custom),
    }  # fmt: skip


class TestText:
    @pytest.mark.parametrize(
        ("typed", "folded"),
        [
            ("ＰＭ２．５", "pm2.5"), ("內蒙古統計年鑑", "内蒙古统计年鉴"), ("Ａ級", "a级"),
            ("ᠮᠣᠩᠭᠣᠯ\u202fᠤᠨ", "ᠮᠣᠩᠭᠣᠯ ᠤᠨ"), ("ᠭ\u180b", "ᠭ"), ("a\ud800b", "ab"),
        ],
    )  # fmt: skip
    def test_folding(self, typed: str, folded: str):
        assert fold(typed) == folded

    def test_words_keep_inner_dots_only(self):
        assert words(fold("PM2.5:浓度 (A级) ..x.. foo_bar {!a}")) == [
            "pm2.5", "浓度", "a", "级", "x", "foo", "bar", "a",
        ]  # fmt: skip

    def test_pinyin(self):
        assert pinyin_pairs("公交、银行") == "gong_jiao yin_hang"
        assert split_pinyin("huhehaote")[0] == ("hu", "he", "hao", "te")
        assert split_pinyin("fangan")[:2] == (("fang", "an"), ("fan", "gan"))
        assert split_pinyin("hhht") == ()

    def test_solr_folds_with_the_same_table(self):
        lines = (CONF / "mapping-t2s.txt").read_text(encoding="utf-8").splitlines()
        table = dict(zip(t2s.TRADITIONAL, t2s.SIMPLIFIED, strict=True))
        assert lines == [f'"{before}" => "{after}"' for before, after in table.items()]
        assert not set(table) & set(table.values()), "folding twice must change nothing"


class TestWords:
    @pytest.mark.parametrize(
        ("typed", "cut"),
        [
            ("呼和浩特哪里有充电桩", ["place:呼和浩特", "question:哪里", "subject:充电桩"]),
            ("发改委", ["department:发改委"]),
            ("气像局", ["text:气像局"]),
            ("huhehaote gong jiao", ["pinyin:hu he hao te", "pinyin:gong jiao"]),
            ("hhht gjj", ["pinyin:hhht", "pinyin:gjj"]),
            ("Inner Mongolia hospitals", ["place:inner mongolia", "subject:hospitals"]),
            ("12345热线", ["subject:12345 热线"]),
            ("能源", ["subject:能源"]),
        ],
    )
    def test_cut(self, typed: str, cut: list[str]):
        assert [f"{span.kind}:{span.text}" for span in lexicon().cut(typed)] == cut

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("气像局", "气象局"),
            ("huhehaote", "呼和浩特"),
            ("gjj", "公积金"),
            ("鄂尔多撕", "鄂尔多斯"),
        ],
    )
    def test_heard(self, typed: str, meant: str):
        assert meant in [term.name for span in lexicon().cut(typed) for term in span.terms]

    def test_departments_are_the_same_under_all_their_names(self):
        found = {lexicon().departments_in(t) for t in ("包头市住建局", "内蒙古自治区住房和城乡建设厅")}
        assert len(found) == 1 and all(found)

    def test_vocabulary_is_text_and_says_nothing_twice(self):
        synonyms = vocab.terms("synonyms")
        for section in ("equal", "departments", "question", "form"):
            for line in synonyms[section]:
                assert all(isinstance(name, str) for name in line), line
                assert len(set(line)) == len(line), line
        assert set(vocab.terms("places")) <= set(vocab.terms("division"))


class TestQuery:
    def q(self, typed: str) -> str:
        return search.rewrite_query({"q": typed})["q"]

    @pytest.mark.parametrize(
        "typed",
        [
            "", "*:*", "name:foo", "title:x AND notes:y", "id:(a OR b)", "+res_format:CSV -tags:a",
            'organization:"nmg-drc"', "metadata_modified:[NOW-1DAY TO *]", "my_extra:value",
            "(title:a OR title:b)^2 AND NOT state:draft", "title:foo* nmg_title:气象",
        ],
    )  # fmt: skip
    def test_left_to_solr_as_in_stock(self, typed: str):
        assert search.rewrite_query({"q": typed, "rows": 3}) == {"q": typed, "rows": 3}

    @pytest.mark.parametrize(
        "typed",
        [
            "气象", "PM2.5:浓度", "时间：10:30", 'title:"x', "title:(x", "a:b:c", "title:x OR",
            "_query_:x", "http://a.b/c", "title:/x/", "metadata_modified:昨天",
            "title:x {!lucene}y", "${nmg}x", "title:${q}",
        ],
    )  # fmt: skip
    def test_made_a_query_for_people(self, typed: str):
        assert self.q(typed).startswith("${nmg}+(")

    @pytest.mark.parametrize(
        "params",
        [
            {"q": "{!nmg bq='x'}y"}, {"q": "  {!join from=a to=b}*:*"},
            {"q": "x", "fq": "{!nmg bq='\\{!join}'}y"}, {"q": "x", "fq_list": ["a", "+b:{!x}"]},
            {"q": "x", "sort": "{!func}rand()"}, {"q": "x", "bf": "query({!x})"},
            {"q": "x", "fl": "name,docfreq(name,'y')"}, {"q": "x", "fl": ["name", "n:docfreq(name,'y')"]},
            {"q": "x", "fl": "name,[explain]"}, {"q": "x", "fl": "name, score"}, {"q": "x", "fl": ["score"]},
            {"q": "x", "sort": "product(docfreq(name,'y'),ms(metadata_modified)) desc"},
            {"q": "x", "defType": "edismax", "bf": "docfreq(name,'y')"},
            {"q": "x", "defType": "edismax", "boost": "docfreq(name,'y')"},
            {"q": "docfreq(name,'y')", "defType": "func"},
            {"q": "x", "fq": "${bf}!join from=a to=b}*:*", "bf": "{"}, {"q": "x", "fq_list": ["+a:b", "${q}"]},
            {"q": "${nmg}+topic:x", "defType": "lucene"}, {"q": "${nmg}", "qf": "title"},
        ],
    )  # fmt: skip
    def test_what_reaches_past_the_labels_is_refused(self, params: dict[str, Any]):
        with pytest.raises(SearchQueryError):
            search.rewrite_query(params)

    def test_own_parser_sort_and_filters_are_kept(self):
        own = {"q": "x", "defType": "edismax"}
        assert search.rewrite_query(own) == own
        got = search.rewrite_query({"q": "气象", "sort": "title_string asc", "fq": "a:b", "rows": 5})
        assert (got["sort"], got["fq"], got["rows"], got["defType"]) == (
            "title_string asc", "a:b", 5, "lucene",
        )  # fmt: skip

    @pytest.mark.parametrize("typed", ["！！！", "?", "-", '""', "AND OR", "\x00\x1f"])
    def test_nothing_to_look_for_finds_nothing(self, typed: str):
        assert self.q(typed) == queries.NOTHING

    def test_quotation_marks_and_minus(self):
        built = self.q('"空气质量" 数据 -包头')
        assert '+named:"空气质量"' in built and '-topic:"包头"' in built

    @pytest.mark.parametrize("typed", ["title:" + " " * 40_000 + "x", "[ " * 20_000, '"' * 40_001])
    def test_long_text_takes_no_time(self, typed: str):
        began = time.monotonic()
        search.rewrite_query({"q": typed, "fq": typed})
        assert time.monotonic() - began < 5

    @given(st.text(max_size=400))
    @settings(max_examples=300, deadline=None)
    def test_whatever_is_typed_is_safe(self, typed: str):
        if typed.lstrip().startswith("{!"):
            return
        assert "${" not in typed or not is_lucene(typed)
        got = self.q(typed)
        if got in (typed, queries.NOTHING):
            assert got == queries.NOTHING or not typed.strip() or is_lucene(typed)
            return
        head, _, query = got.partition("}")
        assert head == "${nmg"
        ours = rf"(?:{'|'.join(queries.ALIASES)}):|\"~1|\^[\d.e-]+"
        without_ours = re.sub(ours, " ", query)
        assert not re.search(r"[!{}\[\]:^~*?\\/&|']|\b(?:AND|OR|NOT)\b", without_ours)
        assert query.count('"') % 2 == 0 and query.count("(") == query.count(")")


class TestDocument:
    def test_fields(self):
        lineage = [("org-bus", "呼和浩特市交通运输局"), ("hohhot", "呼和浩特市人民政府")]
        doc = search.index_fields(flat(), lineage, downloads=7)
        assert doc["nmg_region"] == ["150100", "150000"] and doc["nmg_city"] == "150100"
        assert doc["nmg_orgs"] == ["org-bus", "hohhot"] and doc["nmg_downloads"] == 7
        assert doc["livelihood"] is True and doc["theme"] == ["transport"]
        assert doc["nmg_departments"] == list(lexicon().departments_in("交通局"))
        assert "呼和浩特市人民政府" in doc["nmg_text"] and "末班时间" in doc["nmg_items"]
        assert doc["nmg_org"] == ["呼和浩特市交通运输局"]
        assert "交通运输" in doc["nmg_text"] and "呼和浩特市" in doc["nmg_text"]
        assert "gong_jiao" in doc["nmg_pinyin"][0] and doc["nmg_initials"][0].startswith("hhht")

    def test_place_is_read_from_names_when_not_given(self):
        doc = search.index_fields(flat(region_code="", title="公交线路"), [("x", "包头市交通运输局")])
        assert doc["nmg_city"] == "150200"
        assert "nmg_city" not in search.index_fields(flat(region_code="999999"), ())

    def test_no_address_and_no_raw_items(self):
        doc = search.index_fields(flat(), ())
        assert not [key for key in doc if "data_items" in key]
        ours = {key: value for key, value in doc.items() if key.startswith("nmg_")}
        assert "secret" not in json.dumps(ours)

    def test_long_text_is_no_keyword(self):
        long = "长" * 40_000
        doc = search.index_fields({**flat(), "open_condition": long, "extras_open_condition": long}, ())
        assert "open_condition" not in doc and doc["extras_open_condition"] == long

    def test_works_with_a_bare_dataset(self):
        doc = search.index_fields({"id": "1", "validated_data_dict": json.dumps({"title": None})}, ())
        assert doc["nmg_title"] == "" and doc["nmg_org"] == []


class TestConfigset:
    def test_aliases_and_their_fields_exist(self):
        fields = {f.get("name") for f in ET.parse(CONF / "schema.xml").iter("field")}
        config = {s.get("name"): s.text for s in ET.parse(CONF / "solrconfig.xml").iter("str")}
        for alias in queries.ALIASES:
            weighed = (config[f"f.{alias}.qf"] or "").split()
            assert {one.partition("^")[0] for one in weighed} <= fields

    def test_stock_schema_is_there(self):
        import ckan

        ours = ET.parse(CONF / "schema.xml").getroot()
        stock = ET.parse(Path(ckan.__file__).parent / "config/solr/schema.xml").getroot()
        assert ours.get("name") == stock.get("name")
        for tag in ("field", "dynamicField", "copyField"):
            have = [dict(one.attrib) for one in ours.iter(tag)]
            for wanted in stock.iter(tag):
                assert any(wanted.attrib.items() <= one.items() for one in have), wanted.attrib


@pytest.fixture
def catalogue(clean_search: None):
    """Index the records through CKAN's own indexer."""
    for record in RECORDS:
        default, custom = entry(*record)
        PackageSearchIndex().index_package({**default, "with_custom_schema": custom}, True)
    from ckan.lib.search import make_connection

    make_connection().commit()


def found(q: str, context: Context | None = None, **params: Any) -> list[str]:
    """Return the names that package_search finds, in its order."""
    data = {"q": q, "rows": 50, "fl": ["name"], **params}
    context = {"ignore_auth": True} if context is None else context
    return [one["name"] for one in tk.get_action("package_search")(context, data)["results"]]


@pytest.mark.usefixtures("catalogue")
class TestSolr:
    def test_what_the_first_day_must_find(self):
        assert set(found("气象")) == {"forecast", "grass"}
        assert found("气象局 生态")[0] == "grass"
        assert set(found("内蒙古")) == set(found("內蒙古")) == {r[0] for r in RECORDS}
        assert found("內蒙古")[0] == "yearbook"
        assert found("PM2.5") == found("ｐｍ２．５") == ["air"]
        assert found("統計年鑑") == ["yearbook"]

    @pytest.mark.parametrize(
        ("typed", "first"),
        [
            ("呼和浩特公交", "bus"), ("呼市公交车", "bus"), ("集宁公交", "bus-wulan"),
            ("医保药品", "drugs"), ("医保局", "drugs"), ("赤峰哪里有充电桩？", "charging"),
            ("gongjiao huhehaote", "bus"), ("tqyb", "forecast"), ("公交战点", "bus"),
            ("天汽预报", "forecast"), ("末班时间", "bus"), ("Hohhot bus", "bus"),
            ("air quality", "air"), ("气象局", "forecast"), ("交通厅", "bus"),
        ],
    )  # fmt: skip
    def test_first(self, typed: str, first: str):
        got = found(typed)
        tie = {"bus": {"bus", "bus-wulan"}, "forecast": {"forecast", "grass"}}
        named_place = any(place in typed for place in ("呼", "huhehaote", "Hohhot", "集宁"))
        assert got[0] == first or (not named_place and got[0] in tie.get(first, {first}))

    @pytest.mark.parametrize("typed", ["量子飞船", "asdfghjkl", "xyzzy123", "！？", "独角兽饲养"])
    def test_nonsense_finds_nothing(self, typed: str):
        assert found(typed) == []

    def test_fields_as_in_stock(self):
        assert found("name:bus") == ["bus"]
        assert set(found("name:(bus OR air)")) == {"bus", "air"}
        assert found("title:内蒙古统计年鉴电子表格 AND license_id:other-open") == ["yearbook"]
        assert set(found("nmg_title:公交 AND open_class:unconditional")) == {"bus", "bus-wulan"}
        assert len(found("*:*")) == len(found("")) == len(RECORDS)

    def test_facets_filters_and_sorting(self):
        facets = ["open_class", "theme", "nmg_city", "update_frequency", "livelihood", "res_format"]
        got = tk.get_action("package_search")(
            {"ignore_auth": True}, {"q": "", "facet.field": [*facets, "organization"]}
        )["facets"]
        assert got["open_class"] == {"unconditional": 7, "conditional": 1}
        assert got["nmg_city"]["150100"] == 2 and got["nmg_city"]["150000"] == 3
        assert got["livelihood"] == {"false": 7, "true": 1} and got["res_format"] == {"CSV": 8}
        assert found("公交", fq="nmg_city:150100") == ["bus"]
        assert found("气象", fq="open_class:conditional +theme:meteorology") == ["grass"]
        assert found("公交", fq="livelihood:true") == ["bus"]
        assert found("公交", sort="name desc") == ["bus-wulan", "bus"]
        assert len(found("", sort="nmg_downloads desc, metadata_modified desc")) == len(RECORDS)

    def test_permission_labels_still_rule(self):
        anonymous: Context = {"user": "", "auth_user_obj": None}
        assert found("公交", anonymous) == found("*:*", anonymous) == []

    def test_long_extras_do_not_stop_a_document(self):
        default, custom = entry("long", *RECORDS[0][1:])
        long = "长" * 40_000
        default["extras"].append({"key": "open_condition", "value": long})
        custom["open_condition"] = long
        default["version"] = long
        PackageSearchIndex().index_package({**default, "with_custom_schema": custom})

    @given(
        st.one_of(
            st.text(max_size=300),
            st.lists(st.sampled_from(SIGNS), max_size=12).map("".join),
            st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join),
        )
    )
    @settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_text_makes_solr_fail(self, typed: str):
        try:
            found(typed)
        except SearchQueryError:
            assert typed.lstrip().startswith("{!")
        except SearchError as error:
            raise AssertionError(typed) from error
