"""Lists and boxes show how a text begins, whatever it is written in."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.site.excerpts import markdown_extract

LONG = "负责全区公共数据的统筹管理" * 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("**气象**观测", "气象观测"),
        ("一二三四五六七八九十", "一二三四五六七八九十"),
        ("一二三四五六七八九十一", "一二三四五六七八九…"),
        ("air quality data", "air…"),
        ("air qual: data", "air qual:…"),
        ("每小时 PM2.5hourly", "每小时 PM2.…"),
        ("incomprehensibilities", "incompreh…"),
        ("气象\n\n观测", "气象 观测"),
        ("<b>a</b> &lt;b&gt;", "a <b>"),
    ],
)
def test_a_text_is_cut_where_it_may_be(wsgi, text, expected):
    with wsgi._wsgi_app.test_request_context("/"):
        assert markdown_extract(text, 10) == expected
        assert markdown_extract(LONG, 0) == LONG


def test_lists_and_boxes_of_departments_and_groups_show_how_their_texts_begin(
    world, app, as_user, clean_search
):
    context = factories.site_context()
    tk.get_action("organization_patch")(context, {"id": world.department["id"], "description": LONG})
    tk.get_action("group_create")(context, {"name": "gruppe", "title": "组", "description": LONG})
    member = {"id": "gruppe", "object": world.open_data["id"], "object_type": "package", "capacity": "public"}
    tk.get_action("member_create")(context, member)
    operator = as_user(factories.person("yunwei", sysadmin=True))
    for address in ("/group/", "/group/gruppe", f"/organization/members/{world.department['name']}"):
        page = BeautifulSoup(app.get(address, headers=operator).body, "html.parser")
        assert LONG[:70] in page.main.get_text(), address
