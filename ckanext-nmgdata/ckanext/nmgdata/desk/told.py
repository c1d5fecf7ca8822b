"""Pages about what one was told: the notices, and by which mails."""

from __future__ import annotations

from typing import Any

from ckan.config.middleware.flask_app import csrf
from ckan.plugins import toolkit as tk
from flask import redirect

from ..kernel.gate.doors import asking
from ..kernel.workflow import notices as kept
from ..reader import need_login
from . import choices

PAGE = 50
_ = tk._


def unread() -> str:
    """Return how many notices the reader has not read, as it is shown; nothing when there is none."""
    count = kept.unread(tk.current_user.id)
    return "99+" if count >= kept.MANY else str(count or "")


def notices() -> Any:
    """Show one's notices, the newest first."""
    if answer := need_login():
        return answer
    query: dict[str, Any] = {"limit": PAGE, "before": tk.request.args.get("before", "")}
    try:
        found = tk.get_action("nmgdata_notice_list")({}, query)
    except tk.ValidationError:
        return redirect(tk.url_for("nmgdata_desk.notices"))
    return tk.render("nmgdata/desk/notices.html", {**found, "full": len(found["notices"]) == PAGE})


def read() -> Any:
    """Mark notices as read: one, or all."""
    if answer := need_login():
        return answer
    named = tk.request.form.getlist("ids")
    try:
        tk.get_action("nmgdata_notice_read")({}, {"ids": named} if named else {})
    except tk.ValidationError:
        tk.abort(400)
    return redirect(tk.url_for("nmgdata_desk.notices"))


def mails() -> Any:
    """Show and change which mails one gets."""
    if answer := need_login():
        return answer
    if tk.request.method == "POST":
        for kind in kept.CHOICES:
            stated = {"kind": kind, "wanted": kind in tk.request.form}
            tk.get_action("nmgdata_mail_choice_update")({}, stated)
        tk.h.flash_success(_("Saved."))
        return redirect(tk.url_for("nmgdata_desk.mails"))
    wanted = tk.get_action("nmgdata_mail_choice_show")({}, {})
    return tk.render("nmgdata/desk/mails.html", {"wanted": wanted, "labels": kept.CHOICES})


@csrf.exempt  # the signed link is the proof; a mail program posts it without having seen a page
def stop() -> Any:
    """Switch off a kind of mail by the link in it: asked on a page, done by a POST."""
    named = choices.read(tk.request.args.get("token", ""))
    if named is None:
        return tk.abort(404, _("This link is not valid."))
    user_id, kind = named
    done = tk.request.method == "POST"
    if done:
        kept.choose(asking(), user_id, kind, wanted=False)
    return tk.render("nmgdata/desk/stop.html", {"kind": kept.CHOICES[kind], "done": done})
