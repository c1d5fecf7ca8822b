"""Pages of one harvest: how far it is, what was wrong, what a held one would remove, the log."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, redirect, stream_with_context

from ..kernel.cells import harmless
from ..kernel.gate.doors import RESTRICTED_CACHE, asking
from ..reader import need_login
from . import presenters, query, vanish, words
from .logic import auth
from .model import Job, JobState, Problem, Source
from .views import PAGE, clean, done, found, line, pager

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
blueprint = Blueprint("nmgdata_harvest_jobs", __name__)
BASE = "/nmg/sources/<name>/jobs/<job_id>"
BATCH = 1000
COLUMNS = (N_("Page"), N_("Place"), N_("Code"), N_("Meaning"), N_("Detail"), N_("Refused"))
"""Of the log."""


def job_of(name: str, job_id: str) -> tuple[Source, Job]:
    """Return the source and job of a page."""
    source, job = found(name), query.job(job_id)
    if job is None or job.source_id != source.id:
        tk.abort(404, _("Harvest not found"))
    return source, job


@blueprint.route(BASE)
def read(name: str, job_id: str) -> Any:
    """Show a harvest: how far it is, what was wrong, and of a held one what it would remove."""
    if answer := need_login():
        return answer
    source, one = job_of(name, job_id)
    code, q = tk.request.args.get("code", ""), tk.request.args.get("q", "").strip()
    asked = query.problems(one.id, clean(code), clean(q))
    page = pager(query.count(asked))
    rows = model.Session.scalars(asked.limit(PAGE).offset((page["page"] - 1) * PAGE))
    values = {
        **progress_of(source, one),
        "by_code": [(slug, words.sentence(slug), n) for slug, _refused, n in query.problem_counts(one.id)],
        "problems": [presenters.problem(row) for row in rows], "page": page, "code": code, "q": q,
        "gone": vanish.listed(one.id) if one.state == JobState.HELD else [],
        "may_manage": auth.may_manage(asking(), source.region_code),
    }  # fmt: skip
    return tk.render("nmgdata/harvest/job.html", values)


@blueprint.route(f"{BASE}/progress")
def progress(name: str, job_id: str) -> Any:
    """Give the part of a page that shows how far a harvest is, for its script."""
    if answer := need_login():
        return answer
    answer = Response(tk.render("nmgdata/harvest/progress.html", progress_of(*job_of(name, job_id))))
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer


def progress_of(source: Source, one: Job) -> dict[str, Any]:
    """Return what shows how far a harvest is."""
    return {"source": line(source, None), "job": presenters.job(one), "outcomes": words.OUTCOMES}


@blueprint.route(f"{BASE}/confirm", methods=["POST"])
def confirm(name: str, job_id: str) -> Any:
    """Let what a held harvest did not find vanish."""
    return decided(
        name,
        job_id,
        "nmgdata_harvest_job_confirm",
        _("Confirmed: what is missing is archived after the grace."),
    )


@blueprint.route(f"{BASE}/cancel", methods=["POST"])
def cancel(name: str, job_id: str) -> Any:
    """Cancel a harvest, or refuse a held one."""
    return decided(name, job_id, "nmgdata_harvest_job_cancel", _("Cancelled: nothing is removed."))


def decided(name: str, job_id: str, action: str, said: str) -> Any:
    """Decide about a harvest and show it again."""
    if answer := need_login():
        return answer
    _source, one = job_of(name, job_id)
    done(action, said, id=one.id)
    return redirect(tk.url_for("nmgdata_harvest_jobs.read", name=name, job_id=job_id))


@blueprint.route(f"{BASE}.csv")
def log(name: str, job_id: str) -> Any:
    """Give the problems of a harvest as a table, written while it is read."""
    if answer := need_login():
        return answer
    _source, one = job_of(name, job_id)
    answer = Response(stream_with_context(log_lines(one.id)), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{one.queued_at:%Y%m%d-%H%M}.csv"'
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer


def log_lines(job_id: str) -> Iterator[str]:
    """Yield the problems of a job as CSV; no cell is taken for a formula."""
    yield "\ufeff" + as_csv([_(column) for column in COLUMNS])
    columns = (Problem.id, Problem.page, Problem.place, Problem.code, Problem.detail, Problem.is_refused)
    asked, last = query.problems(job_id).with_only_columns(*columns).limit(BATCH), 0
    while rows := model.Session.execute(asked.where(Problem.id > last)).all():
        for last, page, place, code, detail, is_refused in rows:  # noqa: B007 (where the next batch begins)
            refused = _("yes") if is_refused else _("no")
            yield as_csv([page, place, code, words.sentence(code), detail, refused])


def as_csv(cells: list[Any]) -> str:
    """Return one line."""
    out = io.StringIO()
    csv.writer(out).writerow([harmless(cell) for cell in cells])
    return out.getvalue()
