"""The examination of pages notices what it is there for."""

from __future__ import annotations

import pytest

from .examine import examine
from .visitor import Portal, Visitor

GOOD = '<!doctype html><html lang="zh-CN"><title>页</title><h1>题</h1><main>{}</main></html>'


@pytest.fixture
def window(browser, tmp_path):
    """Return a window that shows what it is given; no portal stands behind it."""
    visitor = Visitor(Portal("http://127.0.0.1:9", tmp_path, {}), browser, lambda _visitor: None)
    yield visitor
    visitor.close()


@pytest.mark.parametrize(
    ("piece", "fault"),
    [
        ("<h1>又一题</h1>", "2 headings"),
        ("<input name=q>", "no label: <input"),
        ("<label for=a>名</label>", "for leads nowhere: a"),
        ("<input aria-label=名 aria-describedby=e-q>", "aria-describedby leads nowhere: e-q"),
        ("<button></button>", "no words: <button"),
        ("<img src=data:,>", "no name: <img"),
        ("<i id=a></i><i id=a></i>", "id twice: a"),
        ('<a href="#gone">去</a>', "dead anchor"),
        ("<div style='width:400px'>宽</div>", "too wide at 320 px"),
        ("<div style='width:900px'>宽</div>", "too wide at 640 px"),
        ("<p>下载 Download</p>", "English: 下载 Download"),
        ("<input aria-label=名 placeholder='Search datasets'>", "English: Search datasets"),
        ("<p>inner-mongolia</p>", "English: inner-mongolia"),
    ],
)
def test_a_fault_is_named(window, piece, fault):
    window.page.set_content(GOOD.format(piece))
    assert any(fault in line for line in examine(window.page)), examine(window.page)


def test_a_good_page_has_no_fault(window):
    window.page.set_content(
        GOOD.format("<label for=q>查询码</label><input id=q><p>申请SQ-20261122-00001-1，CSV</p>")
    )
    assert examine(window.page) == []


def test_a_page_in_another_language_is_noticed(window):
    window.page.set_content(GOOD.format("").replace("zh-CN", "en"))
    assert examine(window.page) == ["language en"]


def test_foreign_requests_and_errors_are_kept(window):
    window.page.set_content(
        GOOD.format("<img alt='' src='http://192.0.2.1/x.png'><script>nothere()</script>")
    )
    assert window.strangers == ["http://192.0.2.1/x.png"]
    assert any("nothere" in text for text in window.complaints)
