"""The one place that says which shapes of values the portal takes; what it lets through, any check can read.

Forms send text. Programs send JSON, in which anything can stand anywhere: lists where a word belongs,
numbers no database has, text no database can keep, objects nested a thousandfold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context
from werkzeug.datastructures import FileStorage

_ = tk._
Action = Callable[[Context, dict[str, Any]], Any]

SEVERAL = frozenset(
    {"chosen", "datasets", "drop", "evidence", "files", "grounds", "ids", "resources", "sealed"}
)
"""Fields that take one value or several."""
COLUMNS = "fields-"
"""What the names of lists of columns begin with, one per thing that is applied for."""
STRUCTURED = frozenset(
    {
        "answers", "fields", "items", "scopes", "organisations", "classes", "limits", "allowed_hosts",
        "private_networks",
    }
)  # fmt: skip
"""Fields that hold lists or objects, which the action itself reads."""
NUMBERS = frozenset({"limit", "offset", "year", "every_hours", "grace_days", "guard_percent", "guard_number"})
PLACES = frozenset({"after", "before", "ids"})
"""Which row is meant: a number in some lists, a text in others."""
LIMITS = frozenset({"quota", "per_hour"})
"""Numbers whose own check says better what is wrong with a text."""
FLAGS = frozenset(
    {"copy", "is_key", "is_workday", "needs_id_number", "overdue", "stricter", "unread", "wanted"}
)
NAMES = frozenset(
    {
        "id", "name", "q", "type", "key", "user", "username", "user_id", "capacity", "role", "email",
        "dataset_id", "package_id", "resource_id", "resource_view_id", "view_id", "owner_org", "org_id",
        "organization_id", "group_id", "group", "object", "object_type", "vocabulary_id",
    }
)  # fmt: skip
"""What CKAN's actions look up in the database, where only text is a name of something."""
COUNTING = frozenset({"limit", "offset"})
"""What every list counts with, CKAN's too."""
REQUIRED = {
    "group_autocomplete": ("q",),
    "organization_autocomplete": ("q",),
    **dict.fromkeys(("group_member_create", "organization_member_create"), ("id", "username", "role")),
    **dict.fromkeys(("group_member_delete", "organization_member_delete"), ("id", "username")),
    "task_status_update_many": ("data",),
    "user_invite": ("email", "group_id", "role"),
    "job_show": ("id",),
}
"""What some of CKAN's actions cannot do without and do not ask for: they would fail on it."""
JOBS = frozenset({"job_show", "job_cancel"})
"""Actions whose ``id`` is a job's: of other text than this the queue makes an error of its own."""
JOB = re.compile(r"[A-Za-z0-9_-]{1,200}")
UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
LARGEST = 2**31 - 1
"""Largest number that every column and every page number can hold."""
DEEPEST = 20
"""How deep lists and objects may lie in one another."""


def is_several(name: str) -> bool:
    """Say whether a field of a form may be sent several times."""
    return name in SEVERAL or name.startswith(COLUMNS)


def unstorable(text: str) -> bool:
    """Say whether a text holds what PostgreSQL cannot keep: the character NUL, half of a surrogate pair."""
    return UNSTORABLE.search(text) is not None


# --- our own actions -----------------------------------------------------------------------------


def guarded(actions: dict[str, Action]) -> dict[str, Action]:
    """Return actions that refuse values of the wrong shape before anything else is done."""
    return {
        name: guard(action) if name.startswith("nmgdata_") else action for name, action in actions.items()
    }


def guard(action: Action) -> Action:
    """Return an action that takes values of the right shape only, and from nobody who is nobody.

    The action API hands over an object for a visitor without a login too, which CKAN then takes for an
    account: what asks for one would be open to everybody.
    """

    @wraps(action)
    def checked(context: Context, data_dict: dict[str, Any]) -> Any:
        if not isinstance(context.get("auth_user_obj"), model.User):
            context["auth_user_obj"] = None
        check(data_dict)
        return action(context, data_dict)

    return checked


def check(stated: dict[str, Any]) -> None:
    """Refuse values of the wrong shape, each at its field.

    :raises tk.ValidationError: there are some
    """
    faults = {str(name): fault(name, value) for name, value in stated.items()}
    errors: dict[str, Any] = {name: [message] for name, message in faults.items() if message}
    if errors:
        raise tk.ValidationError(errors)


def fault(name: str, value: Any) -> str:
    """Return what is wrong with the shape of a field's value, empty for nothing."""
    if name in STRUCTURED:
        found = broken({name: value})
        return found[1] if found else ""
    if isinstance(value, list | tuple):
        if name not in SEVERAL:
            return _("This must be one value, not several.")
        return next((message for one in value if (message := fault_of_one(name, one))), "")
    return fault_of_one(name, value)


def fault_of_one(name: str, value: Any) -> str:
    """Return what is wrong with one value."""
    if value is None or isinstance(value, FileStorage):
        return ""
    if isinstance(value, str):
        if unstorable(value):
            return _("This text holds characters that cannot be stored.")
        return fault_of_text(name, value)
    if isinstance(value, bool) and name in FLAGS:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and name in NUMBERS | PLACES | LIMITS:
        return "" if abs(value) <= LARGEST else _("This number is too large or too small.")
    return _("This must be a number.") if name in NUMBERS else _("This must be text.")


def fault_of_text(name: str, text: str) -> str:
    """Return what is wrong with a text where a number, or yes or no, is meant."""
    if name in FLAGS and not is_flag(text):
        return _("Answer yes or no.")
    return _("This must be a number.") if name in NUMBERS and not is_number(text) else ""


def is_flag(text: str) -> bool:
    """Say whether a text is empty, yes or no, as CKAN reads them."""
    try:
        tk.asbool(text.strip() or False)
    except ValueError:
        return False
    return True


def is_number(text: str) -> bool:
    """Say whether a text is empty or a number of a size that fits."""
    digits = text.removeprefix("-")
    return not text or (digits.isascii() and digits.isdigit() and len(digits) < len(str(LARGEST)))


# --- whatever a program sends --------------------------------------------------------------------


def lacking(action: str, sent: Any) -> str | None:
    """Return the first parameter that an action of CKAN's fails without and has not got."""
    given = sent if isinstance(sent, dict) else {}
    return next((name for name in REQUIRED.get(action, ()) if given.get(name) in (None, "")), None)


def misnamed(action: str, sent: Any) -> str | None:
    """Return the parameter that cannot be the name of anything the action knows."""
    given = sent.get("id") if isinstance(sent, dict) and action in JOBS else None
    return "id" if isinstance(given, str) and not JOB.fullmatch(given) else None


def broken(sent: Any) -> tuple[str, str] | None:
    """Return the field and the fault of the first value that no action at all can take; None for none."""
    for field, value, depth in walk(sent):
        is_name = depth == 1 and field in NAMES and not isinstance(value, str | None)
        if is_name and not asks_columns(field, value, sent):
            return field, _("This must be text.")
        if depth == 1 and field in COUNTING and not counts(value):
            return field, _("This must be a number.")
        if depth > DEEPEST:
            return field, _("These data are nested too deeply.")
        if isinstance(value, str) and unstorable(value):
            return field, _("This text holds characters that cannot be stored.")
        if isinstance(value, int | float) and not -(2**63) <= value < 2**63:
            return field, _("This number is too large or too small.")
    return None


def asks_columns(field: str, value: Any, sent: Any) -> bool:
    """Say whether a value asks a table for words by column, as ``datastore_search`` takes them."""
    is_query = field == "q" and isinstance(value, dict) and isinstance(sent, dict) and "resource_id" in sent
    return is_query and all(isinstance(word, str) for word in value.values())


def counts(value: Any) -> bool:
    """Say whether a value can say how many, or is left out."""
    return is_number(value) if isinstance(value, str) else value is None or isinstance(value, int)


def walk(sent: Any) -> Iterator[tuple[str, Any, int]]:
    """Yield every value with its field and depth; of what lies too deep only the first."""
    waiting: list[tuple[str, Any, int]] = [("", sent, 0)]
    while waiting:
        field, value, depth = waiting.pop()
        yield field, value, depth
        if isinstance(value, dict):
            for name, inner in value.items():
                yield str(name), name, depth
                waiting.append((field or str(name), inner, depth + 1))
        elif isinstance(value, list | tuple):
            waiting += [(field, inner, depth + 1) for inner in value]
