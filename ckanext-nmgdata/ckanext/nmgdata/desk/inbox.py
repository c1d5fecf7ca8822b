"""The inbox (办件中心): boxes, filters and pages; hand over, hand out, urge, count. No script is needed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from ckan import model
from ckan.plugins import toolkit as tk
from flask import redirect, send_file

from .. import config, vocab
from ..kernel import clock, orgs
from ..kernel.actors import Actor, Role
from ..kernel.gate.doors import asking
from ..kernel.workflow import boxes
from ..kernel.workflow import machine as machines
from ..kernel.workflow import statistics as numbers
from ..reader import need_login
from . import chores
from . import export as sheets
from .case_page import colleagues, done
from .logic import office, schema

_ = tk._
PAGE = 50
FILTERS = (
    "kind", "status", "org", "region", "dataset", "received_from", "received_to", "assigned", "q", "sort",
)  # fmt: skip


def officer() -> Actor:
    """Return who reads the inbox, which is for those who decide."""
    actor = asking()
    if not actor.orgs(Role.REVIEWER):
        tk.abort(403, _("The inbox is for the reviewers of departments and the authority."))
    return actor


def asked() -> dict[str, str]:
    """Return what the address says: box, filters, page."""
    names = ("box", *FILTERS, "after")
    return {name: value for name in names if (value := tk.request.args.get(name, "").strip())}


def inbox() -> Any:
    """Show one box of the reader's office, and what else waits for it; an editor has no boxes."""
    if answer := need_login():
        return answer
    actor = asking()
    if not actor.has_desk and not actor.oversight:
        tk.abort(403, _("The inbox is for departments and the authority."))
    box = box_of(actor) if actor.orgs(Role.REVIEWER) else {"boxes": []}
    return tk.render("nmgdata/desk/inbox.html", {**box, **chores.of(actor)})


def box_of(actor: Actor) -> dict[str, Any]:
    """Return the values of the box that the address names."""
    wanted, errors, rows = asked(), {}, []
    if wanted.get("box") not in boxes.offered(actor):
        wanted["box"] = "waiting"
    try:
        rows = tk.get_action("nmgdata_case_list")({}, {**wanted, "limit": PAGE + 1})
    except tk.ValidationError as invalid:
        errors = invalid.error_dict
    return {
        "boxes": [(name, boxes.BOXES[name]) for name in boxes.offered(actor)],
        "counts": boxes.counts(actor),
        "many": boxes.MANY,
        "asked": wanted,
        "errors": errors,
        "cases": rows[:PAGE],
        "address": address,
        "next": address(wanted, after=rows[PAGE - 1]["cursor"]) if len(rows) > PAGE else None,
        "filtered": any(wanted.get(name) for name in FILTERS),
        "choices": choices(actor, wanted),
        "colleagues": colleagues(actor),
        "is_authority": bool(actor.regions(Role.AUTHORITY)),
    }


def address(wanted: dict[str, str], route: str = "inbox", **changed: str) -> str:
    """Return the address of a list with some of what was asked for changed; a change begins at its start."""
    kept = {name: value for name, value in {**wanted, "after": "", **changed}.items() if value}
    form = {"form": kept.pop("form")} if route == "export" else {}
    path = tk.url_for(f"nmgdata_desk.{route}", **form)
    return f"{path}?{urlencode(kept)}" if kept else path


# --- what can be chosen --------------------------------------------------------------------------


def choices(actor: Actor, wanted: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return what the filters offer a reader."""
    known = [m for m in machines.registered() if wanted.get("kind") in (None, m.kind)]
    kinds = {m.kind: _(m.label) for m in machines.registered()}
    states: dict[str, list[str]] = {}
    for state in (state for machine in known for state in machine.states):
        said = states.setdefault(state.name, [])
        if _(state.label) not in said:
            said.append(_(state.label))
    return {
        "kind": pairs(kinds),
        "status": pairs({name: " / ".join(said) for name, said in states.items()}),
        "org": departments(actor),
        "region": divisions(actor),
        "assigned": [
            *pairs({boxes.ME: _("Me"), boxes.NOBODY: _("Nobody")}),
            *({"value": c["name"], "label": c["display_name"]} for c in colleagues(actor)),
        ],
        "sort": pairs({name: _(label) for name, label in boxes.SORTS.items()}),
    }


def pairs(labels: dict[str, str]) -> list[dict[str, str]]:
    """Return choices of a select."""
    return [{"value": value, "label": label} for value, label in labels.items()]


def departments(actor: Actor) -> list[dict[str, str]]:
    """Return the departments whose cases a reader sees."""
    regions, mine = actor.regions(Role.AUTHORITY), actor.orgs(Role.REVIEWER)
    query = orgs.active().with_only_columns(
        orgs.GROUP.id, orgs.GROUP.name, orgs.GROUP.title, orgs.REGION_CODE
    )
    found = [
        (title or name, name)
        for org_id, name, title, region in model.Session.execute(query)
        if org_id in mine or not regions.isdisjoint(orgs.above(region))
    ]
    return [{"value": name, "label": title} for title, name in sorted(found)]


def divisions(actor: Actor) -> list[dict[str, str]]:
    """Return the divisions that an authority looks after; a department has its own only."""
    regions = actor.regions(Role.AUTHORITY)
    codes = [
        code for code in vocab.terms("division")
        if vocab.lies_within(code, config.region()) and not regions.isdisjoint(orgs.above(code))
    ]  # fmt: skip
    return [{"value": code, "label": " › ".join(vocab.place_path(code)[-2:])} for code in codes]


# --- acts ----------------------------------------------------------------------------------------


def assign() -> Any:
    """Assign the chosen cases to a colleague, and go back to the list."""
    if answer := need_login():
        return answer
    form = tk.request.form
    stated = {"ids": form.getlist("ids"), "assignee": form.get("assignee", "")}
    done("nmgdata_case_assign", stated, _("Assigned."))
    wanted = {name: value for name in ("box", *FILTERS) if (value := form.get(f"at_{name}", ""))}
    return redirect(address(wanted))


def export(form: str) -> Any:
    """Hand out the list as it is filtered."""
    if answer := need_login():
        return answer
    actor = officer()
    if form not in sheets.WRITERS:
        tk.abort(404)
    wanted, errors = tk.navl_validate(asked(), schema.case_list(), {"session": model.Session})
    if errors or wanted["box"] not in boxes.offered(actor):
        return redirect(address(asked()))
    sort = office.order_of(wanted)
    file, media = sheets.write(actor, wanted["box"], office.filter_of(wanted), sort, form)
    name = f"{wanted['box']}-{clock.today():%Y%m%d}.{form}"
    return send_file(file, mimetype=media, as_attachment=True, download_name=name, max_age=0)


def statistics() -> Any:
    """Show the numbers of a department, or of all that the reader looks after."""
    if answer := need_login():
        return answer
    actor, org = officer(), tk.request.args.get("org", "").strip()
    since = tk.request.args.get("since", "").strip()
    try:
        rows = tk.get_action("nmgdata_case_statistics")({}, {"org_id": org, "since": since})
    except tk.ValidationError:
        return redirect(tk.url_for("nmgdata_desk.statistics"))
    except tk.NotAuthorized:
        return tk.abort(403, _("You have no right to do this."))
    labels = {m.kind: _(m.label) for m in machines.registered()}
    states = {(m.kind, state.name): _(state.label) for m in machines.registered() for state in m.states}
    for row in rows:
        row["kind_label"] = labels[row["kind"]]
        row["outcome_labels"] = [
            (states.get((row["kind"], name), name), count) for name, count in sorted(row["outcomes"].items())
        ]
    values = {
        "rows": rows, "org": org, "departments": departments(actor), "months": numbers.MONTHS,
        "since": since or numbers.months_back(clock.today(), numbers.MONTHS).isoformat(),
    }  # fmt: skip
    return tk.render("nmgdata/desk/statistics.html", values)
