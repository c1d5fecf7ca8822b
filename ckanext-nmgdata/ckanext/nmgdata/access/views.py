"""The application form: several data at once, kept as drafts, copied from an earlier application."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from ckan import model
from ckan.config.middleware.flask_app import csrf
from ckan.plugins import toolkit as tk
from flask import Blueprint, send_file

from ..forms import LONGEST
from ..kernel import clock
from ..kernel.deadlines import statutes
from ..kernel.evidence import files as evidence
from ..kernel.gate.doors import RESTRICTED_CACHE, asking
from ..kernel.workflow import machine, queries
from ..reader import context, is_our_form, need_login
from . import commitment, drafts, wanted
from .logic import schema
from .model import ApplicationDraft
from .wanted import Wanted
from .workflow import DECIDE, FORMAL, KIND

_ = tk._
blueprint = Blueprint("nmgdata_access", __name__)
SUBMIT, SAVE, MORE, COMMITMENT = "submit", "save", "more", "commitment"
"""What the buttons of the form ask for: file it, keep it, keep it and choose further data, a PDF to sign."""
LONGEST_NAME = 200


@blueprint.route("/nmg/apply", methods=["GET", "POST"])
@csrf.exempt
def begin_again() -> Any:
    """Begin with a copy of an earlier application (``?copy=NUMBER``), ``?renew=NUMBER`` refers to it.

    Without either, go to the drafts that were begun.
    """
    if tk.request.method == "POST":
        return sent()
    if answer := need_login():
        return answer
    if number := tk.request.args.get("copy") or tk.request.args.get("renew"):
        case = queries.by_reference(number)
        if case is None or case.kind != KIND or not machine.is_filer(asking(), case):
            return tk.abort(404, _("Case not found"))
        renews = {"renews": number} if "renew" in tk.request.args else {}
        return form({**beginning(), **drafts.from_case(case), **renews})
    if drafts.listed():
        return tk.redirect_to("nmgdata_desk.my_cases")
    tk.h.flash_notice(_("Choose the data you want to apply for first."))
    return tk.redirect_to("dataset.search", open_class="conditional")


@blueprint.route("/nmg/apply/<dataset_id>", methods=["GET", "POST"])
@csrf.exempt
def apply(dataset_id: str) -> Any:
    """Show the form of an application for a dataset; on POST file it and show the receipt, or keep it."""
    if tk.request.method == "POST":
        return sent()
    if answer := need_login():
        return answer
    named = {"dataset_id": dataset_id, "resource_id": tk.request.args.get("resource_id")}
    try:
        wanted.one(context(), named)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, _("Dataset not found"))
    except tk.ValidationError as refused:
        tk.h.flash_notice(tk.h.nmgdata_first_error(refused.error_dict))
        return tk.redirect_to("dataset.read", id=dataset_id)
    return form({**beginning(), "items": [named]}, begun=drafts.listed(), named=named)


@blueprint.route("/nmg/drafts/<draft_id>", methods=["GET", "POST"])
@csrf.exempt
def draft(draft_id: str) -> Any:
    """Go on with a draft; ``?add=DATASET`` and ``?add=DATASET:FILE`` add to what it asks for."""
    if tk.request.method == "POST":
        return sent()
    if answer := need_login():
        return answer
    row = drafts.opened(asking(), draft_id)
    if row is None:
        return tk.abort(404, _("There is no such draft of yours."))
    if row.id != draft_id:
        return tk.redirect_to("nmgdata_access.draft", draft_id=row.id)
    data = {**beginning(), **row.data}
    asked = [split(reference) for reference in tk.request.args.getlist("add")]
    data["items"] = with_further(data.get("items") or [], asked)
    return form(data, row)


@blueprint.route("/nmg/drafts/<draft_id>/delete", methods=["POST"])
def delete_draft(draft_id: str) -> Any:
    """Delete a draft of one's own."""
    if answer := need_login():
        return answer
    if not drafts.forget(asking(), draft_id):
        return tk.abort(404, _("There is no such draft of yours."))
    tk.h.flash_success(_("The draft is deleted."))
    return tk.redirect_to("nmgdata_desk.my_cases")


# --- what the form has sent -----------------------------------------------------------------------


def typed() -> dict[str, Any]:
    """Return what the form has sent, in the form in which a draft is kept."""
    data: dict[str, Any] = {name: tk.request.form.get(name, "")[:LONGEST] for name in schema.submission()}
    data["id_number"] = tk.request.form.get("id_number", "")[:18]
    data["renews"] = tk.request.form.get("renews", "")[:40]
    data["form"] = tk.request.form.get("form", "")[:LONGEST_NAME] or evidence.new_secret()
    data["account"] = tk.request.form.get("account", "")[:LONGEST_NAME]
    named = tk.request.view_args or {}
    data["draft"], data["version"] = named.get("draft_id"), tk.request.form.get("version", "")
    data["items"] = chosen()[: wanted.MOST]
    if not data["items"] and "act" not in tk.request.form and "dataset_id" in named:
        # Not our page's form: what its address names.
        resource_id = tk.request.values.get("resource_id")
        data["items"] = [{"dataset_id": named["dataset_id"], "resource_id": resource_id}]
    return data


def chosen() -> list[dict[str, Any]]:
    """Return the data that are ticked."""
    found = []
    for reference in tk.request.form.getlist("item"):
        item = split(reference)
        fields = [name[:LONGEST_NAME] for name in tk.request.form.getlist(f"fields-{reference}")]
        answers = [text[:LONGEST] for text in tk.request.form.getlist(f"answers-{item['dataset_id']}")]
        found.append({**item, "fields": fields[: wanted.FIELDS], "answers": answers[: wanted.FIELDS]})
    return found


def split(reference: str) -> dict[str, Any]:
    """Return what ``DATASET`` or ``DATASET:FILE`` names."""
    dataset_id, _colon, resource_id = reference[:LONGEST_NAME].partition(":")
    return {"dataset_id": dataset_id, "resource_id": resource_id or None}


def with_further(items: list[dict[str, Any]], asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the data of a draft with those that are added to it."""
    known = {key_of(item) for item in items}
    return items + [item for item in asked if key_of(item) not in known]


def key_of(item: dict[str, Any]) -> tuple[str, str | None]:
    """Return what makes an entry of a draft the same thing as another."""
    return item.get("dataset_id") or "", item.get("resource_id") or None


def sent() -> Any:
    """Do what the form was sent for; with errors show it again with everything that was typed."""
    data, actor = typed(), asking()
    uploads = [upload for upload in tk.request.files.getlist("evidence") if upload]
    if not is_our_form() or not tk.current_user.is_authenticated:
        evidence.attach(actor, data["form"], uploads, at_most=evidence.room(known=False))
        return stale(data) if tk.current_user.is_authenticated else without_login(data)
    act = tk.request.form.get("act", SUBMIT)
    if act == COMMITMENT:
        return commitment_of(data)
    gone = drafts.own_form(actor, data, tk.request.form.getlist("drop"))
    if wrong := evidence.take(actor, {**data, "drop": gone}, uploads):
        return again(data, {"evidence": wrong})
    return kept(data, act) if act in (SAVE, MORE) else filed(data)


def again(data: dict[str, Any], errors: Any) -> str:
    """Show the form again with what was typed and what is wrong with it."""
    return form(data, errors=errors)


def stale(data: dict[str, Any]) -> str:
    """Show a form again that a page of another session has sent: nothing is done, and nothing lost."""
    said = _("This form is from before your present login. Look it through and send it again.")
    return again(data, {"draft": [said]})


def without_login(data: dict[str, Any]) -> Any:
    """Send to the login whose login ran out while typing; what was typed waits there and back."""
    waiting = drafts.wait({**data, "titles": titles(data)})
    if waiting is None:
        said = _("Your login has run out. Log in in another window, then send this form again.")
        return again(data, {"draft": [said]})
    tk.h.flash_notice(_("Your login has run out. What you typed is kept; log in and go on."))
    back = tk.url_for("nmgdata_access.draft", draft_id=waiting)
    return tk.redirect_to("user.login", came_from=back)


def kept(data: dict[str, Any], act: str) -> Any:
    """Keep the form as a draft, and go on to choose further data or to one's own cases."""
    try:
        key = drafts.keep(asking(), {**data, "titles": titles(data)})
    except tk.ValidationError as full:
        return again(data, full.error_dict)
    tk.h.flash_success(_("The application is kept as a draft."))
    if data["draft"] not in (None, key):
        tk.h.flash_notice(_("The draft has changed in another window meanwhile; both versions are kept."))
    if not drafts.keeps_all_files(data["form"]):
        said = _("Your drafts hold more than {n} MB of files. Those attached last wait for one day only.")
        tk.h.flash_notice(said.format(n=drafts.BYTES // 1024**2))
    if act == MORE:
        tk.h.flash_notice(_("Choose further data; their form offers to add them to your draft."))
        return tk.redirect_to("dataset.search", open_class="conditional")
    return tk.redirect_to("nmgdata_desk.my_cases")


def filed(data: dict[str, Any]) -> Any:
    """File the form and show the receipt."""
    shown = {row.id: drafts.version(row) for row in drafts.of(tk.current_user.id)}
    changed = bool(data["version"]) and shown.get(data["draft"], data["version"]) != data["version"]
    sent = {**data, "draft": data["draft"] if data["draft"] in shown and not changed else None}
    try:
        done = tk.get_action("nmgdata_application_submit")(context(), sent)
    except tk.ValidationError as invalid:
        return again(data, invalid.error_dict)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return again(data, {"items": [_("Some of these data are not there any more.")]})
    if changed:
        said = _("The draft has changed in another window meanwhile; what it says there is kept as a draft.")
        tk.h.flash_notice(said)
    lines, _gone = offered(data["items"])
    values = {"cases": done["cases"], "title": lines[0]["dataset"]["title"] if lines else ""}
    return tk.render("nmgdata/open_application/receipt.html", values)


def commitment_of(data: dict[str, Any]) -> Any:
    """Hand out the security commitment with what was typed so far; the form stays as it is."""
    answer = send_file(
        io.BytesIO(commitment.pdf(data, titles(data))), mimetype="application/pdf", as_attachment=True,
        download_name="公共数据安全承诺书.pdf",
    )  # fmt: skip
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer


def titles(data: dict[str, Any]) -> list[str]:
    """Return the titles of the data that are applied for."""
    return [line["label"] for line in offered(data["items"])[0]]


# --- the form -------------------------------------------------------------------------------------


def offered(items: list[dict[str, Any]], listed: Sequence[str] = ()) -> tuple[list[dict[str, Any]], bool]:
    """Return what the form lists, and whether something of it can no longer be applied for.

    :param listed: what it listed before, ticked or not
    """
    ticked = {key_of(item) for item in items}
    others = [split(reference) for reference in listed[: wanted.MOST]]
    lines, gone = {}, False
    for item in with_further(items, others):
        want = wanted.found(context(), item)
        if want is None:
            gone = gone or key_of(item) in ticked
            continue
        lines.setdefault(want.key, line(want, key_of(item) in ticked))
    return list(lines.values()), gone


def line(want: Wanted, ticked: bool) -> dict[str, Any]:
    """Return one line of the form."""
    return {
        "label": want.label,
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


def form(
    data: dict[str, Any],
    row: ApplicationDraft | None = None,
    *,
    errors: Any = None,
    begun: list[dict[str, Any]] | None = None,
    named: dict[str, Any] | None = None,
) -> str:
    """Render the form, with everything that was typed and attached.

    :param row: the draft that it shows
    :param begun: other drafts to which ``named``, the data it was opened for, can be added instead
    """
    two_stage = machine.chosen(KIND, statutes.current().settings).variant == "two_stage"
    lines, gone = offered(data.get("items") or [], tk.request.form.getlist("line"))
    values = {
        "dataset": lines[0]["dataset"] if lines else None,
        "lines": lines,
        "gone": gone,
        "begun": begun or [],
        "reference": ":".join(part for part in key_of(named or {}) if part),
        "version": drafts.version(row) if row else data.get("version") or "",
        "account": drafts.account_key(tk.current_user.id)
        if tk.current_user.is_authenticated
        else data["account"],
        "needs_id_number": any(line["dataset"].get("needs_id_number") for line in lines),
        "data": data,
        "errors": errors or {},
        "attached": [evidence.shown(file) for file in evidence.drafts(data.get("form") or "")],
        "formal_days": statutes.get(FORMAL).working_days if two_stage else None,
        "days": statutes.get(DECIDE).working_days,
    }
    return tk.render("nmgdata/open_application/apply.html", values)
