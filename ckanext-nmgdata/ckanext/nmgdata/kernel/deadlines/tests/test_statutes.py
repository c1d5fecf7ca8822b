"""How the source of a period is said on a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.kernel.deadlines import statutes


@pytest.mark.parametrize(
    ("region", "source", "said"),
    [
        ("150000", "R11¶1, H9¶1", "内政发〔2024〕19号第十一条第一款"),
        ("150100", "R11¶1, H20¶1", "内政发〔2024〕19号第十一条第一款、呼和浩特市公共数据管理暂行办法第二十条第一款"),
        ("150000", "R28¶2, H26¶3 (analogy R23¶2)",
         "内政发〔2024〕19号第二十八条第二款，比照第二十三条第二款"),
        ("150000", "R47, R5(7)", "内政发〔2024〕19号第四十七条、第五条第（七）项"),
        ("150000", "DC-23", ""),
    ],
)  # fmt: skip
def test_a_source_is_cited_in_chinese(monkeypatch, region, source, said):
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.region", region)
    assert statutes.cited(source) == said


def test_no_source_shows_its_abbreviations():
    for statute in statutes.current().deadlines.values():
        assert not set(statutes.cited(statute.source)) & set("RHODC¶")


def test_every_setting_is_read_or_said_to_be_for_later():
    """A switch that switches nothing is worse than none."""
    package = Path(__file__).resolve().parents[3]
    code = "".join(p.read_text(encoding="utf-8") for p in package.rglob("*.py") if "tests" not in p.parts)
    known = statutes.read()
    unread = {name for name in known["settings"] if f'"{name}"' not in code}
    assert unread == set(known["later"])
