"""A page in English has English marks between its pieces, and one in Chinese Chinese ones."""

from __future__ import annotations

import pytest
from flask import render_template_string

TEMPLATE = (
    "<b>{{ 1 }}：{{ 2 }}（{{ 3 }}、{{ 4 }}；{{ 5 }}）</b>，第一条、第二条：{{ '（甲）' }}"
    "{{ [6, 7]|join('、') }}{{ '；' if true }}{{ 8 }}。{{ 9 }}"
)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "<b>1: 2 (3, 4; 5)</b>, 第一条、第二条: （甲）6, 7; 8. 9"),
        ("zh_Hans_CN", "<b>1：2（3、4；5）</b>，第一条、第二条：（甲）6、7；8。9"),
    ],
)
def test_marks_between_pieces_follow_the_language(wsgi, language, expected):
    with wsgi._wsgi_app.test_request_context("/", environ_overrides={"CKAN_LANG": language}):
        assert render_template_string(TEMPLATE) == expected


def test_marks_of_a_feed_follow_the_language(world, app):
    name = world.open_data["title"]
    assert f"已发布：{name}" in app.get("/nmg/changes.atom").data.decode()
    in_english = app.get("/en/nmg/changes.atom").data.decode()
    assert f"Published: {name}" in in_english
    assert 'xml:lang="en"' in in_english
