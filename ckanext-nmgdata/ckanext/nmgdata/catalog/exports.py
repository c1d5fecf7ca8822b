"""The whole public catalogue in one file: ``data.json`` for portals that read DCAT-US, ``sitemap.xml``.

Both are made from the database when asked for, so that they say a stop at once; who has the same already is
told so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, stream_with_context

from .. import config, vocab
from ..kernel import orgs
from ..kernel.gate import stops
from ..kernel.gate.labels import is_withdrawn, public_entries
from ..kernel.openness import CONDITIONAL, UNCONDITIONAL
from . import dcat_names, dcat_write, state, whole

Entry = dict[str, Any]
blueprint = Blueprint("nmgdata_exports", __name__)

# --- data.json -----------------------------------------------------------------------------------

ACCESS_LEVELS = {UNCONDITIONAL: "public", CONDITIONAL: "restricted public"}
CATALOGUE = {
    "@context": "https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld",
    "@type": "dcat:Catalog",
    "conformsTo": "https://project-open-data.cio.gov/v1.1/schema",
    "describedBy": "https://project-open-data.cio.gov/v1.1/schema/catalog.json",
}


@blueprint.route("/data.json")
def data_json() -> Response:
    """Return the catalogue as everybody may read it, whoever asks, in the form of DCAT-US 1.1."""
    tk.request.environ["__no_cache__"] = True
    tag = f"data-json-{whole.edition()}"
    answer = Response(mimetype="application/json")
    if tk.request.if_none_match.contains(tag):
        answer.status_code = 304
        model.Session.rollback()
    else:
        answer.response = stream_with_context(written())
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def written() -> Iterator[str]:
    """Write the catalogue piece by piece, so that its size does not matter."""
    head = json.dumps({**CATALOGUE, "@id": f"{config.site_root()}/data.json"}, ensure_ascii=False)
    yield head[:-1] + ', "dataset": ['
    separator = "\n"
    try:
        for entry in whole.entries(tombstones=True):
            yield separator + json.dumps(dataset(entry), ensure_ascii=False)
            separator = ",\n"
    finally:
        model.Session.remove()
    yield "\n]}\n"


def dataset(entry: Entry) -> Entry:
    """Return an entry in the terms of DCAT-US, with what stops it."""
    publisher = (entry.get("organization") or {}).get("title")
    themes = [vocab.term("theme", entry["theme"])["zh"]] if entry.get("theme") else []
    level = ACCESS_LEVELS.get(entry.get("open_class") or "", "non-public")
    said = {
        "@type": "dcat:Dataset",
        "identifier": dcat_names.dataset(entry["id"]),
        "title": entry.get("title") or entry["name"],
        "description": entry.get("notes") or entry.get("title") or entry["name"],
        "keyword": [tag["name"] for tag in entry.get("tags") or []] or themes or [entry["name"]],
        "theme": themes,
        "modified": entry.get("modified") or entry["metadata_modified"][:10],
        "issued": entry.get("issued") or "",
        "publisher": {
            "@type": "org:Organization",
            "name": publisher,
        },
        "contactPoint": contact(entry),
        "accessLevel": "non-public" if stops.is_stopped(entry) else level,
        "rights": state.sentence(entry) or entry.get("open_condition") or "",
        "landingPage": f"{config.site_root()}/dataset/{quote(entry['name'])}",
        "spatial": vocab.term("division", entry.get("region_code"))["zh"],
        "distribution": [distribution(entry, file) for file in entry.get("resources") or []],
        **stop_of(entry),
    }
    if stops.is_withdrawn(entry):
        said |= {"description": state.sentence(entry), "distribution": []}
    return {name: value for name, value in said.items() if value not in ("", [], None)}


def contact(entry: Entry) -> Entry:
    """Return whom to ask."""
    email = entry.get("contact_email")
    said = {
        "@type": "vcard:Contact",
        "fn": entry.get("contact_name") or (entry.get("organization") or {}).get("title"),
        "hasEmail": f"mailto:{email}" if email else None,
        "hasTelephone": entry.get("contact_phone"),
    }
    return {name: value for name, value in said.items() if value}


def distribution(entry: Entry, file: Entry) -> Entry:
    """Return a file: its page, and the address of its bytes where that answers with them."""
    known = vocab.media_format(file.get("format")) or {}
    said = {
        "@type": "dcat:Distribution",
        "title": file.get("name"),
        "description": file.get("description"),
        "format": file.get("format"),
        "mediaType": file.get("mimetype") or known.get("media_type"),
        "accessURL": f"{config.site_root()}/dataset/{entry['id']}/resource/{file['id']}",
        "downloadURL": dcat_write.open_address(entry, file),
        **stop_of(file),
    }
    if not said["downloadURL"]:
        said["mediaType"] = None  # DCAT-US allows it beside a downloadURL only
    return {name: value for name, value in said.items() if value}


def stop_of(thing: Entry) -> Entry:
    """Return the fields that say what stops a dataset or file; nothing for what is open."""
    if not stops.is_stopped(thing):
        return {}
    names = ("openState", "stoppedSince", "caseNumber")
    return dict(zip(names, (thing[field] for field in stops.FIELDS), strict=True))


# --- sitemap.xml ---------------------------------------------------------------------------------

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
LIMIT = 50_000
"""Addresses that a sitemap may have (sitemaps.org)."""
PARTS = "0123456789abcdef"
"""A catalogue beyond the limit is divided by the digest of its ids."""
PAGES = ("/", "/dataset/", "/organization/", "/nmg/cities", "/nmg/changes", "/nmg/developers", "/about")


@blueprint.route("/sitemap.xml")
def sitemap() -> Response:
    """Tell search engines of the public entries; those that are withdrawn are not among them."""
    part = tk.request.args.get("part")
    query = listed()
    if part in tuple(PARTS):
        digest = sa.func.left(sa.func.md5(sa.literal_column("package.id")), 1)
        return urlset([], query.where(digest == part))
    count = sa.select(sa.func.count()).select_from(query.subquery())
    if (model.Session.scalar(count) or 0) <= LIMIT - len(PAGES):
        return urlset([f"{config.site_root()}{page}" for page in PAGES], query)
    places = (f"{config.site_root()}/sitemap.xml?part={one}" for one in PARTS)
    body = "".join(f"<sitemap><loc>{place}</loc></sitemap>\n" for place in places)
    return xml(f'<sitemapindex xmlns="{NAMESPACE}">\n{body}</sitemapindex>\n')


def listed() -> sa.Select[Any]:
    """Return the query for name and last change of the entries of the sitemap."""
    package: Any = model.Package
    query = public_entries().where(~is_withdrawn(package.id)).order_by(package.name)
    return query.with_only_columns(package.name, package.metadata_modified)


def urlset(pages: list[str], query: sa.Select[Any]) -> Response:
    """Return a sitemap of these pages and entries, the departments along with the pages."""
    lines = [f"<url><loc>{page}</loc></url>\n" for page in pages]
    if pages:
        names = model.Session.scalars(
            orgs.active().with_only_columns(orgs.GROUP.name).order_by(orgs.GROUP.name)
        )
        lines += [
            f"<url><loc>{config.site_root()}/organization/{quote(name)}</loc></url>\n" for name in names
        ]
    for name, changed in model.Session.execute(query):
        place = escape(f"{config.site_root()}/dataset/{quote(name)}")
        lines.append(f"<url><loc>{place}</loc><lastmod>{changed:%Y-%m-%dT%H:%M:%SZ}</lastmod></url>\n")
    return xml(f'<urlset xmlns="{NAMESPACE}">\n{"".join(lines)}</urlset>\n')


def xml(body: str) -> Response:
    """Return an XML document."""
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', mimetype="application/xml")
