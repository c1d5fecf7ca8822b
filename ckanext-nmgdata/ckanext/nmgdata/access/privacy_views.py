"""The page of one's own data."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response

from .. import config
from ..kernel.gate.doors import RESTRICTED_CACHE
from ..kernel.workflow.model import Case
from ..reader import context, need_login
from .model import Application
from .workflow import KIND

_ = tk._
blueprint = Blueprint("nmgdata_privacy", __name__)


@blueprint.route("/nmg/my/data", methods=["GET", "POST"])
def mine() -> Any:
    """Show what can be corrected; on POST correct the contact of one open application."""
    if answer := need_login():
        return answer
    errors: dict[str, Any] = {}
    number = tk.request.form.get("id", "")
    if tk.request.method == "POST":
        sent = {"id": number, "contact_phone": tk.request.form.get("contact_phone", "")}
        try:
            tk.get_action("nmgdata_contact_update")(context(), sent)
        except tk.ValidationError as invalid:
            errors = invalid.error_dict
        except (tk.ObjectNotFound, tk.NotAuthorized):
            return tk.abort(404, _("Case not found"))
        else:
            tk.h.flash_success(_("Your contact data are corrected."))
            return tk.redirect_to("nmgdata_privacy.mine")
    query = (
        sa.select(Case.number, Application.contact_phone)
        .join(Application, Application.case_id == Case.id)
        .where(Case.filer_id == tk.current_user.id, Case.kind == KIND, Case.closed_at.is_(None))
        .order_by(Case.opened_at.desc())
    )
    values = {
        "open_cases": [{"number": n, "contact_phone": p} for n, p in model.Session.execute(query)],
        "errors": errors, "number": number, "sent": tk.request.form, "months": config.retention_months(),
    }  # fmt: skip
    return tk.render("nmgdata/privacy/mine.html", values)


@blueprint.route("/nmg/my/data.json", methods=["POST"])
def export() -> Any:
    """Hand a person everything that is kept about them, as a file."""
    if not tk.current_user.is_authenticated:
        return tk.abort(403, _("You have no right to do this."))
    text = json.dumps(tk.get_action("nmgdata_personal_export")(context(), {}), ensure_ascii=False, indent=1)
    answer = Response(text, content_type="application/json; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer
