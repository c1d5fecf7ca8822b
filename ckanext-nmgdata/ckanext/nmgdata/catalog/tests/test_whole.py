"""The whole catalogue as one file: complete, public, true at every moment; and what pages show beside it."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog import preview, scripts, whole, whole_files
from ckanext.nmgdata.factories import dataset
from ckanext.nmgdata.kernel import outbox
from markupsafe import escape
from rdflib import DCAT, DCTERMS, RDF, Graph

pytestmark = pytest.mark.usefixtures("clean_search")
FORMS = tuple(whole.FORMS)
RDF_FORMS = {"nt": "nt", "ttl": "turtle", "rdf": "xml", "jsonld": "json-ld"}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Keep the files of these tests apart."""
    monkeypatch.setattr(whole_files, "folder", lambda: tmp_path / "catalogue")
    return tmp_path / "catalogue"


@pytest.fixture
def build(wsgi):
    """Return the worker's job, inside the application as the worker runs it."""

    def run():
        with wsgi._wsgi_app.app_context():
            return whole_files.build()

    return run


def titles(app, form):
    """Return the titles in a file of the catalogue."""
    answer = app.get(f"/nmg/catalogue.{form}")
    if form == "csv":
        return {row["名称"] for row in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))}
    if form == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
        return {row[0] for row in sheet.iter_rows(min_row=2, values_only=True)}
    if form == "json":
        return {one["title"] for one in json.loads(answer.data)["datasets"]}
    graph = Graph().parse(data=answer.data, format=RDF_FORMS[form])
    return {str(graph.value(one, DCTERMS.title)) for one in graph.subjects(RDF.type, DCAT.Dataset)}


@pytest.mark.parametrize("made_before", [False, True], ids=["anew", "from the file"])
@pytest.mark.parametrize("form", FORMS)
def test_it_holds_what_the_public_may_know_of(world, app, build, form, made_before):
    assert world.open_data
    assert world.conditional
    assert world.non_open
    dataset(world.department, title="未发布", private=True)
    gone = dataset(world.department, title="已撤回")
    factories.stop(gone, withdraw=True)
    if made_before:
        assert len(build()) == len(whole.KEPT)
    assert titles(app, form) == {"公交站点", "出租汽车轨迹"}


def test_a_stop_shows_at_once_although_the_files_lie_ready(world, app, build, own_folder):
    entry = world.open_data
    build()
    before = json.loads(app.get("/nmg/catalogue.json").data)["datasets"][0]
    assert before["open_state"] == "open"
    tag = app.get("/nmg/catalogue.json").headers["ETag"]
    factories.stop(entry)
    answer = app.get("/nmg/catalogue.json", headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert json.loads(answer.data)["datasets"][0]["open_state"] == "suspended"
    assert "中止" in app.get("/nmg/catalogue.csv").data.decode("utf-8-sig")
    build()
    assert len(list(own_folder.iterdir())) == len(whole.KEPT)


def test_what_has_not_changed_costs_nothing(world, app):
    assert world.open_data
    tag = app.get("/nmg/catalogue.csv").headers["ETag"]
    assert app.get("/nmg/catalogue.csv", headers={"If-None-Match": tag}, status=304).data == b""
    dataset(world.department, title="新数据")
    app.get("/nmg/catalogue.csv", headers={"If-None-Match": tag}, status=200)


def test_no_true_link_and_no_formula_is_in_it(world, app):
    made = dataset(world.department, title="=HYPERLINK(1)")
    factories.resource(made)
    for form in FORMS:
        assert b"secret/path" not in app.get(f"/nmg/catalogue.{form}").data
    assert titles(app, "csv") == {"'=HYPERLINK(1)"}


def test_pages_of_many_entries_are_all_there(world, app, monkeypatch):
    monkeypatch.setattr(whole, "PAGE", 2)
    for number in range(5):
        dataset(world.department, title=f"第{number}项")
    for form in FORMS:
        assert titles(app, form) == {f"第{number}项" for number in range(5)}


def test_the_worker_is_asked_when_there_is_something_new(world, app, build, monkeypatch, own_folder):
    asked = []
    monkeypatch.setattr(whole_files.jobs, "enqueue", lambda f, *_arguments, **_how: asked.append(f))
    assert world.open_data
    whole_files.ask_for_build()
    whole_files.ask_for_build()
    assert asked == [whole_files.build]
    build()
    monkeypatch.setattr(whole_files, "REST", 0)
    whole_files.ask_for_build()
    assert len(asked) == 1
    dataset(world.department, title="又一项")
    whole_files.ask_for_build()
    assert len(asked) == 2


PROGRAMS = (
    "/data.json", "/sitemap.xml", "/catalog.ttl", "/dataset/{name}.jsonld", "/feeds/dataset.atom",
    "/feeds/custom.atom?q=*:*",
)  # fmt: skip


@pytest.mark.parametrize("address", PROGRAMS)
def test_every_form_of_the_catalogue_says_what_has_not_changed(world, app, address):
    place = address.format(name=world.open_data["name"])
    answer = app.get(place)
    again = app.get(place, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""
    factories.stop(world.open_data)
    changed = app.get(place, headers={"If-None-Match": answer.headers["ETag"]})
    assert changed.status_code == 200 or "sitemap" in place  # a suspended entry stays in the sitemap


def test_there_is_no_other_form(clean, app):
    app.get("/nmg/catalogue.exe", status=404)


# --- on the page ---------------------------------------------------------------------------------


def test_related_entries_are_the_likest_of_those_that_may_be_found(world, app):
    shown = dataset(world.department, title="呼和浩特市公交站点")
    like = dataset(world.department, title="包头市公交站点")
    dataset(world.department, title="公交站点内部档案", open_class="non_open")
    dataset(world.other, title="水库水位", theme="meteorology")
    page = BeautifulSoup(app.get(f"/dataset/{shown['name']}").body, "html.parser")
    links = [a["href"] for a in page.select(".related a")]
    assert links[0] == f"/dataset/{like['name']}"
    assert "内部档案" not in page.get_text()


def test_rows_are_drawn_as_bars():
    fields = [
        {"id": "站点", "type": "text"},
        {"id": "客流", "type": "numeric"},
        {"id": "线路", "type": "int"},
    ]
    records = [{"站点": "甲", "客流": "20.5", "线路": 2}, {"站点": "乙", "客流": None, "线路": -1}]
    made = preview.made(fields, records, 2, "")
    assert (made.drawn, made.label, made.numbers) == ("客流", "站点", ["客流", "线路"])
    assert [(bar.label, bar.value, bar.length) for bar in made.bars] == [
        ("甲", "20.5", 100.0),
        ("乙", "—", 0.0),
    ]
    assert [bar.length for bar in preview.made(fields, records, 2, "线路").bars] == [100.0, 0.0]
    assert preview.made(fields, records, 2, "没有").drawn == "客流"
    assert preview.made(fields[:1], records, 2, "").bars == []


def test_granted_data_are_not_previewed(world, app, as_user):
    world.granted()
    file = world.conditional["resources"][0]
    with app.flask_app.test_request_context():
        assert preview.nmgdata_preview({**file, "datastore_active": True}) is None
    model.Session.rollback()


# --- nothing keeps saying that stopped data can be had ------------------------------------------


def test_no_page_or_file_shows_stopped_data_as_available_a_moment_later(world, app):
    """Whatever was read before, and may have been kept on the way: the next answer says the stop."""
    entry = world.open_data
    file = f"/dataset/{entry['name']}/resource/{entry['resources'][0]['id']}"
    pages = ("/", "/dataset/", f"/dataset/{entry['name']}", file, f"/organization/{world.department['name']}")
    files = (f"/nmg/catalogue.{form}" for form in FORMS if form != "xlsx")
    programs = ("/data.json", *files, f"/dataset/{entry['name']}.ttl")
    for address in (*pages, *programs):
        assert app.get(address).status_code == 200
    factories.stop(entry)
    outbox.deliver()
    for address in pages:
        page = BeautifulSoup(app.get(address).body, "html.parser")
        assert "中止开放" in page.get_text(), address
        assert f"{file}/download" not in {a.get("href", "") for a in page.select("a")}, address
    for address in programs:
        said = app.get(address).data.decode("utf-8-sig")
        assert "suspended" in said or "中止" in said, address
        assert "downloadURL" not in said, address


# --- Mongolian script ----------------------------------------------------------------------------

MONGOLIAN = "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ"


def test_mongolian_script_is_marked_and_set_in_columns(world, app):
    made = dataset(
        world.department,
        title=f"蒙古文地名 {MONGOLIAN}",
        notes=f"说明。\n\n{MONGOLIAN}\n\n含<b>{MONGOLIAN}</b>词",
    )
    page = BeautifulSoup(app.get(f"/dataset/{made['name']}").body, "html.parser")
    assert page.h1.select_one("[lang=mn-Mong]").get_text() == MONGOLIAN
    (column,) = page.select("p.mong-block[lang=mn-Mong]")
    assert column.get_text() == MONGOLIAN
    listed = BeautifulSoup(app.get("/dataset/").body, "html.parser")
    assert listed.select_one(".hits h2 [lang=mn-Mong]").get_text() == MONGOLIAN
    assert "font/woff2" in app.get("/nmgdata/noto-sans-mongolian.woff2").headers["Content-Type"]
    assert "mn_MN" not in tk.config["ckan.locales_offered"]


@pytest.mark.parametrize("text", ["气象", "<b>", "a\u202fb", None, 12])
def test_other_texts_stay_as_they_are(text):
    assert scripts.nmgdata_scripts(text) == escape("" if text is None else text)
