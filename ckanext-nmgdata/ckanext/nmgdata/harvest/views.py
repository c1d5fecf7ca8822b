"""Pages of those who look after the harvest: the twelve cities, a source, its check, its harvests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, redirect

from .. import config, shapes, vocab
from ..kernel import orgs
from ..kernel.actors import Actor, Role
from ..kernel.gate.doors import asking
from ..kernel.types import Conflict
from ..reader import context, need_login
from . import presenters, query, sources
from .logic import auth, schema
from .model import Job, Source
from .remote.cities import cities
from .remote.formats import Format
from .remote.spec import Limits

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
blueprint = Blueprint("nmgdata_harvest", __name__)
BASE = "/nmg/sources"
PAGE = 50
TABLES = ("organisations", "classes")
LISTS = ("allowed_hosts", "private_networks")
FORMATS = {
    Format.AUTO: N_("As the answers say"),
    Format.RDF_XML: N_("DCAT in RDF/XML"),
    Format.TURTLE: N_("DCAT in Turtle"),
    Format.JSON_LD: N_("DCAT in JSON-LD"),
    Format.N_TRIPLES: N_("DCAT in N-Triples"),
    Format.DATA_JSON: N_("data.json (DCAT-US)"),
}


def reader() -> Actor:
    """Return who reads; who oversees no region and does not run the portal is refused."""
    actor = asking()
    if not auth.regions_of(actor):
        tk.abort(403, _("You have no right to do this."))
    return actor


def found(name: str) -> Source:
    """Return the source of a page for who may read it; for others there is none."""
    actor, source = reader(), query.source(name)
    if source is None or not auth.may_read(actor, source.region_code):
        tk.abort(404, _("Source not found"))
    return source


def job_of(name: str, job_id: str) -> tuple[Source, Job]:
    """Return the source and job of a page."""
    source, job = found(name), query.job(job_id)
    if job is None or job.source_id != source.id:
        tk.abort(404, _("Harvest not found"))
    return source, job


def done(action: str, said: str, **stated: Any) -> bool:
    """Do something for a page, and say that it is done or why not."""
    try:
        tk.get_action(action)(context(), stated)
    except Conflict as conflict:
        tk.h.flash_error(conflict.message)
    except tk.ValidationError as invalid:
        tk.h.flash_error(tk.h.nmgdata_first_error(invalid.error_dict))
    except tk.NotAuthorized:
        tk.abort(403, _("You have no right to do this."))
    else:
        tk.h.flash_success(said)
        return True
    return False


def pager(count: int) -> dict[str, int]:
    """Return which page of a list is asked for, and how many there are."""
    last = max(1, -(-count // PAGE))
    return {
        "page": min(max(1, tk.h.get_page_number(tk.request.args)), last),
        "page_count": last,
        "count": count,
    }


def to_source(name: str) -> Any:
    """Lead to the page of a source."""
    return redirect(tk.url_for("nmgdata_harvest.read", name=name))


# --- all sources ---------------------------------------------------------------------------------


@blueprint.route(BASE)
def index() -> Any:
    """Show the twelve cities with the state of their connections, and banners by exception."""
    if answer := need_login():
        return answer
    actor = reader()
    regions, last = auth.regions_of(actor), query.concluded()
    shown = [line(one, last.get(one.id)) for one in query.sources(regions)]
    here = [
        {"code": code, "name": city.name, "authority": city.authority, "mine": auth.may_manage(actor, code),
         "sources": [one for one in shown if one["region_code"] == code]}
        for code, city in cities().items()
        if vocab.lies_within(code, config.region()) and auth.may_read(actor, code)
    ]  # fmt: skip
    listed = {code["code"] for code in here}
    values = {
        "cities": here,
        "others": [one for one in shown if one["region_code"] not in listed],
        "may_connect": any(city["mine"] for city in here) or actor.operates,
    }
    return tk.render("nmgdata/harvest/sources.html", values)


def line(one: Source, last: Job | None) -> dict[str, Any]:
    """Return a source as a line of the list."""
    shown = presenters.source(one, last)
    return {**shown, "style": presenters.CONNECTIONS[shown["connection"]["state"]][1]}


# --- the form ------------------------------------------------------------------------------------


@blueprint.route(f"{BASE}/new", methods=["GET", "POST"])
def new() -> Any:
    """Connect a source."""
    if answer := need_login():
        return answer
    actor, wanted = reader(), tk.request.args.get("region", "")
    data: dict[str, Any] = as_typed({**DEFAULTS, **sources.begun(wanted)}) if wanted else dict(DEFAULTS)
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        data = sent()
        made, errors = saved("nmgdata_source_create", stated(data), schema.NEEDED)
        if made:
            tk.h.flash_success(_("The source is connected. Check it before its first harvest."))
            return to_source(made["name"])
    return form(actor, data, errors, None)


@blueprint.route(f"{BASE}/<name>/edit", methods=["GET", "POST"])
def edit(name: str) -> Any:
    """Change a source."""
    if answer := need_login():
        return answer
    source, actor = found(name), asking()
    if not auth.may_manage(actor, source.region_code):
        tk.abort(403, _("You have no right to do this."))
    data, errors = as_typed(presenters.source(source)), {}
    if tk.request.method == "POST":
        data = sent()
        made, errors = saved("nmgdata_source_update", {**stated(data), "id": source.id})
        if made:
            tk.h.flash_success(_("Saved."))
            return to_source(made["name"])
    return form(actor, data, errors, name)


def saved(action: str, fields: dict[str, Any], needed: tuple[str, ...] = ()) -> tuple[Any, dict[str, Any]]:
    """Save a source for a form; return it, or what is wrong, of all fields at once."""
    try:
        schema.judged(fields, needed)
        return tk.get_action(action)(context(), fields), {}
    except tk.ValidationError as invalid:
        return None, dict(invalid.error_dict)
    except tk.NotAuthorized:
        return None, {"region_code": [_("You do not look after this region.")]}


DECIDERS = {"origin": N_("On the city’s portal"), "here": N_("In this portal, by the city’s departments")}
"""Where conditional data of a city are applied for."""
DEFAULTS = {
    "format": "auto",
    "applications": "origin",
    "every_hours": 24,
    "grace_days": 7,
    "guard_percent": 10,
    "guard_number": 100,
}


def form(actor: Actor, data: dict[str, Any], errors: dict[str, Any], name: str | None) -> str:
    """Render the form with what was typed."""
    here = config.region()
    known = [code for code in vocab.terms("division") if code != here and vocab.lies_within(code, here)]
    usual, limits = Limits(), []
    for limit, (label, unit, smallest, largest) in schema.LIMITS.items():
        usually = round(getattr(usual, limit) / unit)
        limits.append((limit, _(label), _("{smallest} to {largest}; usually {usually}").format(
            smallest=smallest, largest=largest, usually=usually)))  # fmt: skip
    values = {
        "data": data, "errors": errors, "name": name, "limits": limits,
        "regions": [{"value": code, "label": " › ".join(vocab.place_path(code)[-2:])}
                    for code in known if auth.may_manage(actor, code)],
        "formats": [{"value": slug, "label": _(label)} for slug, label in FORMATS.items()],
        "organisations": [{"value": org, "label": title} for org, title in owners(data)],
        "classes": vocab.choices("open_class"),
        "deciders": [{"value": slug, "label": _(label)} for slug, label in DECIDERS.items()],
        "operates": actor.operates,
        "classifies": bool(actor.regions(Role.AUTHORITY)),
        "excepts": actor.covers(Role.AUTHORITY, None),
    }  # fmt: skip
    return tk.render("nmgdata/harvest/form.html", values)


def owners(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the organisations that may own what no other is found for."""
    region = data.get("region_code")
    query_ = orgs.active().with_only_columns(
        orgs.GROUP.id, sa.func.coalesce(sa.func.nullif(orgs.GROUP.title, ""), orgs.GROUP.name)
    )
    if region:
        query_ = query_.where(orgs.within(orgs.REGION_CODE, [region]))
    return [(row[0], row[1]) for row in model.Session.execute(query_.order_by(sa.text("2")))]


def sent() -> dict[str, Any]:
    """Return what the form has sent."""
    return {field: value for field, value in tk.request.form.items() if field != "_csrf_token"}


def stated(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a form states, as the action takes it."""
    fields = {field: data[field] for field in schema.FIELDS if field in data}
    typed = {limit: data.get(f"limits-{limit}", "") for limit in schema.LIMITS}
    fields["limits"] = {
        limit: int(value) * schema.LIMITS[limit][1] if shapes.is_number(value) and value else value
        for limit, value in typed.items()
    }
    return fields


def as_typed(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a source as somebody would type it into the form."""
    data = dict(shown)
    owner = data.get("owner_org")
    data["owner_org"] = owner["id"] if isinstance(owner, dict) else owner
    known = presenters.organisations((data.get("organisations") or {}).values())
    for field in TABLES:
        pairs = (data.get(field) or {}).items()
        lines = (f"{key} = {known[value]['name'] if value in known else value}" for key, value in pairs)
        data[field] = "\n".join(lines)
    for field in LISTS:
        data[field] = "\n".join(data.get(field) or ())
    for limit, value in (data.get("limits") or {}).items():
        data[f"limits-{limit}"] = (
            str(round(value / schema.LIMITS[limit][1])) if limit in schema.LIMITS else ""
        )
    return data


# --- one source ----------------------------------------------------------------------------------


@blueprint.route(f"{BASE}/<name>")
def read(name: str) -> Any:
    """Show a source: how it is, what to do, its harvests."""
    if answer := need_login():
        return answer
    return source_page(found(name))


def source_page(source: Source, **more: Any) -> str:
    """Render the page of a source."""
    page = pager(query.count_jobs(source.id))
    rows = query.jobs(source.id, PAGE, (page["page"] - 1) * PAGE)
    running = query.open_job(source.id)
    values = {
        "source": line(source, query.concluded().get(source.id)),
        "records": query.record_counts(source.id),
        "jobs": [presenters.job(one) for one in rows],
        "page": page,
        "open_job": presenters.job(running) if running else None,
        "may_manage": auth.may_manage(asking(), source.region_code),
        "formats": {slug: _(label) for slug, label in FORMATS.items()},
        "report": None,
        **more,
    }
    return tk.render("nmgdata/harvest/source.html", values)


@blueprint.route(f"{BASE}/<name>/check", methods=["POST"])
def check(name: str) -> Any:
    """Check a source and show the report on its page."""
    if answer := need_login():
        return answer
    source = found(name)
    try:
        report = tk.get_action("nmgdata_source_check")(context(), {"id": source.id})
    except Conflict as conflict:
        tk.h.flash_error(conflict.message)
        return to_source(name)
    except tk.NotAuthorized:
        return tk.abort(403, _("You have no right to do this."))
    return source_page(found(name), report=report)


@blueprint.route(f"{BASE}/<name>/run", methods=["POST"])
def run(name: str) -> Any:
    """Harvest a source now."""
    if answer := need_login():
        return answer
    source = found(name)
    done("nmgdata_harvest_run", _("The harvest begins as soon as a worker is free."), source_id=source.id)
    return to_source(name)


@blueprint.route(f"{BASE}/<name>/state", methods=["POST"])
def state(name: str) -> Any:
    """Pause or resume a source."""
    if answer := need_login():
        return answer
    source, wanted = found(name), tk.request.form.get("state", "")
    said = (
        _("The source is paused.") if wanted == "paused" else _("The source is harvested on schedule again.")
    )
    done("nmgdata_source_update", said, id=source.id, state=wanted)
    return to_source(name)


@blueprint.route(f"{BASE}/<name>/delete", methods=["POST"])
def delete(name: str) -> Any:
    """Delete a source of which nothing was loaded."""
    if answer := need_login():
        return answer
    source = found(name)
    if done("nmgdata_source_delete", _("The source is deleted."), id=source.id):
        return redirect(tk.url_for("nmgdata_harvest.index"))
    return to_source(name)


@blueprint.route(f"{BASE}/<name>/records")
def records(name: str) -> Any:
    """Show the records of a source, by state."""
    if answer := need_login():
        return answer
    source = found(name)
    state, q = tk.request.args.get("state", "here"), tk.request.args.get("q", "").strip()
    state = state if state in query.RECORD_STATES else "here"
    asked = query.records(source.id, state, clean(q))
    page = pager(query.count(asked))
    rows = model.Session.execute(asked.limit(PAGE).offset((page["page"] - 1) * PAGE))
    values = {
        "source": line(source, None), "counts": query.record_counts(source.id), "state": state, "q": q,
        "states": STATES, "records": [presenters.record(row) for row in rows], "page": page,
    }  # fmt: skip
    return tk.render("nmgdata/harvest/records.html", values)


STATES = {
    "here": N_("In the catalogue"),
    "incomplete": N_("Incomplete"),
    "vanished": N_("Vanished, in the grace"),
    "archived": N_("Archived"),
    "waiting": N_("Not loaded yet"),
}
"""Names of ``query.RECORD_STATES``."""


def clean(text: str) -> str:
    """Return words to search for that the database takes."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()
