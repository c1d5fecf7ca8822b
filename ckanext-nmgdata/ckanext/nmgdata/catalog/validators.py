"""Validators that hang the rules of the catalogue on the schema (``schemas/*.yaml``)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ckan import model
from ckan.lib.navl.dictization_functions import Missing, unflatten
from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey
from ckanext.scheming.validation import scheming_validator

from .. import config, vocab
from ..kernel import addresses, openness, orgs
from ..kernel.gate import origins, stored
from ..kernel.openness import NON_OPEN
from . import identifiers, names, publish, rules
from .classes import rule

_ = tk._
Field = dict[str, Any]
NAME_OF_ITEM = re.compile(r"[^\s,;，；]{1,100}")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""What nobody types: characters that steer machines, or turn the direction of what follows."""
QUESTIONS, QUESTION_LENGTH = 3, 100
URL = re.compile(r"https?://[^\s/?#]+([/?#]\S*)?", re.IGNORECASE)


def is_empty(value: Any) -> bool:
    """Say whether nothing was given."""
    return isinstance(value, Missing) or value is None or (isinstance(value, str) and not value.strip())


def entry_of(data: FlattenDataDict) -> dict[str, Any]:
    """Return the entry being validated as a plain dictionary, without what is missing."""
    return unflatten({key: value for key, value in data.items() if not isinstance(value, Missing)})


@scheming_validator
def nmgdata_required(field: Field, schema: Field) -> Any:
    """Demand a required field of every entry but an unpublished one (R-CAT-01); drop what is empty.

    An entry that another portal keeps is not refused for what that portal does not say (DC-11).
    """

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        if not is_empty(data.get(key)):
            return
        demanded = field.get("required") and not publish.is_private(data.get(("private",)))
        if demanded and not publish.source_of(context):
            errors[key].append(_("Please fill in this field."))
        data.pop(key, None)
        raise tk.StopOnError

    return validator


def nmgdata_text(value: Any) -> str:
    """Return a text without control characters and outer blanks."""
    if not isinstance(value, (str, int, float)):
        raise tk.Invalid(_("This must be text."))
    return CONTROL.sub("", str(value)).strip()


@scheming_validator
def nmgdata_term(field: Field, schema: Field) -> Any:
    """Accept only slugs of the field's vocabulary."""

    def validator(value: Any) -> str:
        if not isinstance(value, str) or value not in vocab.terms(field["vocabulary"]):
            raise tk.Invalid(
                _("“{value}” is not in the list; choose one of the entries.").format(value=value)
            )
        return value

    return validator


def nmgdata_region(value: Any) -> str:
    """Accept a division of GB/T 2260 that lies in the portal's region."""
    if not isinstance(value, str) or value not in vocab.terms("division"):
        raise tk.Invalid(_("“{value}” is not a division code of Inner Mongolia.").format(value=value))
    if not vocab.lies_within(value, config.region()):
        name = vocab.label("division", config.region())
        raise tk.Invalid(_("This portal holds data of {region} only.").format(region=name))
    return value


def nmgdata_flag(value: Any) -> str:
    """Store yes and no as ``true`` and ``false``."""
    try:
        return "true" if tk.asbool(value) else "false"
    except ValueError as error:
        raise tk.Invalid(_("Answer yes or no.")) from error


def nmgdata_flag_output(value: Any) -> Any:
    """Return a stored flag as a boolean."""
    return value if isinstance(value, bool) else value == "true"


def nmgdata_dataset_name(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Make a URL name from the title when none is given, and one that nobody guesses for what is not open."""
    title, typed = data.get(("title",)), data.get(key)
    if is_empty(typed):
        typed = title
    elif data.get(("open_class",)) != NON_OPEN or keeps_name(context, typed):
        return
    if not is_empty(typed):
        data[key] = free_name(str(typed), str(data.get(("owner_org",)) or ""))


def keeps_name(context: Context, typed: Any) -> bool:
    """Say whether a non-open entry had its name before; whoever asks for a taken name learns that it is."""
    package = context.get("package")
    known = package and package.name == typed and (package.extras or {}).get("open_class") == NON_OPEN
    return bool(known or context.get("ignore_auth"))


def free_name(title: str, salt: str) -> str:
    """Return a name that no other dataset has; a second one of the same title gets a number.

    Its hash is keyed: who tries names of another department's non-open entries has to guess it (DC-28).
    """
    salt = addresses.digest("name", salt)
    for turn in range(1, 1000):
        name = names.from_title(title, salt if turn == 1 else f"{salt}#{turn}")
        if model.Package.by_name(name) is None:
            return name
    raise tk.Invalid(_("Too many datasets have this title; give a URL name."))


def nmgdata_organisation_name(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Make a URL name of an organisation from its title when none is given."""
    title = data.get(("title",))
    if is_empty(data.get(key)) and not is_empty(title):
        data[key] = names.from_title(str(title))


def nmgdata_resource_url(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Accept web addresses only, and give a link that did not change its gate address back."""
    value = str(data.get(key) or "").strip()
    resource_id = data.get((*key[:-1], "id"))
    if data.get((*key[:-1], "url_type")) == origins.UPLOAD or not value:
        return
    if value != origins.TABLE_ONLY and (wrong := fault_of_address(value)):
        errors[key].append(wrong)
    elif isinstance(resource_id, str) and origins.true_link(resource_id) == value:
        resource = model.Resource.get(resource_id)
        data[key] = resource.url if resource else value


def fault_of_address(value: str) -> str:
    """Return what is wrong with a link, empty for nothing; it is handed out, so it may hold no password."""
    try:
        host = urlsplit(value).netloc if URL.fullmatch(value) else ""
    except ValueError:
        host = ""
    if not host:
        return _("Give an address that begins with http:// or https://.")
    if "@" in host:
        return _("Give the address without user name and password: everybody who downloads could read them.")
    return ""


def nmgdata_questions(value: Any) -> str:
    """Accept a few short questions to applicants, one per line (R-OPEN-09: no added obstacle)."""
    lines = [line.strip() for line in str(value or "").splitlines() if line.strip()]
    if len(lines) > QUESTIONS or any(len(line) > QUESTION_LENGTH for line in lines):
        message = _("At most {n} questions of at most {length} characters.")
        raise tk.Invalid(message.format(n=QUESTIONS, length=QUESTION_LENGTH))
    return "\n".join(lines)


def nmgdata_identifier(value: Any) -> str:
    """Accept a catalogue code of the portal's pattern (R-CAT-14)."""
    if not isinstance(value, str) or not identifiers.is_valid(value.strip()):
        raise tk.Invalid(_("This is not a catalogue code; leave it empty and one is given."))
    return value.strip()


def nmgdata_unique_items(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Refuse a data item whose name stands twice, in the row of the second."""
    seen: set[str] = set()
    for index in sorted({k[1] for k in data if k[0] == "data_items" and len(k) == 3}):
        said = data.get(("data_items", index, "name"))
        name = "" if is_empty(said) else str(said)
        if name in seen:
            errors.setdefault(("data_items", index, "name"), []).append(_("This name stands twice."))
        seen.add(name)


def nmgdata_item_name(value: Any) -> str:
    """Accept a column name: no blanks, no separators, at most 100 characters."""
    if not isinstance(value, str) or not NAME_OF_ITEM.fullmatch(value.strip()):
        raise tk.Invalid(_("Use a name without blanks, commas or semicolons."))
    return value.strip()


def nmgdata_entry(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    """Hold the entry to every rule of ``catalog.rules``; each fault goes to its field.

    Of an entry that another portal keeps only its class is judged: that is what the portal may set.
    """
    entry = entry_of(data)
    elsewhere = publish.source_of(context)
    moved = rule.fault(context, context.get("package"), entry.get("open_class"))
    if moved:
        add(errors, "open_class", moved)
    elif entry.get("open_class") == openness.CONDITIONAL:
        for field, message in rule.conditions_faults(context, context.get("package"), entry).items():
            add(errors, field, message)
    if not publish.is_public(entry) and (kept := rule.hiding(context, context.get("package"))):
        add(errors, "private" if entry.get("state", "active") == "active" else "state", kept)
    for field, message in rules.faults(entry, public=publish.is_public(entry)).items():
        if not elsewhere or field == "open_class":
            add(errors, field, message)
    for field, message in publish.region_faults(entry).items():
        add(errors, field, message)


def add(errors: FlattenErrorDict, field: str, message: str) -> None:
    """Add a message to a field, unless the field has one already."""
    found = errors.setdefault((field,), [])
    if not found:
        found.append(message)


def nmgdata_give_identifier(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Give an entry without a catalogue code the next one, and refuse one that is taken (R-CAT-14)."""
    if any(errors.values()) or publish.source_of(context):
        return
    entry = entry_of(data)
    package = context.get("package")
    dataset_id = package.id if package else None
    stored = stored_identifier(package)
    wanted = entry.get("identifier")
    if stored and (is_empty(wanted) or wanted == stored):
        set_extra(data, "identifier", stored)
    elif is_empty(wanted):
        set_extra(data, "identifier", identifiers.next_code(entry))
    elif identifiers.is_taken(str(wanted), dataset_id):
        add(errors, "identifier", _("Another entry has this catalogue code."))


def stored_identifier(package: model.Package | None) -> str | None:
    """Return the code a saved entry has."""
    return (package.extras or {}).get("identifier") if package else None


def set_extra(data: FlattenDataDict, name: str, value: str) -> None:
    """Put a value among the extras that are about to be stored."""
    taken = {k[1]: data[k] for k in data if len(k) == 3 and k[0] == "extras" and k[2] == "key"}
    index = next((i for i, key in taken.items() if key == name), max(taken, default=-1) + 1)
    data[("extras", index, "key")] = name
    data[("extras", index, "value")] = value
    data[(name,)] = value


def nmgdata_one_authority(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """R-ROLE-01: a region has one public-data authority."""
    if data.get(key) != "authority":
        return
    region = data.get(("region_code",)) or config.region()
    group = context.get("group")
    if orgs.other_authority(str(region), group.id if group else None):
        errors[key].append(_("This region already has a public-data authority."))


def resource_id_does_not_exist(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Refuse the id of another entry's file, in place of CKAN's: also where that file is deleted or purged.

    What is left of such a file would be served by the rules of the entry that takes its id.
    """
    value = data[key]
    if isinstance(value, str) and stored.is_of_another(value, data.get(("id",))):
        errors[key].append(_("This id belongs to a file of another entry."))


VALIDATORS = {
    function.__name__: function
    for function in (
        nmgdata_required, nmgdata_text, nmgdata_term, nmgdata_region, nmgdata_flag, nmgdata_flag_output,
        nmgdata_dataset_name, nmgdata_organisation_name, nmgdata_resource_url, nmgdata_identifier,
        nmgdata_questions,
        nmgdata_unique_items, nmgdata_item_name, nmgdata_entry,
        nmgdata_give_identifier, nmgdata_one_authority,
    )
}  # fmt: skip
