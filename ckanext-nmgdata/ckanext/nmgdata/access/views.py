"""The application form."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context
from flask import Blueprint

from ..kernel import clock
from ..kernel.deadlines import statutes
from .logic import action, schema
from .workflow import DECIDE

_ = tk._
blueprint = Blueprint("nmgdata_access", __name__)
YEAR = 365


@blueprint.route("/nmg/apply/<dataset_id>", methods=["GET", "POST"])
def apply(dataset_id: str) -> Any:
    """Show the form of an application; on POST file it and show the receipt."""
    if not tk.current_user.is_authenticated:
        return tk.redirect_to("user.login", came_from=tk.request.full_path.rstrip("?"))
    context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    wanted = {"dataset_id": dataset_id, "resource_id": tk.request.values.get("resource_id") or None}
    try:
        dataset = action.applied_for(context, wanted)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, _("Dataset not found"))
    except tk.ValidationError as refused:
        tk.h.flash_notice(tk.h.nmgdata_first_error(refused.error_dict))
        return tk.redirect_to("dataset.read", id=dataset_id)
    if tk.request.method == "GET":
        return form(dataset, wanted, beginning(), {})
    stated = {name: tk.request.form.get(name, "") for name in schema.submission()}
    try:
        receipt = tk.get_action("nmgdata_application_submit")(context, {**stated, **wanted})
    except tk.ValidationError as invalid:
        return form(dataset, wanted, stated, invalid.error_dict)
    return tk.render("nmgdata/open_application/receipt.html", {"receipt": receipt, "dataset": dataset})


def beginning() -> dict[str, Any]:
    """Return the values an empty form begins with: what the account already says, and one year."""
    user = model.User.get(tk.current_user.id)
    account = ((user.plugin_extras or {}) if user else {}).get("nmgdata", {})
    today = clock.today()
    return {
        "applicant_kind": account.get("kind", "natural_person"),
        "applicant_name": account.get("organisation") or (user.fullname if user else "") or "",
        "credit_code": account.get("credit_code", ""),
        "provision_mode": "file",
        "use_from": today.isoformat(),
        "use_until": today.replace(year=today.year + 1, day=min(today.day, 28)).isoformat(),
    }


def form(dataset: dict[str, Any], wanted: dict[str, Any], data: dict[str, Any], errors: Any) -> str:
    """Render the form, with everything that was typed."""
    resource = next((r for r in dataset["resources"] if r["id"] == wanted["resource_id"]), None)
    values = {
        "dataset": dataset, "resource": resource, "data": data, "errors": errors,
        "days": statutes.get(DECIDE).working_days,
    }  # fmt: skip
    return tk.render("nmgdata/open_application/apply.html", values)
