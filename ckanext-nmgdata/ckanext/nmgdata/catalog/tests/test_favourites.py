"""Who follows an entry is told once of what has changed, and of nothing that the public may not know."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog import favourites
from ckanext.nmgdata.factories import call
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.workflow import notices

pytestmark = pytest.mark.usefixtures("clean_search")
ENTRIES = "{http://www.w3.org/2005/Atom}entry/{http://www.w3.org/2005/Atom}title"


@pytest.fixture
def tell(wsgi):
    """Return the chore as the clock runs it: in a request of the portal's own."""

    def run():
        with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            return favourites.tell()

    return run


@pytest.fixture
def followed(world, app, as_user, tell):
    """Return an entry that a citizen follows; what was before is told."""
    entry = world.open_data
    headers = as_user(world.citizen)
    choose(app, headers, entry, "yes")
    assert "取消收藏" in app.get(f"/dataset/{entry['name']}", headers=headers).body
    tell()
    return entry


def choose(app, headers, entry, wanted):
    """Press the button of an entry."""
    address = f"/nmg/favourites/{entry['name']}"
    app.post(address, data={"follow": wanted}, headers=headers, follow_redirects=False, status=302)


def mails():
    """Return the mails that wait in the outbox."""
    query = sa.select(Outbox.payload).where(Outbox.topic == "mail").order_by(Outbox.id)
    return list(model.Session.scalars(query))


def test_a_change_is_told_once(world, followed, tell):
    assert mails() == []
    call("package_patch", world.editor, id=followed["id"], notes="换了摘要的条目。")
    assert tell() == 1
    assert tell() == 0
    (mail,) = mails()
    assert mail["to"] == "citizen@example.org"
    assert "公交站点" in mail["body"]
    assert f"/dataset/{followed['name']}" in mail["body"]
    assert mail["stop_url"]


def test_a_stop_is_told_and_shown(world, followed, tell, app, as_user):
    factories.stop(followed)
    assert tell() == 1
    assert "中止开放" in mails()[0]["body"]
    page = app.get("/nmg/favourites", headers=as_user(world.citizen)).body
    assert "中止开放" in page
    assert followed["name"] in page


def test_what_is_public_no_more_is_not_named(world, followed, tell):
    tk.get_action("package_patch")(factories.site_context(), {"id": followed["id"], "private": True})
    assert tell() == 1
    assert "公交站点" not in mails()[0]["body"]


def test_nobody_is_told_who_does_not_want_it(world, followed, tell, app, as_user):
    actor = Actor.person(world.citizen.record)
    notices.choose(actor, world.citizen.id, favourites.CHOICE, wanted=False)
    call("package_patch", world.editor, id=followed["id"], notes="换了摘要的条目。")
    assert tell() == 0
    choose(app, as_user(world.citizen), followed, "no")
    notices.choose(actor, world.citizen.id, favourites.CHOICE, wanted=True)
    call("package_patch", world.editor, id=followed["id"], notes="又换了摘要的条目。")
    assert tell() == 0


def test_what_one_may_not_know_of_cannot_be_followed(world, app, as_user):
    hidden = world.non_open["name"]
    app.post(f"/nmg/favourites/{hidden}", data={"follow": "yes"}, headers=as_user(world.citizen), status=404)
    app.get("/nmg/favourites", status=302, follow_redirects=False)


def test_the_feed_of_an_entry_needs_no_login(world, followed, app):
    other = factories.dataset(world.department, title="水库水位")
    address = f"/nmg/changes.atom?id={followed['id']}"
    answer = app.get(address)
    titles = [one.text for one in ET.fromstring(answer.data).findall(ENTRIES)]
    assert titles == ["条目变更：公交站点", "已发布：公交站点"]
    app.get(address, headers={"If-None-Match": answer.headers["ETag"]}, status=304)
    factories.stop(followed)
    again = app.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert "中止开放" in again.data.decode()
    assert other["title"] in app.get("/nmg/changes.atom").data.decode()
