"""The page of one case, and what offices do on it besides the steps of its machine."""

from __future__ import annotations

from typing import Any

from ckan.plugins import toolkit as tk
from flask import redirect

from ..kernel.actors import Actor, Role, reviewers_of
from ..kernel.evidence import files as evidence
from ..kernel.gate.doors import asking
from ..kernel.types import Conflict
from ..kernel.workflow import assignment, engine, queries
from ..kernel.workflow import machine as machines
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import of_case as presenter
from ..marks import mark
from ..reader import need_login
from . import dictize

_ = tk._


def page(case: Case, actor: Any, step: str | None = None, stated: Any = None, errors: Any = None) -> str:
    """Render the page of a case; after a refused form with what was typed, nothing lost."""
    shown = presenter(case)
    possible = [s for s in engine.possible(case, actor) if shown.offers(case, s.name)]
    values = {
        "case": dictize.show(case, actor),
        "payload_template": shown.template,
        "steps": possible,
        "forms": {s.name: shown.defaults(case, s.name) for s in possible},
        "open_step": step,
        "typed": stated or {},
        "colleagues": colleagues(actor, case),
        "errors": errors or {},
    }
    if step and stated is not None:
        waiting = [evidence.shown(row) for row in evidence.drafts(stated.get("form") or "")]
        begun = values["forms"].get(step, {})
        values["forms"][step] = {**typed_again(begun, case, step, stated), "attached": waiting}
    return tk.render("nmgdata/desk/case.html", values)


def typed_again(beginning: dict[str, Any], case: Case, step: str, stated: dict[str, Any]) -> dict[str, Any]:
    """Return a step's form as it was sent: what was emptied or unticked stays so, aids to it are kept."""
    transition = machines.of_case(case).step(step)
    asked = transition.form() if transition else {}
    return {**{name: value for name, value in beginning.items() if name not in asked}, **stated}


def colleagues(actor: Actor, case: Case | None = None) -> list[dict[str, str]]:
    """Return the reviewers of one's offices, or of the office that deals with a case."""
    offices = [assignment.office_of(case)] if case else sorted(actor.orgs(Role.REVIEWER))
    ids = {user_id for org_id in offices for user_id in reviewers_of(org_id)}
    return sorted(dictize.people(ids).values(), key=lambda person: person["display_name"])


def assign_one(number: str) -> Any:
    """Assign one case from its page."""
    stated = {"ids": [number], "assignee": tk.request.form.get("assignee", "")}
    return from_page(number, "nmgdata_case_assign", stated, _("Assigned."))


def urge(number: str) -> Any:
    """Urge a case from its page."""
    stated = {"id": number, "text": tk.request.form.get("text", "")}
    return from_page(number, "nmgdata_case_urge", stated, _("The office has been urged."))


def urge_answer(number: str) -> Any:
    """Answer an urging from the page of the case."""
    stated = {"id": number, "text": tk.request.form.get("text", "")}
    return from_page(number, "nmgdata_case_urge_answer", stated, _("The answer has been given."))


def from_page(number: str, action: str, stated: dict[str, Any], said: str) -> Any:
    """Do something from the page of a case; after an error the page comes again with what was typed."""
    if answer := need_login():
        return answer
    case, actor = queries.by_reference(number), asking()
    if case is None or not engine.may_see(case, actor):
        return tk.abort(404, _("Case not found"))
    if done(action, stated, said):
        return redirect(tk.url_for("nmgdata_desk.case", number=number))
    return page(case, actor, stated={"text": stated.get("text", "")})


def done(action: str, stated: dict[str, Any], said: str) -> bool:
    """Call an action for a page; say that it is done, or why it is not."""
    try:
        tk.get_action(action)({}, stated)
    except Conflict as conflict:
        tk.h.flash_error(conflict.message)
    except tk.ValidationError as invalid:
        for name, messages in invalid.error_dict.items():
            about = "" if name in ("ids", "text", "assignee") else name + mark("：")
            said_each = messages if isinstance(messages, list) else [messages]
            tk.h.flash_error(f"{about}{' '.join(str(message) for message in said_each)}")
    except (tk.NotAuthorized, tk.ObjectNotFound) as refused:
        tk.abort(403, str(refused))
    else:
        tk.h.flash_success(said)
        return True
    return False
