"""What is applied for: datasets, single files of them, single columns; and who decides about each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Context

from ..forms import LONGEST
from ..kernel import elsewhere
from ..kernel.gate import answers, stops
from ..kernel.gate.policy import Reason

_ = tk._
MOST = 50
"""Things that one application may ask for."""
FIELDS = 500


@dataclass(frozen=True)
class Wanted:
    """One thing applied for; ``fields`` None: all columns, ``resource_id`` None: every file."""

    dataset: dict[str, Any]
    resource_id: str | None = None
    fields: tuple[str, ...] | None = None
    answers: tuple[tuple[str, str], ...] = ()
    """Questions of the department, as they stand, with what was answered; nobody has to (R-OPEN-09)."""

    @property
    def dataset_id(self) -> str:
        """Return the id of the dataset."""
        return self.dataset["id"]

    @property
    def label(self) -> str:
        """Return the title of the dataset, with the name of the file if only that one is meant."""
        files = {resource["id"]: resource["name"] for resource in self.dataset["resources"]}
        return " · ".join(part for part in (self.dataset["title"], files.get(self.resource_id)) if part)

    @property
    def key(self) -> tuple[str, str | None]:
        """Return what makes it the same thing."""
        return self.dataset_id, self.resource_id


def read(context: Context, items: Any) -> list[Wanted]:
    """Return what the entries of a list ask for.

    :param items: dictionaries with ``dataset_id`` and, optional, ``resource_id``, ``fields``, ``answers``
    :raises tk.ValidationError: an entry that is none, asks for what needs or admits no application
        (R-COND-02), or stands twice; the message belongs to ``items``, with its place in the list
    :raises tk.ObjectNotFound: there is no such dataset, or the person who asks may not know of it
    """
    if not isinstance(items, list) or not items:
        raise tk.ValidationError({"items": [_("Name at least one dataset or file.")]})
    if len(items) > MOST:
        raise tk.ValidationError({"items": [_("At most {n} at once.").format(n=MOST)]})
    found = [one(context, item) for item in items]
    covered = {want.dataset_id for want in found if want.resource_id is None}
    keys = [want.key for want in found]
    if len(set(keys)) < len(keys) or any(w.resource_id and w.dataset_id in covered for w in found):
        raise tk.ValidationError({"items": [_("The same data stand in the application twice.")]})
    return found


def one(context: Context, item: Any) -> Wanted:
    """Return what one entry asks for."""
    if not isinstance(item, dict) or not isinstance(item.get("dataset_id"), str):
        raise tk.ValidationError({"dataset_id": [_("Name at least one dataset or file.")]})
    asked: Context = {"user": context.get("user", "")}
    dataset = tk.get_action("package_show")(asked, {"id": item["dataset_id"]})
    reason = stops.application(dataset["id"])
    if reason is not Reason.APPLICATION_REQUIRED:
        raise tk.ValidationError({"dataset_id": [answers.sentence(reason)]})
    refuse_what_lies_elsewhere(dataset["id"])
    return Wanted(
        dataset,
        file_of(dataset, item.get("resource_id")),
        fields_of(dataset, item),
        answers_to(dataset, item),
    )


def found(context: Context, item: Any) -> Wanted | None:
    """Return what one entry asks for; None where it cannot be applied for, or not any more."""
    try:
        return one(context, item)
    except (tk.ValidationError, tk.ObjectNotFound, tk.NotAuthorized):
        return None


def refuse_what_lies_elsewhere(dataset_id: str) -> None:
    """Refuse data that another portal keeps and decides about; say where they are applied for (DC-53)."""
    found = elsewhere.of(dataset_id)
    if found and found.apply_url:
        message = _("These data lie on the portal {portal}, which decides about them. Apply there: {address}")
        raise tk.ValidationError(
            {"dataset_id": [message.format(portal=found.portal, address=found.apply_url)]}
        )


def file_of(dataset: dict[str, Any], resource_id: Any) -> str | None:
    """Return the file that is wanted alone."""
    if resource_id in (None, ""):
        return None
    if resource_id not in [resource["id"] for resource in dataset["resources"]]:
        raise tk.ValidationError({"resource_id": [_("This file does not belong to the dataset.")]})
    return resource_id


def fields_of(dataset: dict[str, Any], item: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the columns that are wanted, in the catalogue's order; all of them is no limit."""
    chosen = item.get("fields") or []
    chosen = [chosen] if isinstance(chosen, str) else chosen
    known = [entry["name"] for entry in dataset.get("data_items") or []]
    if not isinstance(chosen, list) or len(chosen) > FIELDS or any(name not in known for name in chosen):
        raise tk.ValidationError({"fields": [_("Choose from the data items of the catalogue entry.")]})
    return tuple(name for name in known if name in chosen) if set(chosen) < set(known) and chosen else None


def questions(dataset: dict[str, Any]) -> list[str]:
    """Return what a department asks of those who apply for a dataset."""
    return str(dataset.get("application_questions") or "").splitlines()


def answers_to(dataset: dict[str, Any], item: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the questions that were answered, with the answers."""
    given = item.get("answers") or []
    right = isinstance(given, list) and all(isinstance(text, str) and len(text) <= LONGEST for text in given)
    if not right:
        raise tk.ValidationError(
            {"answers": [_("Answer the questions of the department as a list of texts.")]}
        )
    pairs = zip(questions(dataset), given, strict=False)
    return tuple((question, text.strip()) for question, text in pairs if text.strip())


def needs_id_number(wants: Iterable[Wanted]) -> bool:
    """Say whether the condition of one of these entries needs to know who a person is (DC-18)."""
    return any(bool(want.dataset.get("needs_id_number")) for want in wants)


def by_department(wants: Iterable[Wanted]) -> dict[str, list[Wanted]]:
    """Return what each department decides about: one case each (R-COND-03)."""
    found: dict[str, list[Wanted]] = defaultdict(list)
    for want in wants:
        found[elsewhere.office(want.dataset) or ""].append(want)
    return dict(found)
