"""The page on which an office closes a violator's access."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint

from ...kernel import clock
from ...kernel.actors import Actor, Role
from ...kernel.evidence import files as evidence
from ...kernel.gate.doors import asking
from ...kernel.gate.model import Grant, GrantScope
from ...kernel.workflow.model import Case
from ...reader import context, need_login
from ..model import Application
from ..use import grants
from . import workflow
from .logic import action, schema

_ = tk._
blueprint = Blueprint("nmgdata_closing", __name__)


@blueprint.route("/nmg/close/<number>", methods=["GET", "POST"])
def close(number: str) -> Any:
    """Show the form that closes access under an application; on POST close and go to the new case."""
    if answer := need_login():
        return answer
    case, choices = handled(number, asking())
    here = [c["value"] for c in choices if c["here"]]
    data: dict[str, Any] = {"datasets": here, "form": evidence.new_secret()}
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        data = {name: tk.request.form.get(name, "") for name in schema.notice()}
        data["datasets"] = tk.request.form.getlist("datasets") or [""]
        try:
            made = closed(case, data)
        except tk.ValidationError as invalid:
            errors = invalid.error_dict
        except tk.NotAuthorized as refused:
            return tk.abort(403, str(refused))
        else:
            tk.h.flash_success(_("Access is closed; the person has been told."))
            return tk.redirect_to("nmgdata_desk.case", number=made["number"])
    values = {
        "number": case.number, "whom": workflow.violator(case),
        "name": grants.named(model.Session.get_one(Application, case.id)), "choices": choices, "data": data,
        "errors": errors, "today": clock.today().isoformat(),
        "attached": [evidence.shown(row) for row in evidence.drafts(data["form"])],
    }  # fmt: skip
    return tk.render("nmgdata/access_suspension/close.html", values)


def closed(case: Case, data: dict[str, Any]) -> dict[str, Any]:
    """Close access as the form says; its files are kept first.

    :raises tk.ValidationError: something is wrong with the form, or with a file
    """
    if wrong := kept(data):
        raise tk.ValidationError({"files": wrong})
    return tk.get_action("nmgdata_access_close")(context(), {**data, "id": case.id})


def kept(data: dict[str, Any]) -> list[str]:
    """Keep the files that came with the form, so that none is attached twice; say what is wrong with them."""
    sent = {"form": data["form"], "drop": tk.request.form.getlist("drop")}
    wrong = evidence.take(asking(), sent, evidence.uploads(tk.request.files.getlist("files")))
    data["form"] = sent["form"]
    return wrong


def handled(number: str, actor: Actor) -> tuple[Case, list[dict[str, Any]]]:
    """Return an application and the data the reader may close; answer 403 or 404 where there are none."""
    if not actor.orgs(Role.REVIEWER):
        tk.abort(403, _("You have no right to do this."))
    try:
        case = action.misused(number, actor)
    except tk.ObjectNotFound:
        tk.abort(404, _("Case not found"))
    choices = within_competence(case, actor)
    if not choices:
        tk.abort(403, workflow.not_competent())
    return case, choices


def within_competence(case: Case, actor: Actor) -> list[dict[str, Any]]:
    """Return the data of the person's grants, and of this case, that the actor may close."""
    here = set(action.applied_for(case))
    query = (
        sa.select(GrantScope.dataset_id)
        .join(Grant, Grant.id == GrantScope.grant_id)
        .where(Grant.holder_id == case.filer_id, Grant.ended_at.is_(None))
    )
    wanted = sorted(here | set(model.Session.scalars(query)))
    found = [d for key in wanted if (d := model.Session.get(model.Package, key))]
    return [
        {"value": d.id, "label": d.title or d.name, "here": d.id in here}
        for d in found
        if workflow.competent_office(actor, [d])
    ]
