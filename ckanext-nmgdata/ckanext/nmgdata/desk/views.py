"""Pages of the desk: my cases, the inbox, one case, progress by number and code."""

from __future__ import annotations

import io
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context
from flask import Blueprint, Response, make_response, redirect, send_file

from .. import shapes
from ..kernel.audit import append
from ..kernel.evidence import files as evidence
from ..kernel.gate import answers, holders
from ..kernel.gate.doors import RESTRICTED_CACHE, asking, judge, refusal_page
from ..kernel.types import Conflict
from ..kernel.unit import begin
from ..kernel.workflow import engine, queries
from ..kernel.workflow import machine as machines
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import may_reveal
from ..kernel.workflow.presenters import of_case as presenter
from ..reader import need_login
from . import audit_page, case_page, dictize, inbox, told, undelivered
from .attaching import attach
from .case_page import page

_ = tk._
blueprint = Blueprint("nmgdata_desk", __name__)
blueprint.add_url_rule("/nmg/audit", view_func=audit_page.audit)
blueprint.add_url_rule("/nmg/undelivered", view_func=undelivered.undelivered)
blueprint.add_url_rule("/nmg/inbox", view_func=inbox.inbox)
blueprint.add_url_rule("/nmg/inbox/assign", view_func=inbox.assign, methods=["POST"])
blueprint.add_url_rule("/nmg/inbox/export.<form>", view_func=inbox.export)
blueprint.add_url_rule("/nmg/inbox/statistics", view_func=inbox.statistics)
blueprint.add_url_rule("/nmg/cases/<number>/urge", view_func=case_page.urge, methods=["POST"])
blueprint.add_url_rule("/nmg/cases/<number>/urge-answer", view_func=case_page.urge_answer, methods=["POST"])
blueprint.add_url_rule("/nmg/cases/<number>/assign", view_func=case_page.assign_one, methods=["POST"])
blueprint.add_url_rule("/nmg/notices", view_func=told.notices)
blueprint.add_url_rule("/nmg/notices/read", view_func=told.read, methods=["POST"])
blueprint.add_url_rule("/nmg/notices/mails", view_func=told.mails, methods=["GET", "POST"])
blueprint.add_url_rule("/nmg/notices/stop", view_func=told.stop, methods=["GET", "POST"])


@blueprint.route("/nmg/start")
def start() -> Any:
    """Send who has just logged in to where their work is."""
    if answer := need_login():
        return answer
    actor = asking()
    if actor.has_desk:
        return tk.redirect_to("nmgdata_desk.inbox")
    if actor.oversight:
        return tk.redirect_to("nmgdata_desk.audit")
    return tk.redirect_to("nmgdata_desk.my_cases")


@blueprint.route("/nmg/my")
def my_cases() -> Any:
    """Show the cases that the reader filed."""
    if answer := need_login():
        return answer
    filed = queries.filed_by(tk.current_user.id)
    return tk.render("nmgdata/desk/my.html", {"cases": dictize.briefs(filed)})


@blueprint.route("/nmg/cases", methods=["GET", "POST"])
def progress() -> Any:
    """Find a case by its number and secret code, for people without an account."""
    form = {name: tk.request.form.get(name, "") for name in ("number", "code")}
    form["number"] = form["number"] or tk.request.args.get("number", "")
    errors: dict[str, str] = {}
    if tk.request.method == "POST":
        case = queries.by_code(form["number"], form["code"])
        if case is not None:
            return progress_of(case, form)
        errors["number"] = _("No case has this number and code. Check both and try again.")
    return tk.render("nmgdata/desk/find.html", {"form": form, "errors": errors})


def progress_of(case: Case, form: dict[str, str]) -> str:
    """Show a case to who knows its code; that person may take the steps of its filer."""
    actor = asking().with_code_of(case.id)
    if step := tk.request.form.get("step"):
        try:
            case = engine.fire(case.id, step, actor, typed())
        except Conflict as conflict:
            tk.h.flash_error(conflict.message)
        except (tk.NotAuthorized, tk.ValidationError):
            tk.h.flash_error(_("This step is not possible."))
        else:
            tk.h.flash_success(_("Done."))
    steps = [s for s in engine.possible(case, actor) if s.actor == machines.FILER and not s.form()]
    values = {"case": public_view(case), "steps": steps, "form": form}
    return tk.render("nmgdata/desk/progress.html", values)


@blueprint.route("/nmg/override/<id>", methods=["POST"])
def override(id: str) -> Any:
    """Take an audited override of a refused resource, and go back to its download."""
    if answer := need_login():
        return answer
    stated = {"id": id, "reason": tk.request.form.get("reason", "")}
    try:
        tk.get_action("nmgdata_access_override")({}, stated)
    except tk.ValidationError as invalid:
        return refused_override(id, stated, invalid.error_dict)
    except (tk.NotAuthorized, tk.ObjectNotFound):
        tk.abort(403, _("You have no right to do this."))
    resource = model.Session.get(model.Resource, id)
    if resource is None:
        return tk.abort(404, _("Resource not found"))
    return redirect(tk.url_for("resource.download", id=resource.package_id, resource_id=id))


def refused_override(resource_id: str, stated: dict[str, str], errors: dict[str, Any]) -> Any:
    """Show the refusal again with what was typed; it was asked for before and is not counted twice."""
    judged = judge(resource_id, asking())
    return refusal_page(*judged, data=stated, errors=errors) if judged else tk.abort(404)


@blueprint.route("/nmg/cases/<number>/reveal", methods=["POST"])
def reveal(number: str) -> Any:
    """Show who filed a case in clear to who handles it and says why; audited."""
    context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    tk.request.environ["__no_cache__"] = True
    stated = {"id": number, "reason": tk.request.form.get("reason", "")}
    case, actor = queries.by_reference(number), asking()
    if case is None or not may_reveal(case, actor):
        return tk.abort(404, _("Case not found"))
    try:
        person = tk.get_action("nmgdata_personal_reveal")(context, stated)
    except tk.ValidationError as invalid:
        return page(case, actor, step="reveal", stated=stated, errors=invalid.error_dict)
    answer = make_response(tk.render("nmgdata/desk/person.html", {"number": number, "person": person}))
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer


def public_view(case: Case) -> dict[str, Any]:
    """Return what number and code open: where the case stands and what was answered."""
    machine = machines.of_case(case)
    steps = [dictize.step(machine, event) for event in queries.timeline(case)]
    return {**dictize.brief(case), "timeline": steps}


def find(number: str) -> tuple[Case, Any] | Response:
    """Return the case of a page and who reads it; what one may not see does not exist."""
    if answer := need_login():
        return answer
    case, actor = queries.by_reference(number), asking()
    if case is not None and engine.may_see(case, actor):
        return case, actor
    grant = holders.grant_of(case.id, actor.user_id) if case else None
    if grant is not None and answers.GRANT in answers.ways:  # a member is told by this number, too
        return tk.redirect_to(answers.ways[answers.GRANT], id=grant)
    return tk.abort(404, _("Case not found"))


@blueprint.route("/nmg/cases/<number>")
def case(number: str) -> Any:
    """Show a case to its parties, their authority and auditors."""
    found = find(number)
    return found if isinstance(found, Response) or not isinstance(found, tuple) else page(*found)


@blueprint.route("/nmg/cases/<number>/<transition>", methods=["POST"])
def step(number: str, transition: str) -> Any:
    """Take a step of a case from its page."""
    found = find(number)
    if not isinstance(found, tuple):
        return found
    case, actor = found
    stated = presenter(case).read_form(case, transition, typed())
    try:
        attach(case, transition, actor, stated, tk.request.files.getlist("evidence"))
        engine.fire(case.id, transition, actor, stated)
    except Conflict as conflict:
        tk.h.flash_error(conflict.message)
    except tk.NotAuthorized as refused:
        tk.abort(403, str(refused))
    except tk.ValidationError as invalid:
        return page(case, actor, step=transition, stated=stated, errors=invalid.error_dict)
    else:
        tk.h.flash_success(_("Done."))
    return redirect(tk.url_for("nmgdata_desk.case", number=case.number))


@blueprint.route("/nmg/cases/<number>/evidence/<evidence_id>")
def evidence_file(number: str, evidence_id: str) -> Any:
    """Hand out a file of evidence, always as a download, to who handles the case; each is audited."""
    tk.request.environ["__no_cache__"] = True
    case, actor = queries.by_reference(number), asking()
    if case is None or not presenter(case).reads_evidence(case, actor):
        return tk.abort(404, _("Case not found"))
    row = next((e for e in evidence.of_case(case.id) if e.id == evidence_id), None)
    if row is None or row.scan == "infected":
        return tk.abort(404, _("This file is not available."))
    name, media_type, data = row.name, row.media_type, evidence.content(row)
    with begin(actor) as unit:
        append(unit, "evidence.viewed", ("case", case.id), case_id=case.id, detail={"evidence": evidence_id})
    answer = send_file(io.BytesIO(data), mimetype=media_type, as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def typed() -> dict[str, Any]:
    """Return what a form has sent; a field that takes several values as a list."""
    sent = tk.request.form.to_dict(flat=False)
    return {name: values if shapes.is_several(name) else values[0] for name, values in sent.items()}
