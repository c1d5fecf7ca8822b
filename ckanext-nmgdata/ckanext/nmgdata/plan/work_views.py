"""Pages on which a plan is made: drafted, imported, submitted, brought together, closed."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, redirect

from .. import vocab
from ..kernel import clock, openness, orgs
from ..kernel.actors import Role
from ..kernel.deadlines import statutes
from ..kernel.gate.doors import asking
from ..kernel.types import Conflict
from ..kernel.workflow import engine, queries
from ..reader import context, need_login
from . import attachments, items, present, proposals, query, texts, workflow
from .logic import auth, schema
from .model import Item, Plan

_ = tk._
blueprint = Blueprint("nmgdata_plan_work", __name__)
BASE = "/nmg/plans/<int:year>/<org>/work"
TEXT_FIELDS = ("title", "description", "key_areas", "legal_basis")
ITEM_FIELDS = (
    "dataset_id", "title", "notes", "theme", "data_form", "update_frequency", "format", "month",
    "open_class", "demand_source", "demand_note", "reason", "end", "replaced_by", "late_reason", "kept_id",
)  # fmt: skip


def opened(year: int, org: str, *, draft: bool = True) -> Plan:
    """Return the plan of an address for those who work on it, or who may read it; others find none."""
    plan, actor = query.by_reference(f"{year}/{org}"), asking()
    if plan is None or not auth.may_read_draft(actor, plan):
        return tk.abort(404, _("Plan not found"))
    if draft and not auth.may_draft(actor, plan.org_id):
        return tk.abort(403, _("You have no right to do this."))
    return plan


def back(year: int, org: str, anchor: str = "") -> Any:
    """Lead back to the desk of a plan."""
    return redirect(tk.url_for("nmgdata_plan_work.desk", year=year, org=org) + anchor)


def tried(work: Any, said: str) -> dict[str, Any]:
    """Do something for a page and say that it is done; return the errors of a form, if there are any."""
    try:
        work()
    except Conflict as conflict:
        tk.h.flash_error(conflict.message)
        return {"status": [conflict.message]}
    except tk.ValidationError as invalid:
        return dict(invalid.error_dict)
    except tk.NotAuthorized as refused:
        tk.abort(403, str(refused))
    tk.h.flash_success(said)
    return {}


def sent(names: tuple[str, ...]) -> dict[str, Any]:
    """Return what a form has sent of these fields."""
    form = tk.request.form
    found: dict[str, Any] = {name: form[name] for name in names if name in form}
    if "has_grounds" in form:
        found["grounds"] = form.getlist("grounds")
    return found


# --- all plans of an office ----------------------------------------------------------------------


@blueprint.route("/nmg/plans/work", methods=["GET", "POST"])
def mine() -> Any:
    """Show the plans of the reader's offices, and begin a new one."""
    if answer := need_login():
        return answer
    actor = asking()
    offices = sorted(actor.orgs(Role.EDITOR) | actor.orgs(Role.REVIEWER))
    data, errors = sent(("org_id", "year", "title", "copy")), {}
    if tk.request.method == "POST":
        made: list[dict[str, Any]] = []
        wanted = {name: value for name, value in data.items() if value}
        create = tk.get_action("nmgdata_plan_create")
        errors = tried(lambda: made.append(create(context(), wanted)), _("The draft is begun."))
        if made:
            if wanted.get("copy"):
                taken = query.count(made[0]["id"], query.Filter(), drafts=True)
                tk.h.flash_notice(_("Taken over from last year: {n} items.").format(n=taken))
            return back(made[0]["year"], made[0]["organisation"]["name"])
    now = clock.today().year
    values = {
        "lines": query.plans(query.visible(actor), Plan.org_id.in_(offices)),
        "overseen": overseen(actor),
        "offices": [{"value": key, "label": orgs.title_of(key)} for key in offices],
        "years": [{"value": str(y), "label": str(y)} for y in (now, now + 1, now - texts.BACK)],
        "data": data or {"year": str(now + (clock.today().month > 10))},
        "errors": errors,
        "label": label_of,
    }
    return tk.render("nmgdata/plan/mine.html", values)


def overseen(actor: Any) -> list[query.Line]:
    """Return the plans that wait for the reader as authority."""
    regions = actor.regions(Role.AUTHORITY)
    if not regions:
        return []
    waiting = ("submitted", "approved", "amending")
    lines = query.plans(orgs.within(Plan.region_code, regions), Plan.closed_at.is_(None))
    return [line for line in lines if line.status in waiting]


def label_of(line: query.Line) -> str:
    """Return where a plan stands, as people read it."""
    return present.brief(line)["status_label"]


# --- the desk of one plan ------------------------------------------------------------------------


@blueprint.route(BASE)
def desk(year: int, org: str) -> Any:
    """Show a plan to those who make it: everything drafted, what to do next."""
    if answer := need_login():
        return answer
    return desk_page(opened(year, org, draft=False), "", {})


def desk_page(plan: Plan, reason: str, errors: dict[str, Any]) -> Any:
    """Render the desk of a plan, with what was typed as reason of an amendment."""
    actor = asking()
    case = queries.by_reference(plan.case_id)
    assert case is not None  # noqa: S101 (the database holds it)
    values = {
        **about(plan),
        "items": present.items(query.of_plan(plan.id, query.Filter(), drafts=True), drafts=True),
        "steps": {step.name for step in engine.possible(case, actor)},
        "mode": items.MODES.get(case.status),
        "may_draft": auth.may_draft(actor, plan.org_id),
        "children": below(plan),
        "returned": workflow.returned_because(case),
        "data": {"reason": reason},
        "errors": errors,
        "proposed": len(proposals.of_plan(plan)) if auth.may_draft(actor, plan.org_id) else 0,
    }
    return tk.render("nmgdata/plan/desk.html", values)


def below(plan: Plan) -> list[query.Line]:
    """Return the departments' plans that belong to an authority's."""
    return [] if plan.level == "department" else query.plans(Plan.parent_id == plan.id)


def about(plan: Plan) -> dict[str, Any]:
    """Return what every page of the desk shows."""
    shown = present.show(plan, drafts=True)
    return {
        "plan": shown, "year": plan.year, "org": shown["organisation"]["name"], "label": label_of,
        "today": clock.today().isoformat(),
    }  # fmt: skip


@blueprint.route(f"{BASE}/texts", methods=["GET", "POST"])
def edit_texts(year: int, org: str) -> Any:
    """Edit the texts of a plan."""
    if answer := need_login():
        return answer
    plan = opened(year, org)
    data: dict[str, Any] = {name: (plan.pending or {}).get(name, getattr(plan, name)) for name in TEXT_FIELDS}
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        data = sent(TEXT_FIELDS)
        errors = tried(lambda: write_texts(plan, data), _("Saved."))
        if not errors:
            return back(year, org)
    return tk.render("nmgdata/plan/texts.html", {**about(plan), "data": data, "errors": errors})


def write_texts(plan: Plan, data: dict[str, Any]) -> None:
    """Change the texts of a plan and the files that belong to it."""
    uploads, gone = tk.request.files.getlist("evidence"), tk.request.form.getlist("drop")
    tk.get_action("nmgdata_plan_update")(context(), {"id": plan.id, **data})
    attachments.change(asking(), plan, uploads, gone)


@blueprint.route(f"{BASE}/submit", methods=["POST"])
def submit(year: int, org: str) -> Any:
    """Submit a plan or an amendment."""
    if answer := need_login():
        return answer
    plan = opened(year, org)
    stated = {"id": plan.id, "reason": tk.request.form.get("reason", "")}
    errors = tried(lambda: tk.get_action("nmgdata_plan_submit")(context(), stated), _("Submitted."))
    return desk_page(plan, stated["reason"], errors) if errors else back(year, org)


# --- items ---------------------------------------------------------------------------------------


@blueprint.route(f"{BASE}/items/new", methods=["GET", "POST"])
def new_item(year: int, org: str) -> Any:
    """Promise an entry of the catalogue, or a future dataset."""
    if answer := need_login():
        return answer
    plan = opened(year, org)
    data, errors = sent(ITEM_FIELDS), {}
    if tk.request.method == "POST":
        stated = {"plan_id": plan.id, **data}
        errors = tried(lambda: tk.get_action("nmgdata_plan_item_create")(context(), stated), _("Added."))
        if not errors:
            return back(year, org, "#items")
    elif wanted := tk.request.args.get("entry"):
        data = begun(plan, wanted)
    values = {**about(plan), "data": data or {"month": "", "grounds": []}, "errors": errors}
    return tk.render("nmgdata/plan/item_new.html", {**values, **choices(plan)})


def begun(plan: Plan, dataset_id: str) -> dict[str, Any]:
    """Return the values with which a proposal begins."""
    found = next((one for one in proposals.of_plan(plan) if one["dataset_id"] == dataset_id), None)
    if found is None:
        return {}
    return {name: found[name] for name in ("dataset_id", "grounds", "demand_source")}


def choices(plan: Plan) -> dict[str, Any]:
    """Return what the fields of an item offer."""
    package: Any = model.Package
    own = (
        model.Session.query(package.id, package.title, package.name)
        .filter(package.owner_org == plan.org_id, package.state == "active", package.type == "dataset")
        .order_by(package.title)
    )
    grounds = statutes.setting("plan_grounds")
    months = [f"{plan.year}-{month:02d}" for month in range(1, 13)]
    return {
        "entries": [{"value": key, "label": title or name} for key, title, name in own],
        "months": [{"value": month, "label": month} for month in months],
        "classes": [c for c in vocab.choices("open_class") if c["value"] in openness.OPENED],
        "all_grounds": [c for c in vocab.choices("plan_ground") if c["value"] in grounds],
        "terms": {name: vocab.choices(name) for name in schema.ENTRY_TERMS},
        "formats": vocab.choices("media_format"),
        "sources": vocab.choices("plan_demand"),
    }


@blueprint.route(f"{BASE}/items/<item_id>", methods=["GET", "POST"])
def one_item(year: int, org: str, item_id: str) -> Any:
    """Change or end an item, say why it is late or what keeps it."""
    if answer := need_login():
        return answer
    plan, item = opened(year, org), query.item(item_id)
    if item is None or item.plan_id != plan.id:
        return tk.abort(404, _("Item not found"))
    doing, data, errors = tk.request.form.get("do", ""), sent(ITEM_FIELDS), {}
    if tk.request.method == "POST":
        action = "nmgdata_plan_item_delete" if doing == "delete" else "nmgdata_plan_item_update"
        if doing == "decline":
            data = {"suggestion": "decline"}
        elif doing == "confirm":
            data = {"kept_id": item.suggested_id}
        stated = {"id": item_id} if doing == "delete" else {"id": item_id, **data}
        errors = tried(lambda: tk.get_action(action)(context(), stated), _("Saved."))
        if not errors:
            return back(year, org, "#items")
    return item_page(plan, item_id, doing, data, errors)


def item_page(plan: Plan, item_id: str, doing: str, data: dict[str, Any], errors: dict[str, Any]) -> Any:
    """Render the page of an item, each of its forms with what was typed into it."""
    item = model.Session.get_one(Item, item_id)
    shown = present.items([item], drafts=True)[0]
    promised = {**shown, **(item.pending or {})}
    promised["month"] = str(promised.get("due_on"))[:7]
    package = model.Package.get(item.suggested_id) if item.suggested_id else None
    case = queries.by_reference(plan.case_id)
    values = {
        **about(plan), **choices(plan), "item": shown, "promised": promised, "doing": doing, "data": data,
        "errors": errors, "suggested": package, "mode": items.MODES.get(case.status if case else ""),
        "others": [
            {"value": other.id, "label": other.title}
            for other in query.of_plan(plan.id, query.Filter(), drafts=True)
            if other.id != item_id and other.ended_on is None
        ],
    }  # fmt: skip
    return tk.render("nmgdata/plan/item.html", values)


@blueprint.route(f"{BASE}/proposals", methods=["GET", "POST"])
def proposed(year: int, org: str) -> Any:
    """Show what could be promised, and promise several at once."""
    if answer := need_login():
        return answer
    plan = opened(year, org)
    found = proposals.of_plan(plan)
    errors: dict[str, Any] = {}
    chosen = tk.request.form.getlist("chosen")
    if tk.request.method == "POST":
        errors = tried(lambda: promise_all(plan, found, chosen), _("Added."))
        if not errors:
            return back(year, org, "#items")
    values = {**about(plan), **choices(plan), "proposals": found, "chosen": chosen, "errors": errors}
    return tk.render("nmgdata/plan/proposals.html", {**values, "data": sent(("month", "open_class"))})


def promise_all(plan: Plan, found: list[dict[str, Any]], chosen: list[str]) -> None:
    """Promise the proposals that were chosen, all by one month."""
    wanted = [one for one in found if one["dataset_id"] in chosen]
    if not wanted:
        raise tk.ValidationError({"chosen": [_("Choose at least one entry.")]})
    stated = sent(("month", "open_class"))
    names = ("dataset_id", "grounds", "demand_source")
    items.add_all(
        asking(), plan, [items.read(plan, {**{n: one[n] for n in names}, **stated}) for one in wanted]
    )
