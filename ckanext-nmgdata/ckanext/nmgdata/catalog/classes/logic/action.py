"""Actions of classes that move; later steps of their cases go through ``nmgdata_case_transition``."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.logic import validate
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict
from werkzeug.datastructures import FileStorage

from ....kernel import orgs
from ....kernel.evidence import files as evidence
from ....kernel.gate.doors import actor_of
from ....kernel.openness import is_stricter
from ....kernel.workflow.model import Case
from .. import filing, history, present
from ..model import CONCLUSIONS
from . import schema

_ = tk._
MOST = 500


@validate(schema.reference)
def nmgdata_class_change_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change the open class of a published entry of your department (Art. 28, 29).

    Towards more open it takes effect at once; towards less open the authority reviews the proposal first.
    So it is with the conditions of conditional data, whose class stays ``conditional``.

    :param id: the id or name of the dataset
    :type id: string
    :param open_class: the class it is to have: ``unconditional``, ``conditional`` or ``non_open``
    :param reason: why the data are not open unconditionally; published, for ``conditional`` and ``non_open``
    :param legal_basis: the law and article this rests on; published, likewise
    :param open_condition: the conditions of opening; published, for ``conditional``
    :param needs_id_number: whether natural persons state their ID number, for ``conditional``; left out, it
        stays as it is. To ask for it makes conditions harder, no longer to ask for it easier.
    :param conditions: ``harder`` or ``easier``, where only the conditions change
    :param nonopen_ground: ``trade_secret``, ``personal_privacy`` or ``barred_by_law``, for ``non_open``
    :param evaluation: what the evaluation has found, where conditional data become unconditional, or their
        conditions easier
    :param basis: ``processing`` or ``consent``, where non-open data become open
    :param processing_kind: ``desensitized`` or ``declassified``, with ``processing``
    :param processing: how the data were processed; every file of the entry must have been replaced
    :param consented_by: who has consented, with ``consent``
    :param secrecy_review: who has reviewed the secrecy, when, with what result; towards more open
    :param license_id: a licence that allows re-use, for ``unconditional`` (default: the entry's own)
    :param evidence: files, PDF, JPEG or PNG (multipart upload): the consent, or what proves the processing

    :returns: ``id``, ``number`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_class_change_submit", context, data_dict)
    actor, dataset = actor_of(context), existing(data_dict["id"])
    after, errors = tk.navl_validate(
        {"open_class": data_dict.get("open_class", "")}, {"open_class": [schema.open_class]}, context
    )
    if errors:
        raise tk.ValidationError(errors)
    uploads = data_dict.pop("evidence", None) or []
    if is_stricter(after["open_class"], (dataset.extras or {}).get("open_class")):
        sent = [one for one in (uploads if isinstance(uploads, list) else [uploads]) if is_file(one)]
        wrong = evidence.take(actor, data_dict, sent)
        if wrong:
            raise tk.ValidationError({"evidence": wrong})
    return brief(filing.change(actor, dataset.id, after["open_class"], data_dict))


def is_file(upload: Any) -> bool:
    """Say whether something that was sent is a file."""
    return isinstance(upload, FileStorage)


def existing(reference: str) -> model.Package:
    """Return a dataset by id or name."""
    dataset = model.Package.get(reference)
    if dataset is None or dataset.state != model.State.ACTIVE:
        raise tk.ObjectNotFound(_("Dataset not found"))
    return dataset


def brief(case: Case) -> dict[str, Any]:
    """Return what the filer keeps of a case."""
    return {"id": case.id, "number": case.number, "status": case.status}


@validate(schema.reference)
def nmgdata_evaluation_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Evaluate whether data that are not, or not fully, open can be opened (Art. 29).

    :param id: the id or number of the evaluation's case, or the id or name of the dataset
    :type id: string
    :param conclusion: ``keep``, ``convertible`` (begins a change of class, to be carried out within the
        period), ``ease`` (makes the conditions of published conditional data easier, at once) or ``tighten``
        (proposes a stricter class to the authority)
    :param q_demand: ``yes``, ``no`` or ``unclear``, like the other questions
    :param q_basis: whether the legal basis still holds
    :param q_sensitive: whether they hold trade secrets or personal data
    :param q_processing: whether they could be opened after processing
    :param q_consent: whether the rights holders could be asked
    :param q_part: whether a part could be opened
    :param findings: what the evaluation has found
    :param target: the class that is right, with ``convertible`` and ``tighten``
    :param reason: why the class is kept, or made stricter; published
    :param legal_basis: the law and article; published
    :param open_condition: the conditions of opening, where they become easier or the class ``conditional``
    :param needs_id_number: whether natural persons state their ID number, with ``ease``
    :param nonopen_ground: the ground, where the class becomes ``non_open``

    :returns: ``id``, ``number`` and ``status`` of the case, and ``change``, the number of the change of
        class or conditions that it began
    :rtype: dictionary
    """
    tk.check_access("nmgdata_evaluation_submit", context, data_dict)
    conclusion = data_dict.get("conclusion")
    if conclusion not in CONCLUSIONS:
        form = schema.questionnaire()
        _stated, errors = tk.navl_validate({name: data_dict.get(name, "") for name in form}, form, context)
        raise tk.ValidationError({**errors, "conclusion": [_("Choose one of the entries.")]})
    case = filing.evaluate(actor_of(context), data_dict["id"], conclusion, data_dict)
    return {**brief(case), "change": present.change_of(case)}


@tk.side_effect_free
@validate(schema.evaluation_list)
def nmgdata_evaluation_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the evaluations that are to be made by your department, or in your region; the most urgent first.

    :param org_id: only of this department, by id or name (optional)
    :type org_id: string
    :param overdue: only those whose date has passed (default: false)
    :type overdue: bool
    :param limit: at most so many, 500 at the most (default: 100)
    :type limit: int

    :returns: per evaluation ``number``, ``dataset_id``, ``title``, ``department``, ``open_class``,
        ``published``, ``due_on``, ``overdue`` and ``last``, what the last one concluded and when
    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_evaluation_list", context, data_dict)
    asked = data_dict.get("org_id") or ""
    limit, org_id = min(data_dict["limit"], MOST), (orgs.department(asked) or asked)
    found = filing.due(actor_of(context), org_id=org_id, overdue=data_dict["overdue"], limit=limit)
    return present.due_lines(found)


@tk.side_effect_free
@validate(schema.history_list)
def nmgdata_class_history_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List which open classes an entry has had (“was open until”), or the newest changes of all entries.

    :param id: the id or name of a dataset (optional)
    :type id: string
    :param stricter: only changes that closed something, of all entries (default: false)
    :type stricter: bool
    :param limit: at most so many, 500 at the most (default: 100)
    :type limit: int
    :param offset: where to begin (default: 0)
    :type offset: int

    :returns: per period ``open_class``, ``before``, ``since``, ``until``, ``stricter``, ``title``,
        ``department``, ``case_number``, ``reason`` and ``legal_basis``
    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_class_history_list", context, data_dict)
    if data_dict.get("id"):
        return history.of_dataset(existing(data_dict["id"]).id)
    limit = min(data_dict["limit"], MOST)
    return history.announcements(limit, data_dict["offset"], stricter=data_dict["stricter"])


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_class_change_submit, nmgdata_evaluation_submit, nmgdata_evaluation_list,
        nmgdata_class_history_list,
    )
}  # fmt: skip
