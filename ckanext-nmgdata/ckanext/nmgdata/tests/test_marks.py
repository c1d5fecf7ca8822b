"""A page in English has English marks between its pieces, and one in Chinese Chinese ones."""

from __future__ import annotations

import pytest
from ckan.lib.i18n import set_lang
from flask import render_template_string

TEMPLATE = "<b>{{ 1 }}：{{ 2 }}（{{ 3 }}、{{ 4 }}；{{ 5 }}）</b>，第一条、第二条：{{ '（甲）' }}"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "<b>1: 2 (3, 4; 5)</b>, 第一条、第二条: （甲）"),
        ("zh_Hans_CN", "<b>1：2（3、4；5）</b>，第一条、第二条：（甲）"),
    ],
)
def test_marks_between_pieces_follow_the_language(wsgi, language, expected):
    with wsgi._wsgi_app.test_request_context("/"):
        set_lang(language)
        assert render_template_string(TEMPLATE) == expected
