"""No page asks another host for anything, whatever departments and people write into their texts."""

from __future__ import annotations

import re

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.site.foreign import nmgdata_is_ours, render_markdown

SPY = "https://spy.example/x.png"
TEXT = f"说明 ![图甲]({SPY}) <img src='//spy.example/y.png'> ![ours](/uploads/z.png)"
LOADS = re.compile(
    r"<(?!a\b)[a-z]+\b[^>]*?\b(?:src|srcset|data|poster|background)\s*=\s*[\"']?[^\"'>]*spy\.example", re.I
)
"""Anything but a link that names the foreign host where a browser would ask it."""


@pytest.mark.parametrize(
    "address",
    [
        SPY, "//spy.example/x", "\\\\spy.example/x", "/\\spy.example", " \t//spy.example", "/\t/spy.example",
        "HTTPS://spy.example", "http:spy.example", "javascript:alert(1)", "data:image/png;base64,x", "", None, "http://[",
    ],
)  # fmt: skip
def test_an_address_elsewhere_is_not_ours(app, address):
    assert not nmgdata_is_ours(address)


def test_our_own_addresses_are_ours(app):
    assert all(nmgdata_is_ours(one) for one in ("/a.png", "a.png", f"{tk.config['ckan.site_url']}/a.png"))


@pytest.mark.parametrize(
    "text",
    [
        TEXT, f'<img alt="a>b" src="{SPY}">', f"<IMG SRC={SPY}>", f"<img src='/ok.png' srcset='{SPY} 2x'>",
        f"![x][1]\n\n[1]: {SPY}", f"[![x]({SPY})](/y)", "![x](//spy.example/a)", "![x](/\\spy.example/a)",
        f'<svg><image href="{SPY}"/></svg>', f'<p style="background:url({SPY})">x</p>', f"<iframe src='{SPY}'></iframe>",
        f"<link rel=stylesheet href={SPY}>", f"<video poster={SPY} src={SPY}></video>", f"<style>@import '{SPY}'</style>",
    ],
)  # fmt: skip
def test_a_text_brings_no_picture_from_elsewhere(wsgi, text):
    with wsgi._wsgi_app.test_request_context("/"):
        html = str(render_markdown(text))
    assert not LOADS.search(html)
    for tag in ("<svg", "<iframe", "<link", "<video", "<style", "style="):
        assert tag not in html


def test_it_becomes_a_link_and_our_own_stays(wsgi):
    with wsgi._wsgi_app.test_request_context("/"):
        html = str(render_markdown(TEXT))
    assert f'<a href="{SPY}" rel="nofollow noopener noreferrer">' in html
    assert "图甲" in html
    assert 'src="/uploads/z.png"' in html


def test_no_page_of_an_entry_a_department_a_group_or_a_person_asks_elsewhere(
    world, app, as_user, clean_search
):
    tk.get_action("organization_patch")(
        factories.site_context(), {"id": world.department["id"], "description": TEXT, "image_url": SPY}
    )
    entry = factories.dataset(world.department, notes=TEXT)
    group = tk.get_action("group_create")(
        factories.site_context(), {"name": "gruppe", "title": "组", "description": TEXT, "image_url": SPY}
    )
    file = factories.upload(entry)
    view = {
        "resource_id": file["id"],
        "view_type": "image_view",
        "title": "图",
        "image_url": SPY,
        "description": TEXT,
    }
    shown = tk.get_action("resource_view_create")(factories.site_context(), view)
    tk.get_action("user_patch")(factories.site_context(), {"id": world.editor.name, "image_url": SPY})
    department = world.department["name"]
    reader = as_user(world.editor)
    for address in (
        f"/dataset/{entry['name']}", f"/dataset/{entry['name']}/resource/{file['id']}",
        f"/dataset/{entry['name']}/resource/{file['id']}/view/{shown['id']}", "/dataset/", "/", "/organization/",
        f"/organization/{department}", f"/organization/about/{department}", "/group/", f"/group/{group['name']}",
        f"/group/about/{group['name']}", f"/user/{world.editor.name}",
    ):  # fmt: skip
        answer = app.get(address, headers=reader, status=None)
        assert answer.status_code in (200, 404), address
        assert not LOADS.search(answer.body), address
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'"), address
