"""How a refusal is said: to people in one plain sentence with its basis, to programs as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from flask import g, has_request_context
from werkzeug.wrappers import Response

from .. import elsewhere
from .facts import Facts
from .policy import Decision, Reason

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown

LAW = "内政发〔2024〕19号"
APPLY, MINE, REGISTER, GRANT = "apply", "mine", "register", "grant"
ways: dict[str, str] = {}
"""Ways on from a refusal: name → endpoint, filled in by whoever offers the page."""
public_reasons: list[Callable[[str], str | None]] = []
"""Who can say why a case stopped data, by its number and fit for the public; filled in by features."""


@dataclass(frozen=True)
class Saying:
    """What is said about a reason: sentence, article, HTTP status, whether applying helps."""

    sentence: str
    article: str
    status: int
    apply: bool = False


SAYINGS: dict[Reason, Saying] = {
    Reason.UNCONDITIONAL: Saying(N_("These data are open to everyone."), "第二十七条第（三）项", 200),
    Reason.GRANTED: Saying(N_("You have been granted access to these data."), "第二十八条第二款", 200),
    Reason.MAINTENANCE: Saying(N_("You maintain these data for your department."), "第六条", 200),
    Reason.VERIFICATION: Saying(N_("You verify these data in a case."), "第二十八条第三款", 200),
    Reason.OVERRIDE: Saying(N_("You hold an audited override for these data."), "第二十九条第一款", 200),
    Reason.WITHDRAWN: Saying(N_("These data have been withdrawn."), "第二十八条第三款", 410),
    Reason.SUSPENDED: Saying(
        N_("Opening of these data is suspended while they are being verified."),
        "第二十八条第三款",
        451,
    ),
    Reason.ACCESS_CLOSED: Saying(N_("Your access to these data is closed for now."), "第五十条", 403),
    Reason.SCREENING: Saying(
        N_("This file is still being checked for personal data. Try again in a few minutes."),
        "第二十七条第（一）项",
        403,
    ),
    Reason.HELD: Saying(
        N_("This file seems to hold personal data and is held until the department has reviewed it."),
        "第二十七条第（一）项",
        403,
    ),
    Reason.NON_OPEN: Saying(N_("These data are not open."), "第二十七条第（一）项", 403),
    Reason.UNCLASSIFIED: Saying(
        N_("The open class of these data has not been set yet, so they cannot be handed out."),
        "第二十七条",
        403,
    ),
    Reason.APPLICATION_REQUIRED: Saying(
        N_("These data are open on conditions: apply, and download once your application is approved."),
        "第二十八条第二款",
        403,
        apply=True,
    ),
    Reason.OUT_OF_SCOPE: Saying(
        N_("Your grant does not cover this file as a whole."), "第二十八条第二款", 403, apply=True
    ),
    Reason.AGREEMENT_REQUIRED: Saying(
        N_("Your application is approved. Accept the use agreement first."), "第五十条第（三）项", 403
    ),
    Reason.GRANT_NOT_BEGUN: Saying(N_("Your grant has not begun yet."), "第二十八条第二款", 403),
    Reason.GRANT_EXPIRED: Saying(
        N_("Your grant has expired; you can apply again."), "第二十八条第二款", 403, apply=True
    ),
    Reason.GRANT_ENDED: Saying(
        N_("Your grant has ended; you can apply again."), "第二十八条第二款", 403, apply=True
    ),
    Reason.QUOTA_USED: Saying(
        N_("Your grant is used up: the data were handed out as often as it permits."),
        "第二十八条第二款",
        403,
        apply=True,
    ),
    Reason.TOO_OFTEN: Saying(
        N_("Your grant permits no more within this hour. Try again in the next."), "第二十八条第二款", 429
    ),
}


def explain(facts: Facts, decision: Decision) -> dict[str, Any]:
    """Return the answer of the gate in the form that programs get (``nmgdata_access_explain``)."""
    saying = SAYINGS[decision.reason]
    answer: dict[str, Any] = {
        "allowed": decision.allow,
        "reason": decision.reason.value,
        "message": _(saying.sentence),
        "legal_basis": f"{LAW}{saying.article}",
        "dataset_id": facts.dataset_id,
        "resource_id": facts.resource_id,
        "open_class": facts.open_class,
    }
    if facts.stop_case and not decision.allow:
        answer |= stopped(facts)
    if decision.reason is Reason.ACCESS_CLOSED and facts.closed:
        answer |= closing(facts.closed)
    if saying.apply and APPLY in ways:
        answer |= application(facts.dataset_id)
    if decision.reason in (Reason.AGREEMENT_REQUIRED, Reason.ACCESS_CLOSED) and MINE in ways:
        answer["next_url"] = tk.url_for(ways[MINE], qualified=True)
    if decision.grant:
        answer["valid_until"] = decision.grant.valid_until.isoformat()
    return answer


def application(dataset_id: str) -> dict[str, str]:
    """Return where data are applied for: here, or at the portal that keeps them."""
    there = elsewhere.of(dataset_id)
    if there and there.apply_url:
        return {"apply_url": there.apply_url, "apply_at": there.portal}
    return {"apply_url": tk.url_for(ways[APPLY], dataset_id=dataset_id, qualified=True)}


def closing(case_id: str) -> dict[str, Any]:
    """Return which case closes access and whose it is, also for others of one organisation (R-SUSP-04)."""
    query = sa.text(
        'SELECT c.number, g.title FROM nmgdata_case c LEFT JOIN "group" g ON g.id = c.org_id WHERE c.id = :id'
    )
    number, office = model.Session.execute(query, {"id": case_id}).one()
    text = _("Closed in case {number} by {department}, which says what to correct and how to object.")
    return {"case": number, "department": office, "why": text.format(number=number, department=office or "")}


def stopped(facts: Facts) -> dict[str, Any]:
    """Return what is public about a stop: case number, since when, why, where the register is."""
    said = stop_said(facts.stop_case or "")
    if facts.stop_since:
        said["since"] = facts.stop_since.isoformat()
    return said


def stop_said(number: str) -> dict[str, Any]:
    """Return what is public about the case behind a stop: number, why, where the register is."""
    said: dict[str, Any] = {"case": number}
    if text := why(number):
        said["why"] = text
    if REGISTER in ways:
        said["register_url"] = tk.url_for(ways[REGISTER], qualified=True)
    return said


def why(case_number: str) -> str | None:
    """Return why a case stopped data, in words fit for the public."""
    return next((text for ask in public_reasons if (text := ask(case_number))), None)


def sentence(reason: Reason) -> str:
    """Return what is said about a reason, in the reader's language."""
    return _(SAYINGS[reason].sentence)


def basis(reason: Reason) -> str:
    """Return the article a reason rests on."""
    return f"{LAW}{SAYINGS[reason].article}"


def status(decision: Decision) -> int:
    """Return the HTTP status of an answer at a download door."""
    return SAYINGS[decision.reason].status


def short(facts: Facts, decision: Decision) -> str:
    """Return one line for the action API: sentence, basis and machine-readable reason."""
    saying = SAYINGS[decision.reason]
    return f"{_(saying.sentence)} {LAW}{saying.article} [{decision.reason.value}]"


# --- the action API, which knows 403, 404 and 409 only ----------------------------------------------

STOPPED = (Reason.SUSPENDED, Reason.WITHDRAWN)
SAID = "nmgdata_said"
REFUSED = (403, 404, 409)


def answer_with(
    status: int, headers: dict[str, str] | None = None, stone: dict[str, Any] | None = None
) -> None:
    """Have the action API answer with a status of our own, if it refuses this request.

    :param stone: what the public may know of data that are gone; it goes beside the error
    """
    if has_request_context():
        setattr(g, SAID, (status, headers or {}, stone))


def say_status(response: Response) -> Response:
    """Answer as ``answer_with`` has asked for."""
    said = getattr(g, SAID, None)
    if said is None or response.status_code not in REFUSED or tk.request.endpoint != "api.action":
        return response
    response.status_code, headers, stone = said
    response.headers.update(headers)
    if stone is not None and response.is_json:
        body = json.loads(response.get_data())
        if isinstance(body.get("error"), dict):
            body["error"]["gone"] = stone
            response.set_data(json.dumps(body, ensure_ascii=False))
    return response
