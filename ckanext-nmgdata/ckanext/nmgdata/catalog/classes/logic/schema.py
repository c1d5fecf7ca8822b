"""Forms of a change of class and of an evaluation; what must be stated follows from the direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan import model
from ckan.logic.schema import validator_args
from ckan.plugins import toolkit as tk
from ckan.types import (
    Context,
    FlattenDataDict,
    FlattenErrorDict,
    FlattenKey,
    Schema,
    Validator,
    ValidatorFactory,
)

from .... import vocab
from ....forms import one_of_terms, stated, without_personal_data
from ....kernel.openness import CONDITIONAL, NON_OPEN, ORDER, UNCONDITIONAL, rank
from ... import rules
from ..model import CONSENT, EVALUATION, PROCESSING, ClassChange, Evaluation

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
KINDS = {"desensitized": N_("Desensitization (脱敏)"), "declassified": N_("Declassification (脱密)")}
"""How data that were not open may be processed so that they can be (R29¶3)."""
QUESTIONS = {
    "q_demand": N_("Does anybody ask for these data (applications, suggestions, other agencies)?"),
    "q_basis": N_("Does the legal basis that keeps them from being open still hold?"),
    "q_sensitive": N_("Do they still hold trade secrets or personal data?"),
    "q_processing": N_("Could they be opened after desensitization or declassification?"),
    "q_consent": N_("Could the rights holders be asked for their consent?"),
    "q_part": N_("Could a part of the fields or rows be opened?"),
}
"""What every evaluation asks (R29¶1)."""
ANSWERS = {"yes": N_("Yes"), "no": N_("No"), "unclear": N_("Unclear")}
Needs = Callable[[ClassChange, FlattenDataDict], bool]


# --- what depends on the direction ---------------------------------------------------------------


def change_of(context: Context) -> ClassChange:
    """Return what the case in the context is to change."""
    case: Any = context.get("case")
    return model.Session.get_one(ClassChange, case.id)


def needed(needs: Needs, check: Callable[[Any], Any], *, public: bool = False) -> Callable[..., None]:
    """Return a validator for a field that some changes must state and others do not know."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        if not needs(change_of(context), data):
            data[key] = None
            return
        try:
            data[key] = check(data.get(key) or "")
        except tk.Invalid as invalid:
            errors[key].append(invalid.error)
        if public:
            without_personal_data(key, data, errors, context)

    return validator


def basis(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    """R-OPEN-06, R-OPEN-07: conditional data open by an evaluation, others by processing or consent."""
    if change_of(context).before != NON_OPEN:
        data[key] = EVALUATION
    elif data.get(key) not in (PROCESSING, CONSENT):
        errors[key].append(
            _("Data that are not open become open after processing, or with the rights holders' consent.")
        )


def rests_on(wanted: str) -> Needs:
    """Return the condition that a change rests on something."""
    return lambda row, data: row.before == NON_OPEN and data.get(("basis",)) == wanted


def becomes(*classes: str) -> Needs:
    """Return the condition that the class becomes one of these."""
    return lambda row, _data: row.after in classes


def kind(value: Any) -> str:
    """Accept a kind of processing."""
    if value not in KINDS:
        raise tk.Invalid(_("Choose one of the entries."))
    return str(value)


def licence(value: Any) -> str | None:
    """Accept a licence that lets data be re-used; none stays with the entry's own (R-FREE-03)."""
    if not value:
        return None
    if value not in model.Package.get_license_register() or value in rules.NO_REUSE:
        raise tk.Invalid(_("Unconditionally open data need a licence that allows re-use."))
    return str(value)


def id_number(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    """Whether natural persons state their ID number (DC-18); None: as the entry has it."""
    said = data.get(key)
    data[key] = None
    if said in ("", None, tk.missing) or change_of(context).after != CONDITIONAL:
        return
    try:
        data[key] = tk.asbool(said)
    except ValueError:
        errors[key].append(_("Answer yes or no."))


def secret(value: Any) -> str:
    """Accept the secret of a form with attached files; a program that attaches none has none."""
    return str(value or "")


def reasons(*classes: str) -> Schema:
    """What the entry says from now on of why it is not open unconditionally; public."""
    return {
        "reason": [
            needed(
                becomes(*classes),
                stated(10, _("State why these data are not open unconditionally.")),
                public=True,
            )
        ],
        "legal_basis": [
            needed(becomes(*classes), stated(4, _("State the law or regulation this open class rests on.")))
        ],
        "open_condition": [
            needed(
                becomes(CONDITIONAL),
                stated(
                    10,
                    _("State the conditions on which these data are open (target, purpose, scope of use)."),
                ),
                public=True,
            )
        ],
        "needs_id_number": [id_number],
    }


# --- the change ----------------------------------------------------------------------------------


def opening() -> Schema:
    """What the department states to open its data further (R-OPEN-06, R-OPEN-07, R-SEC-04)."""
    return {
        "basis": [basis],
        "evaluation": [
            needed(
                lambda row, _data: row.before == CONDITIONAL,
                stated(10, _("State what the evaluation has found.")),
            )
        ],
        "processing_kind": [needed(rests_on(PROCESSING), kind)],
        "processing": [needed(rests_on(PROCESSING), stated(10, _("State how the data were processed.")))],
        "consented_by": [needed(rests_on(CONSENT), stated(2, _("State who has consented.")))],
        "secrecy_review": [
            stated(4, _("State who has reviewed the secrecy of these data, when, with what result."))
        ],
        **reasons(CONDITIONAL),
        "license_id": [needed(becomes(UNCONDITIONAL), licence)],
        "form": [secret],
    }


def easing() -> Schema:
    """What the department states to make conditions easier; why there are any stays as it is (R-OPEN-09)."""
    return {
        "evaluation": [stated(10, _("State what the evaluation has found."))],
        **{name: reasons(CONDITIONAL)[name] for name in ("open_condition", "needs_id_number")},
    }


def tightening() -> Schema:
    """What the department states to close its data further (R-OPEN-13)."""
    return {
        **reasons(CONDITIONAL, NON_OPEN),
        "nonopen_ground": [needed(becomes(NON_OPEN), one_of_terms("nonopen_ground"))],
    }


def approval() -> Schema:
    """What the authority may say to its approval."""
    return {"opinion": [tk.get_validator("ignore_missing"), secret]}


def returning() -> Schema:
    """Why the authority returns a proposal, or a department gives one up."""
    return {"reason": [stated(4, _("State the reason."))]}


# --- the evaluation ------------------------------------------------------------------------------


def answer(value: Any) -> str:
    """Accept one of the three answers."""
    if value not in ANSWERS:
        raise tk.Invalid(_("Answer yes, no or unclear."))
    return str(value)


def questionnaire() -> Schema:
    """What every evaluation answers."""
    return {
        **{name: [answer] for name in QUESTIONS},
        "findings": [stated(10, _("State what the evaluation has found."))],
    }


def target(direction: int) -> Callable[..., None]:
    """Return a validator for the class an evaluation finds right: more open (1) or stricter (-1)."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        case: Any = context.get("case")
        row = model.Session.get_one(Evaluation, case.id)
        if data.get(key) not in targets(row.open_class, row.published, direction):
            errors[key].append(_("Choose one of the entries."))

    return validator


def targets(open_class: str | None, published: bool, direction: int) -> list[str]:
    """Return the classes an entry may move to; what was never published may also open as it is classed."""
    if not published and direction < 0:
        return []  # its class is changed by editing it
    here = rank(open_class)
    found = [name for name in ORDER if (rank(name) - here) * direction > 0]
    if not published and direction > 0 and open_class != NON_OPEN:
        found = [str(open_class), *found]
    return found


def keeping() -> Schema:
    """Why an entry keeps its class: the reason and the basis anew (R-OPEN-08)."""
    return {
        **questionnaire(),
        "reason": [stated(10, _("State why these data stay as they are.")), without_personal_data],
        "legal_basis": [stated(4, _("State the law or regulation this open class rests on."))],
    }


def converting() -> Schema:
    """That data can be opened further, and how far (R-OPEN-06)."""
    return {**questionnaire(), "target": [target(1)]}


def loosening() -> Schema:
    """That conditions can be made easier; they are checked as the change that it brings (R-OPEN-09)."""
    return {**questionnaire(), "open_condition": [secret], "needs_id_number": [passed_on]}


def passed_on(value: Any) -> Any:
    """Leave a value as it was sent, to be checked by the form of the case that it begins."""
    return value


def closing() -> Schema:
    """That data are to be closed further; the rest is checked as the proposal that it begins."""
    names = ("reason", "legal_basis", "open_condition", "nonopen_ground")
    return {**questionnaire(), "target": [target(-1)], **{name: [secret] for name in names}}


# --- actions -------------------------------------------------------------------------------------


def open_class(value: Any) -> str:
    """Accept an open class."""
    if value not in vocab.terms("open_class"):
        raise tk.Invalid(_("“{value}” is not in the list; choose one of the entries.").format(value=value))
    return str(value)


@validator_args
def reference(not_empty: Validator, unicode_safe: Validator, keep_extras: Validator) -> Schema:
    """Name an entry; the form of the step says what else belongs to it."""
    return {"id": [not_empty, unicode_safe], "__extras": [keep_extras]}


@validator_args
def evaluation_list(
    default: ValidatorFactory, ignore_empty: Validator, unicode_safe: Validator, boolean_validator: Validator,
    natural_number_validator: Validator,
) -> Schema:  # fmt: skip
    """Choose evaluations."""
    return {
        "org_id": [ignore_empty, unicode_safe],
        "overdue": [default(False), boolean_validator],
        "limit": [default(100), natural_number_validator],
    }


@validator_args
def history_list(
    default: ValidatorFactory, ignore_empty: Validator, unicode_safe: Validator, boolean_validator: Validator,
    natural_number_validator: Validator,
) -> Schema:  # fmt: skip
    """Choose changes of class."""
    return {
        "id": [ignore_empty, unicode_safe],
        "stricter": [default(False), boolean_validator],
        "limit": [default(100), natural_number_validator],
        "offset": [default(0), natural_number_validator],
    }
