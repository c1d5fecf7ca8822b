"""Write a deterministic, hydra-paged DCAT catalogue in Chinese, as a league-city might publish it (Turtle).

The same arguments always give the same bytes. Standard library only: the stock side runs it too.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

BASE = "http://data.example.org"
CITIES = ("鄂尔多斯市", "呼和浩特市", "包头市", "乌海市", "赤峰市", "通辽市", "呼伦贝尔市", "巴彦淖尔市", "乌兰察布市",
          "兴安盟", "锡林郭勒盟", "阿拉善盟")  # fmt: skip
COUNTIES = ("东胜区", "康巴什区", "达拉特旗", "准格尔旗", "鄂托克前旗", "杭锦旗", "乌审旗", "伊金霍洛旗", "")
OFFICES = ("公安局", "民政局", "卫生健康委员会", "气象局", "交通运输局", "统计局", "财政局", "生态环境局", "农牧局",
           "自然资源局", "水利局", "应急管理局")  # fmt: skip
SUBJECTS = ("行政许可信息", "公交线路及站点", "空气质量自动监测数据", "草原生态补奖资金发放明细", "企业年报公示信息",
            "定点医疗机构名录", "中小学校基本信息", "养老服务机构名单", "地表水水质监测断面数据", "A级旅游景区信息",
            "食品抽检结果", "粮食播种面积及产量", "道路客运班线", "牲畜存栏数", "建筑工程施工许可证",
            "公共图书馆馆藏统计", "供热单位及换热站", "药品零售企业许可", "停车场实时泊位", "疫苗接种门诊点位")  # fmt: skip
PHRASES = ("数据来源于业务系统的自动汇聚，经主管部门审核后发布。", "统计口径与年度统计公报一致，部分旗县区不可比。",
           "数据按月更新，每月十日前发布上月数据，如遇节假日顺延。", "坐标采用2000国家大地坐标系，保留小数点后六位。",
           "个人信息已按照有关规定作脱敏处理。", "历史数据自2015年起，缺失月份以空值表示。",
           "可用于城市运行分析、公共服务选址以及科学研究。", "使用单位应当注明数据来源，不得用于非法用途。",
           "本数据集由多张表合并而成，主键为“序号”与“年度”的组合。", "如发现错误，请通过平台的纠错功能反馈。")  # fmt: skip
FREQUENCIES = ("ANNUAL", "QUARTERLY", "MONTHLY", "WEEKLY", "DAILY", "IRREG")
FORMATS = (("CSV", "text/csv"), ("JSON", "application/json"), ("XML", "application/xml"))
PREFIXES = {
    "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/", "hydra": "http://www.w3.org/ns/hydra/core#",
    "vcard": "http://www.w3.org/2006/vcard/ns#", "xsd": "http://www.w3.org/2001/XMLSchema#",
}  # fmt: skip
EU = "http://publications.europa.eu/resource/authority/frequency"


@dataclass(frozen=True)
class Shape:
    """What is to be written."""

    datasets: int
    distributions: int = 2
    per_page: int = 100
    seed: int = 1
    changed: float = 0.0
    """Share of the datasets that say something else than in the first round."""


def write(folder: Path, host: str, shape: Shape) -> str:
    """Write the pages into a folder that is served at ``host``; return the address of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    order = list(range(shape.datasets))
    random.Random(f"pick/{shape.seed}").shuffle(order)
    changed = set(order[: round(shape.datasets * shape.changed)])
    last = max(1, -(-shape.datasets // shape.per_page))
    for number in range(1, last + 1):
        rows = range((number - 1) * shape.per_page, min(number * shape.per_page, shape.datasets))
        parts = [head(host, number, last, shape.datasets)]
        parts += [dataset(row, shape, row in changed) for row in rows]
        (folder / f"p{number}.ttl").write_text("\n".join(parts) + "\n", encoding="utf-8")
    return f"{host}/p1.ttl"


def head(host: str, number: int, last: int, total: int) -> str:
    """Return prefixes and paging."""
    follows = f' ; hydra:nextPage "{host}/p{number + 1}.ttl"' if number < last else ""
    lines = [f"@prefix {name}: <{iri}> ." for name, iri in PREFIXES.items()]
    lines += [
        f'<{host}/p{number}.ttl> a hydra:PagedCollection ; hydra:totalItems "{total}"',
        f' ; hydra:firstPage "{host}/p1.ttl" ; hydra:lastPage "{host}/p{last}.ttl"{follows} .',
        f'<{BASE}/catalog> a dcat:Catalog ; dct:title "公共数据目录" .',
    ]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Return a literal."""
    return json.dumps(text, ensure_ascii=False)


def dataset(row: int, shape: Shape, changed: bool) -> str:
    """Return one dataset with its distributions."""
    chance = random.Random(f"{shape.seed}/{row}")
    city, county = CITIES[shape.seed % len(CITIES)], chance.choice(COUNTIES)
    office, subject, year = chance.choice(OFFICES), chance.choice(SUBJECTS), chance.randint(2015, 2026)
    iri = f"{BASE}/{shape.seed}/dataset/{row:06d}"
    title = f"{city}{county}{subject}（{year}年）第{row}期{'（修订）' if changed else ''}"
    notes = f"由{city}{office}依法采集。" + "".join(chance.sample(PHRASES, chance.randint(2, 6)))
    files = [f"<{iri}/distribution/{n}>" for n in range(shape.distributions)]
    keywords = ", ".join(quoted(word) for word in sorted({office, subject, "公共数据"}))
    modified = f"2026-{chance.randint(1, 9):02d}-{chance.randint(1, 28):02d}T08:00:00"
    body = [
        f"<{iri}> a dcat:Dataset ; dct:title {quoted(title)} ; dct:description {quoted(notes)}",
        f' ; dct:identifier "bench-{shape.seed}-{row:06d}" ; dct:issued "{year}-01-02"^^xsd:date',
        f' ; dct:modified "{modified}"^^xsd:dateTime ; dcat:keyword {keywords}',
        f" ; dct:accrualPeriodicity <{EU}/{chance.choice(FREQUENCIES)}>",
        f" ; dct:publisher <{BASE}/org/{OFFICES.index(office)}>",
        f" ; dcat:contactPoint [ a vcard:Organization ; vcard:fn {quoted(office)}",
        " ; vcard:hasEmail <mailto:data@example.org> ]",
        f" ; dcat:distribution {', '.join(files)} ." if files else " .",
        f"<{BASE}/org/{OFFICES.index(office)}> a foaf:Organization ; foaf:name {quoted(office)} .",
    ]
    for place, file in enumerate(files):
        form, media = FORMATS[(row + place) % len(FORMATS)]
        url = f"{BASE}/file/{shape.seed}/{row:06d}-{place}.{form.lower()}"
        body.append(
            f"{file} a dcat:Distribution ; dct:title {quoted(f'{subject}（{form}格式）')}"
            f" ; dct:description {quoted(title)} ; dcat:downloadURL <{url}> ; dcat:accessURL <{url}>"
            f' ; dct:format {quoted(form)} ; dcat:mediaType "{media}"'
            f' ; dcat:byteSize "{chance.randint(2000, 90_000_000)}"^^xsd:decimal .'
        )
    return "\n".join(body)
