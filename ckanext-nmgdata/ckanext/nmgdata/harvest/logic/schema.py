"""What the form of a source takes, field by field, from people's forms and from programs alike."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from ckan.plugins import toolkit as tk

from ... import config, shapes, vocab
from ...kernel import orgs
from ..model import HERE, ORIGIN, SourceState
from ..remote.formats import Format
from ..remote.spec import CREDENTIALS, MIB, split

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
NAME = re.compile(r"[a-z0-9_-]{2,100}")
RESERVED = frozenset({"new"})
HOST = re.compile(r"(?:[^\s/@:\[\]?#]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
LONGEST, LONGEST_ADDRESS, MOST = 500, 2000, 500
NARROWEST = {4: 16, 6: 48}
"""Shortest prefix of an exception by version of IP: whoever opens more has not named a network."""
LIMITS: dict[str, tuple[str, int, int, int]] = {
    "request_seconds": (N_("Seconds for one page"), 1, 1, 1800),
    "page_bytes": (N_("Size of one page (MiB)"), MIB, 1, 512),
    "pages": (N_("Pages"), 1, 1, 100_000),
    "parse_seconds": (N_("Seconds of processor time to read one page"), 1, 1, 600),
    "parse_bytes": (N_("Memory to read one page (MiB)"), MIB, 256, 4096),
    "retry_after_seconds": (N_("Seconds that the server may ask to wait"), 1, 0, 3600),
}
"""Limits that may differ for a source: name, unit, smallest and largest value in that unit."""


def text(longest: int = LONGEST) -> Callable[[Any], str | None]:
    """Return a reader of short texts without control characters."""

    def read(value: Any) -> str | None:
        said = " ".join(str(value or "").split())
        if shapes.unstorable(said) or not said.isprintable():
            raise tk.Invalid(_("This text holds characters that cannot be stored."))
        if len(said) > longest:
            raise tk.Invalid(_("Please be briefer: at most {n} characters.").format(n=longest))
        return said or None

    return read


def name(value: Any) -> str:
    """Read the name of a source in addresses."""
    said = str(value or "").strip()
    if not NAME.fullmatch(said) or said in RESERVED:
        raise tk.Invalid(_("Use 2 to 100 small letters, digits, “-” and “_”."))
    return said


def region(value: Any) -> str:
    """Read the code of a division within the portal's own region."""
    said, here = str(value or "").strip(), config.region()
    if said not in vocab.terms("division") or said == here or not vocab.lies_within(said, here):
        raise tk.Invalid(_("Choose a division within the region of this portal."))
    return said


def address(value: Any) -> str:
    """Read a web address, as the connection will be made to it."""
    said = str(value or "").strip()
    if len(said) > LONGEST_ADDRESS or re.search(r"[\s\x00-\x1f]", said):
        raise tk.Invalid(_("This is no web address."))
    try:
        parts = split(said)
    except ValueError:
        message = _("This is no web address: it begins with http:// or https:// and holds no user name.")
        raise tk.Invalid(message) from None
    return parts._replace(fragment=None).url


def optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a reader that takes an empty value for none."""
    return lambda value: None if value is None or not str(value).strip() else read(value)


def one_of(values: Any) -> Callable[[Any], str]:
    """Return a reader of one of some words."""
    known = {str(one) for one in values}

    def read(value: Any) -> str:
        if str(value) not in known:
            raise tk.Invalid(_("Choose one of the entries."))
        return str(value)

    return read


def organisation(value: Any) -> str:
    """Read the id or name of an active organisation; return its id."""
    found = orgs.department(str(value or "").strip()) if str(value or "").strip() else None
    if found is None:
        raise tk.Invalid(_("There is no such organisation."))
    return found


def whole(smallest: int, largest: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers within bounds."""

    def read(value: Any) -> int:
        said = str(value).strip()
        number = int(said) if shapes.is_number(said) and said.strip("-") else None
        if number is None or isinstance(value, bool | float) or not smallest <= number <= largest:
            message = _("Give a whole number from {smallest} to {largest}.")
            raise tk.Invalid(message.format(smallest=smallest, largest=largest))
        return number

    return read


# --- lists and tables ----------------------------------------------------------------------------


def lines(value: Any) -> list[str]:
    """Read a list, or the lines of a text."""
    if isinstance(value, dict) or (isinstance(value, list) and any(not isinstance(v, str) for v in value)):
        raise tk.Invalid(_("Give a list of texts."))
    parts = value if isinstance(value, list) else re.split(r"[\s,，;；、]+", str(value or ""))
    found = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if len(found) > MOST:
        raise tk.Invalid(_("At most {n} lines.").format(n=MOST))
    return found


def pairs(value: Any) -> dict[str, str]:
    """Read a table: an object, or lines of the form ``what the source says = what it is here``."""
    if isinstance(value, dict):
        found = {str(stated): here for stated, here in value.items()}
        if any(not isinstance(here, str) for here in found.values()):
            raise tk.Invalid(_("Give a table of texts."))
    elif isinstance(value, str) or value is None:
        found = {}
        for number, line in enumerate((value or "").splitlines(), 1):
            stated, mark, here = line.rpartition("=")
            if line.strip() and not mark:
                raise tk.Invalid(
                    _("Line {n}: write what the source says, “=”, and what it is here.").format(n=number)
                )
            if mark:
                found[stated] = here
    else:
        raise tk.Invalid(_("Give a table of texts."))
    clean = {stated.strip(): here.strip() for stated, here in found.items()}
    clean.pop("", None)
    if len(clean) > MOST:
        raise tk.Invalid(_("At most {n} lines.").format(n=MOST))
    if any(len(part) > LONGEST_ADDRESS or shapes.unstorable(part) for pair in clean.items() for part in pair):
        raise tk.Invalid(_("This text holds characters that cannot be stored."))
    return clean


def organisations(value: Any) -> dict[str, str]:
    """Read publisher → organisation here, by id or name; return ids."""
    found = {}
    for stated, here in pairs(value).items():
        org_id = orgs.department(here)
        if org_id is None:
            raise tk.Invalid(_("“{name}”: there is no such organisation.").format(name=here))
        found[stated] = org_id
    return found


def classes(value: Any) -> dict[str, str]:
    """Read class as the source names it → open class, by slug or by label."""
    terms = vocab.terms("open_class")
    slugs = {**{slug: slug for slug in terms}, **{term["zh"]: slug for slug, term in terms.items()}}
    found = {}
    for stated, here in pairs(value).items():
        if here not in slugs:
            raise tk.Invalid(_("“{name}” is no open class.").format(name=here))
        found[stated] = slugs[here]
    return found


def hosts(value: Any) -> list[str]:
    """Read the hosts that may be connected to, each with its port or without."""
    found = [one.lower() for one in lines(value)]
    for one in found:
        if not HOST.fullmatch(one) or "*" in one:
            raise tk.Invalid(
                _("“{name}” is no host: write it like data.example.cn or data.example.cn:8443.").format(
                    name=one
                )
            )
    return found


def networks(value: Any) -> list[str]:
    """Read networks that are reached although they are not public; each must be a narrow one."""
    found = []
    for one in lines(value):
        try:
            network = ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise tk.Invalid(
                _("“{name}” is no network: write it like 10.20.30.0/24.").format(name=one)
            ) from None
        if network.prefixlen < NARROWEST[network.version]:
            message = _("“{name}” is too wide: at least /{prefix}.")
            raise tk.Invalid(message.format(name=one, prefix=NARROWEST[network.version]))
        if network.is_link_local or network.is_multicast or network.is_unspecified:
            raise tk.Invalid(_("“{name}” cannot be an exception.").format(name=one))
        found.append(str(network))
    return list(dict.fromkeys(found))


def credentials(value: Any) -> str:
    """Read the name of the environment variable that holds the credentials; never these themselves."""
    said = str(value).strip()
    if not CREDENTIALS.fullmatch(said):
        raise tk.Invalid(_("Give the name of a variable NMGDATA_HARVEST_…, never the secret itself."))
    return said


def limits(value: Any) -> dict[str, int]:
    """Read limits that differ from the portal's own, in the units of ``remote.spec``; empty ones do not."""
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise tk.Invalid(_("Give a table of limits."))
    found = {}
    for limit, said in value.items():
        if limit not in LIMITS:
            raise tk.Invalid(_("“{name}” is no limit that can be set.").format(name=limit))
        if said in (None, ""):
            continue
        label, unit, smallest, largest = LIMITS[limit]
        try:
            found[limit] = whole(smallest * unit, largest * unit)(said)
        except tk.Invalid:
            message = _("{name}: from {smallest} to {largest}.")
            raise tk.Invalid(message.format(name=_(label), smallest=smallest, largest=largest)) from None
    return found


# --- the form ------------------------------------------------------------------------------------


FIELDS: dict[str, Callable[[Any], Any]] = {
    "region_code": region,
    "region_exception": text(),
    "name": name,
    "title": text(100),
    "address": address,
    "format": one_of(Format),
    "feed": optional(address),
    "state": one_of(SourceState),
    "owner_org": organisation,
    "organisations": organisations,
    "classes": classes,
    "default_class": optional(one_of(("unconditional", "conditional", "non_open"))),
    "every_hours": whole(0, 24 * 31),
    "grace_days": whole(0, 365),
    "guard_percent": whole(0, 100),
    "guard_number": whole(0, 1_000_000),
    "limits": limits,
    "allowed_hosts": hosts,
    "private_networks": networks,
    "credentials": optional(credentials),
    "contact": text(),
    "applications": one_of((ORIGIN, HERE)),
}
"""Fields of a source and how each is read; it raises ``tk.Invalid``."""
NEEDED = ("region_code", "name", "title", "address", "owner_org")


def judged(stated: dict[str, Any], needed: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what was stated, read; fields that are not named stay as they are.

    :raises tk.ValidationError: something is wrong, by field
    """
    values: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for field, read in FIELDS.items():
        if field not in stated and field not in needed:
            continue
        if field in NEEDED and not str(stated.get(field) or "").strip():
            errors[field] = [_("Please fill in this field.")]
            continue
        try:
            values[field] = read(stated[field])
        except tk.Invalid as invalid:
            errors[field] = [invalid.error]
    if errors:
        raise tk.ValidationError(errors)
    return values
