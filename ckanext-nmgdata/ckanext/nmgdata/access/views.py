"""The application form: several data at once, kept as a draft, copied from an earlier application."""

from __future__ import annotations

import io
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, send_file

from ..forms import LONGEST
from ..kernel import clock
from ..kernel.deadlines import statutes
from ..kernel.evidence import files as evidence
from ..kernel.gate.doors import RESTRICTED_CACHE, asking
from ..kernel.workflow import machine, queries
from ..reader import context, need_login
from . import commitment, drafts, wanted
from .logic import schema
from .wanted import Wanted
from .workflow import DECIDE, FORMAL, KIND

_ = tk._
blueprint = Blueprint("nmgdata_access", __name__)
SUBMIT, SAVE, MORE, COMMITMENT = "submit", "save", "more", "commitment"
"""What the buttons of the form ask for: file it, keep it, keep it and choose further data, a PDF to sign."""


@blueprint.route("/nmg/apply")
def begin_again() -> Any:
    """Go on with the draft, or begin with a copy of an earlier application (``?copy=NUMBER``).

    ``?renew=NUMBER`` begins with a copy that refers to it.
    """
    if answer := need_login():
        return answer
    if number := tk.request.args.get("copy") or tk.request.args.get("renew"):
        case, actor = queries.by_reference(number), asking()
        if case is None or case.kind != KIND or not machine.is_filer(actor, case):
            return tk.abort(404, _("Case not found"))
        renews = {"renews": number} if "renew" in tk.request.args else {}
        drafts.keep(actor, {**drafts.from_case(case), **renews})
    items = drafts.of(tk.current_user.id).get("items") or []
    if not items:
        tk.h.flash_notice(_("Choose the data you want to apply for first."))
        return tk.redirect_to("dataset.search", open_class="conditional")
    first = items[0]
    return tk.redirect_to(
        "nmgdata_access.apply", dataset_id=first["dataset_id"], resource_id=first.get("resource_id")
    )


@blueprint.route("/nmg/apply/<dataset_id>", methods=["GET", "POST"])
def apply(dataset_id: str) -> Any:
    """Show the form of an application; on POST file it and show the receipt, or keep it."""
    if not tk.current_user.is_authenticated:
        return without_login(dataset_id)
    if secret := tk.request.args.get("draft"):
        drafts.claim(asking(), secret)
    named = {"dataset_id": dataset_id, "resource_id": tk.request.args.get("resource_id")}
    try:
        first = wanted.one(context(), named)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, _("Dataset not found"))
    except tk.ValidationError as refused:
        tk.h.flash_notice(tk.h.nmgdata_first_error(refused.error_dict))
        return tk.redirect_to("dataset.read", id=dataset_id)
    if tk.request.method == "POST":
        return sent(first)
    draft = drafts.of(tk.current_user.id)
    return form(first, {**beginning(), **draft}, offered(first, draft.get("items") or []), {})


def without_login(dataset_id: str) -> Any:
    """Send a visitor to the login; what was typed while the login ran out waits there and back."""
    back = tk.request.full_path.rstrip("?")
    if tk.request.method == "POST":
        data = typed()
        uploads = [upload for upload in tk.request.files.getlist("evidence") if upload]
        evidence.attach(asking(), data["form"], uploads, at_most=evidence.room(known=False))
        secret = drafts.keep(asking(), data)
        back = tk.url_for("nmgdata_access.apply", dataset_id=dataset_id, draft=secret)
        tk.h.flash_notice(_("Your login has run out. What you typed is kept; log in and go on."))
    return tk.redirect_to("user.login", came_from=back)


def typed() -> dict[str, Any]:
    """Return what the form has sent, in the form in which a draft is kept."""
    data: dict[str, Any] = {name: tk.request.form.get(name, "")[:LONGEST] for name in schema.submission()}
    data["id_number"] = tk.request.form.get("id_number", "")[:18]
    data["renews"] = tk.request.form.get("renews", "")[:40]
    data["form"] = tk.request.form.get("form") or evidence.new_secret()
    data["items"] = chosen()[: wanted.MOST]
    if not data["items"] and "act" not in tk.request.form:  # not our page's form: what its address names
        named = tk.request.view_args or {}
        data["items"] = [
            {"dataset_id": named.get("dataset_id"), "resource_id": tk.request.values.get("resource_id")}
        ]
    return data


def chosen() -> list[dict[str, Any]]:
    """Return the data that are ticked."""
    found = []
    for reference in tk.request.form.getlist("item"):
        dataset_id, _colon, resource_id = reference.partition(":")
        fields = tk.request.form.getlist(f"fields-{reference}")
        answers = [text[:LONGEST] for text in tk.request.form.getlist(f"answers-{dataset_id}")]
        item = {"dataset_id": dataset_id, "resource_id": resource_id or None}
        found.append({**item, "fields": fields, "answers": answers})
    return found


def sent(first: Wanted) -> Any:
    """Do what the form was sent for; with errors show it again with everything that was typed."""
    data, actor = typed(), asking()
    act = tk.request.form.get("act", SUBMIT)
    if act == COMMITMENT:
        return commitment_of(first, data)
    uploads = [upload for upload in tk.request.files.getlist("evidence") if upload]
    if wrong := evidence.take(actor, {**data, "drop": tk.request.form.getlist("drop")}, uploads):
        return form(first, data, offered(first, data["items"]), {"evidence": wrong})
    return kept(data, act) if act in (SAVE, MORE) else filed(first, data)


def kept(data: dict[str, Any], act: str) -> Any:
    """Keep the form as a draft, and go on to choose further data or to one's own cases."""
    drafts.keep(asking(), data)
    tk.h.flash_success(_("The application is kept as a draft."))
    if act == MORE:
        return tk.redirect_to("dataset.search", open_class="conditional")
    return tk.redirect_to("nmgdata_desk.my_cases")


def filed(first: Wanted, data: dict[str, Any]) -> Any:
    """File the form and show the receipt."""
    try:
        done = tk.get_action("nmgdata_application_submit")(context(), data)
    except tk.ValidationError as invalid:
        return form(first, data, offered(first, data["items"]), invalid.error_dict)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        gone = {"items": [_("Some of these data are not there any more.")]}
        return form(first, data, offered(first, data["items"]), gone)
    drafts.forget(asking())
    values = {"cases": done["cases"], "dataset": first.dataset}
    return tk.render("nmgdata/open_application/receipt.html", values)


def commitment_of(first: Wanted, data: dict[str, Any]) -> Any:
    """Hand out the security commitment with what was typed so far; the form stays as it is."""
    titles = [line["label"] for line in offered(first, data["items"]) if line["ticked"]]
    answer = send_file(
        io.BytesIO(commitment.pdf(data, titles)), mimetype="application/pdf", as_attachment=True,
        download_name="公共数据安全承诺书.pdf",
    )  # fmt: skip
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer


def offered(first: Wanted, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the form lists: the data it was opened for, then those of the draft that still exist."""
    is_wanted = tk.request.method == "GET" or first.key in [key_of(item) for item in items]
    lines = {first.key: line(first, is_wanted)}
    for item in items:
        try:
            want = wanted.one(context(), item)
        except (tk.ValidationError, tk.ObjectNotFound, tk.NotAuthorized):
            continue
        lines[want.key] = line(want, ticked=True)
    return list(lines.values())


def key_of(item: dict[str, Any]) -> tuple[str, str | None]:
    """Return what makes an entry of a draft the same thing as another."""
    return item.get("dataset_id") or "", item.get("resource_id") or None


def line(want: Wanted, ticked: bool) -> dict[str, Any]:
    """Return one line of the form."""
    files = {resource["id"]: resource["name"] for resource in want.dataset["resources"]}
    file = files.get(want.resource_id)
    return {
        "label": " · ".join(part for part in (want.dataset["title"], file) if part),
        "reference": ":".join(part for part in want.key if part),
        "dataset": want.dataset,
        "data_items": want.dataset.get("data_items") or [],
        "fields": want.fields or (),
        "questions": [
            (question, dict(want.answers).get(question, "")) for question in wanted.questions(want.dataset)
        ],
        "ticked": ticked,
    }


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
        "form": evidence.new_secret(),
    }


def form(first: Wanted, data: dict[str, Any], lines: list[dict[str, Any]], errors: Any) -> str:
    """Render the form, with everything that was typed and attached."""
    two_stage = machine.chosen(KIND, statutes.current().settings).variant == "two_stage"
    values = {
        "dataset": first.dataset,
        "lines": lines,
        "needs_id_number": any(line["dataset"].get("needs_id_number") for line in lines),
        "data": data,
        "errors": errors,
        "attached": [evidence.shown(row) for row in evidence.drafts(data.get("form") or "")],
        "formal_days": statutes.get(FORMAL).working_days if two_stage else None,
        "days": statutes.get(DECIDE).working_days,
    }
    return tk.render("nmgdata/open_application/apply.html", values)
