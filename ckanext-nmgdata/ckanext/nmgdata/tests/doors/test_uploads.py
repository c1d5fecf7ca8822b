"""Uploads leave from any storage, in ranges, under their names; faults of others do not stop them."""

from __future__ import annotations

import io
from types import SimpleNamespace

import file_keeper as fk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import uploader
from ckan.plugins import toolkit as tk
from file_keeper.default.adapters.memory import MemoryStorage

from ... import factories
from ...kernel.gate.model import Download
from ...kernel.gate.serve import disposition
from .. import faults

BODY = bytes(range(256)) * 3000


class InMemory:
    """An uploader of resources into a storage that is no disk, as S3 would be."""

    def __init__(self, storage):
        self.storage = storage

    def get_path(self, id):
        """Return where a resource's bytes are."""
        return fk.Location(id)


@pytest.fixture(params=["disk", "storage"])
def file(request, world, monkeypatch):
    """Return an unconditional upload, on the disk or in another storage."""
    made = factories.dataset(world.department)
    resource = factories.upload(made, content=BODY, name="x.csv")
    if request.param == "storage":
        storage = MemoryStorage({})
        storage.upload(fk.Location(resource["id"]), fk.make_upload(io.BytesIO(BODY)))
        monkeypatch.setattr(uploader, "get_resource_uploader", lambda _data: InMemory(storage))
    address = f"/dataset/{made['id']}/resource/{resource['id']}/download"
    return SimpleNamespace(address=address, id=resource["id"], dataset=made["id"])


def downloads():
    """Return how many downloads were counted."""
    model.Session.rollback()
    return model.Session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Download.count), 0)))


def test_whole_in_parts_and_again(file, app):
    whole = app.get(file.address)
    assert whole.data == BODY
    assert whole.headers["Content-Length"] == str(len(BODY))
    part = app.get(file.address, headers={"Range": "bytes=700000-"})
    assert (part.status_code, part.data) == (206, BODY[700000:])
    assert app.get(file.address, headers={"Range": "bytes=-5"}).data == BODY[-5:]
    assert app.get(file.address, headers={"Range": "bytes=99999999-"}, status=None).status_code == 416
    again = app.get(file.address, headers={"If-None-Match": whole.headers["ETag"]}, status=None)
    assert (again.status_code, again.data) == (304, b"")
    changed = app.get(file.address, headers={"Range": "bytes=5-", "If-Range": '"another"'}, status=None)
    assert (changed.status_code, changed.data) == (200, BODY)
    assert downloads() == 2


def test_a_known_etag_opens_nothing(file, app):
    etag = app.get(file.address).headers["ETag"]
    model.Session.execute(
        sa.text("""UPDATE package SET extras = extras || '{"open_class": "conditional"}'""")
    )
    model.Session.commit()
    answer = app.get(file.address, headers={"If-None-Match": etag}, status=None)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("公交站点.csv", "data.csv"),
        ('A市"公交\\.csv', "A.csv"),
        ("plain name.csv", "plain name.csv"),
        ("２０２６年.xlsx", "2026.xlsx"),
    ],
)
def test_names_survive_in_old_and_new_programs(name, plain):
    from werkzeug.http import parse_options_header

    value = disposition(name)
    assert value.isascii()
    assert "\n" not in value
    kind, options = parse_options_header(value.replace(f'; filename="{plain}"', ""))
    assert (kind, options["filename"]) == ("attachment", name)
    assert f'filename="{plain}"' in value


@pytest.fixture
def without_redis(wsgi):
    """Return the portal with its logins in a Redis that refuses connections."""
    with faults.without_redis() as app:
        yield app


def test_downloads_and_refusals_do_without_redis_and_solr(world, without_redis, monkeypatch):
    address = "/dataset/{id}/resource/{resources[0][id]}/download"
    opened, closed = address.format(**world.open_data), address.format(**world.conditional)
    world.granted()
    holder = factories.login(world.applicant)
    monkeypatch.setitem(tk.config, "solr_url", "http://127.0.0.1:9/solr/none")
    app = without_redis
    cookie = {"Cookie": "nmgdata=a-login-of-yesterday"}
    assert app.get(opened).data == factories.CSV
    assert app.get(opened, headers=cookie).data == factories.CSV
    assert app.get(closed, headers=cookie, status=None).status_code == 403
    page = app.get(closed, headers={"Accept": "text/html", **cookie}, status=None)
    assert page.status_code == 403
    assert "/nmg/apply/" in page.body
    assert app.get(closed, headers=holder).data == factories.CSV


@pytest.mark.parametrize("stated", ["text/html\r\nX-Evil: 1", "中文/\u202e", "x" * 300, "", "text/csv"])
def test_what_an_uploader_says_of_the_type_breaks_no_download(world, app, stated):
    made = factories.dataset(world.department)
    file = factories.upload(made, mimetype=stated, name="sites.csv")
    answer = app.get(f"/dataset/{made['id']}/resource/{file['id']}/download")
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_no_name_turns_its_own_ending_round(world, app):
    made = factories.dataset(world.department, title="站点\u202e清单")
    file = factories.upload(made, name="sites.csv")
    tk.get_action("resource_patch")(factories.site_context(), {"id": file["id"], "name": "站点\u202egpj.exe"})
    answer = app.get(f"/dataset/{made['id']}/resource/{file['id']}/download")
    assert "%E2%80%AE" not in answer.headers["Content-Disposition"]
    assert "\u202e" not in factories.call("package_show", None, id=made["id"])["title"]
