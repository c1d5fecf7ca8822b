"""Public pages of plans: promise against fact by year, level and organisation; files, feeds, following."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.pagination import Page
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, redirect, send_file, stream_with_context

from .. import config, vocab
from ..kernel import clock, orgs
from ..kernel.evidence import files
from ..kernel.gate.doors import asking
from ..reader import context, need_login
from . import counts, dcat, exports, feed, present, query
from .counts import Scope, Tally
from .logic import auth
from .model import Plan

_ = tk._
blueprint = Blueprint("nmgdata_plan", __name__)
PER_PAGE, OVERDUE, NEWS = 50, 20, 10
ASKED = ("item", "state", "month", "theme", "open_class", "ground", "q")


def missing() -> Any:
    """Answer that there is no such plan."""
    return tk.abort(404, _("Plan not found"))


# --- a year --------------------------------------------------------------------------------------


@blueprint.route("/nmg/plans")
def index() -> Any:
    """Lead to the newest year that has a plan."""
    years = query.years()
    if years:
        now = clock.today().year
        return redirect(tk.url_for("nmgdata_plan.year", year=now if now in years else years[0]))
    return tk.render("nmgdata/plan/none.html", {"may_draft": asking().has_desk})


@blueprint.route("/nmg/plans/<int:year>")
def year(year: int) -> Any:
    """Show a year: what was promised and what was kept, of the whole portal or of one league-city."""
    values = of_year(year, OVERDUE)
    return tk.render("nmgdata/plan/year.html", values) if values else missing()


@blueprint.route("/nmg/plans/<int:year>.print")
def year_printed(year: int) -> Any:
    """Show a year as it is printed: with all that is overdue."""
    values = of_year(year, None)
    return tk.render("nmgdata/plan/year_print.html", values) if values else missing()


def of_year(year: int, overdue: int | None) -> dict[str, Any] | None:
    """Return what the page of a year shows, or None where there is no such year or place.

    :param overdue: number of overdue items to show, by default all
    """
    years, region = query.years(), asked_region()
    if year not in years or region is None:
        return None
    scope = Scope(year, region)
    counted = counts.of(scope)
    found = query.plans(*scope.conditions(), *shown_plans(region))
    return {
        "year": year,
        "years": years,
        "region": region,
        "counts": counted,
        "cities": by_city(scope, counted) if region == orgs.REGION else [],
        "lines": [(line, counted.plans.get(line.plan.id, Tally())) for line in found],
        "overdue": query.overdue(scope, overdue),
        "news": query.happenings(scope, NEWS),
        "said": present.happened,
        "may_draft": asking().has_desk,
        "today": clock.today(),
    }


def asked_region() -> str | None:
    """Return the division that is asked for, by default the portal's own; None for one elsewhere."""
    region = tk.request.args.get("region") or config.region()
    known = region in vocab.terms("division") and vocab.lies_within(region, config.region())
    return region if known else None


def shown_plans(region: str) -> list[Any]:
    """Return the condition on the plans that a year's page lists: of the region its own and the cities'.

    Those of a league-city's departments are on the city's page; all together they are some hundreds.
    """
    if region != orgs.REGION:
        return []
    return [sa.or_(Plan.level != "department", Plan.region_code == orgs.REGION)]


def by_city(scope: Scope, counted: counts.Counts) -> list[tuple[str, Tally]]:
    """Return the counts of the region's own level and of each league-city with plans."""
    found: dict[str, Tally] = defaultdict(Tally)
    places = sa.select(Plan.id, Plan.region_code).where(*scope.conditions())
    for plan_id, region_code in model.Session.execute(places):
        for state, count in counted.plans.get(plan_id, Tally()).by_state.items():
            found[vocab.city_of(region_code) or orgs.REGION].by_state[state] += count
    return sorted(found.items())


@blueprint.route("/nmg/plans/<int:year>.<kind>")
def year_file(year: int, kind: str) -> Any:
    """Give the plans of a year to programs and spreadsheets."""
    region = asked_region()
    if kind not in exports.WRITERS or year not in query.years() or region is None:
        return missing()
    return file(Scope(year, region), kind, f"plans-{year}-{region}")


def file(scope: Scope, kind: str, name: str) -> Response:
    """Return a file that is written while it is sent."""
    tk.request.environ["__no_cache__"] = True
    media, writer = exports.WRITERS[kind]
    answer = Response(stream_with_context(writer(scope)), content_type=media)
    if kind != "json":
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer


# --- a plan --------------------------------------------------------------------------------------


def named(year: int, org: str) -> Plan:
    """Return the published plan of an address."""
    plan = query.by_reference(f"{year}/{org}")
    if plan is None or plan.published_at is None:
        return missing()
    return plan


@blueprint.route("/nmg/plans/<int:year>/<org>")
def read(year: int, org: str) -> Any:
    """Show a plan: its texts, its items, month by month; an authority's with those that belong to it."""
    plan = query.by_reference(f"{year}/{org}")
    if plan is not None and plan.published_at is None and auth.may_read_draft(asking(), plan):
        return redirect(tk.url_for("nmgdata_plan_work.desk", year=year, org=org))
    if plan is None or plan.published_at is None:
        return missing()
    asked = {name: tk.request.args[name] for name in ASKED if tk.request.args.get(name)}
    wanted = query.Filter(**asked, key=bool(tk.request.args.get("key")))
    number, total = max(tk.h.get_page_number(tk.request.args), 1), query.count(plan.id, wanted)
    rows = query.of_plan(plan.id, wanted, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    values = {
        **about(plan),
        "items": present.items(rows),
        "asked": {**asked, "key": tk.request.args.get("key", "")},
        "page": Page(rows, page=number, item_count=total, items_per_page=PER_PAGE, presliced_list=True),
        "total": total,
        "months": [f"{month.end:%Y-%m}" for month in about_counts(plan).months if month.due.total],
        "children": children(plan),
        "news": query.happenings(None, NEWS, Plan.id == plan.id),
        "said": present.happened,
        "following": following(plan),
        "may_draft": auth.may_draft(asking(), plan.org_id),
    }
    return tk.render("nmgdata/plan/plan.html", values)


def about_counts(plan: Plan) -> counts.Counts:
    """Return the counts of one plan."""
    return counts.of(Scope(plan.year, plan.region_code, plan.id))


def about(plan: Plan) -> dict[str, Any]:
    """Return what every page of a plan shows."""
    line = query.plans(Plan.id == plan.id)[0]
    shown = present.show(plan, drafts=False)
    return {
        "plan": shown, "line": line, "counts": about_counts(plan), "org": line.org_name, "year": plan.year,
        "today": clock.today(),
    }  # fmt: skip


def children(plan: Plan) -> list[tuple[query.Line, Tally]]:
    """Return the published plans that belong to an authority's, with their counts."""
    if plan.level == "department":
        return []
    counted = counts.of(Scope(plan.year, plan.region_code))
    found = query.plans(Plan.parent_id == plan.id, Plan.published_at.is_not(None))
    return [(line, counted.plans.get(line.plan.id, Tally())) for line in found]


def following(plan: Plan) -> bool | None:
    """Say whether the reader follows a plan; None without a login."""
    if not tk.current_user.is_authenticated or model.Group.get(plan.id) is None:
        return None
    return tk.get_action("am_following_group")(context(), {"id": plan.id})


@blueprint.route("/nmg/plans/<int:year>/<org>/versions")
def versions(year: int, org: str) -> Any:
    """Show the versions of a plan, each with what it changes and why (DC-38)."""
    return tk.render("nmgdata/plan/versions.html", about(named(year, org)))


@blueprint.route("/nmg/plans/<int:year>/<org>/print")
def printed(year: int, org: str) -> Any:
    """Show a plan as it is printed: all of it on one page."""
    plan = named(year, org)
    values = {**about(plan), "items": present.items(query.of_plan(plan.id, query.Filter()))}
    return tk.render("nmgdata/plan/print.html", values)


@blueprint.route("/nmg/plans/<int:year>/<org>/items.<kind>")
def plan_file(year: int, org: str, kind: str) -> Any:
    """Give the items of a plan to programs and spreadsheets."""
    plan = named(year, org)
    if kind not in exports.WRITERS:
        return missing()
    return file(Scope(plan.year, plan.region_code, plan.id), kind, f"plan-{year}-{org}")


@blueprint.route("/nmg/plans/<int:year>/<org>/plan.<kind>")
def plan_rdf(year: int, org: str, kind: str) -> Any:
    """Give a plan as DCAT: a series of the datasets that it opens."""
    plan = named(year, org)
    if kind not in dcat.FORMATS:
        return missing()
    media, serialisation = dcat.FORMATS[kind]
    return Response(dcat.serialised(plan, serialisation), content_type=media)


@blueprint.route("/nmg/plans/<int:year>/<org>/files/<file_id>")
def attached_file(year: int, org: str, file_id: str) -> Any:
    """Hand out a file of a published plan, always as a download."""
    plan = named(year, org)
    row = next((e for e in files.of_case(plan.case_id) if e.id == file_id and e.scan != "infected"), None)
    if row is None:
        return tk.abort(404, _("This file is not available."))
    data = io.BytesIO(files.content(row))
    answer = send_file(data, mimetype=row.media_type, as_attachment=True, download_name=row.name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


# --- news ----------------------------------------------------------------------------------------


@blueprint.route("/nmg/plans/feed.atom")
def all_news() -> Response:
    """Give what is new in all plans as an Atom feed."""
    return atom(None)


@blueprint.route("/nmg/plans/<int:year>/<org>/feed.atom")
def plan_news(year: int, org: str) -> Response:
    """Give what is new in a plan as an Atom feed."""
    return atom(named(year, org))


def atom(plan: Plan | None) -> Response:
    """Return a feed."""
    return Response(feed.written(plan), content_type="application/atom+xml; charset=utf-8")


@blueprint.route("/nmg/plans/<int:year>/<org>/follow", methods=["POST"])
def follow(year: int, org: str) -> Any:
    """Follow a plan, or no longer: news of it come by mail."""
    if answer := need_login():
        return answer
    plan = named(year, org)
    wanted = bool(tk.request.form.get("wanted"))
    try:
        tk.get_action("follow_group" if wanted else "unfollow_group")(context(), {"id": plan.id})
    except (tk.ValidationError, tk.ObjectNotFound):
        pass  # a second click
    else:
        tk.h.flash_success(_("You follow this plan.") if wanted else _("You no longer follow this plan."))
    return redirect(tk.url_for("nmgdata_plan.read", year=year, org=org))
