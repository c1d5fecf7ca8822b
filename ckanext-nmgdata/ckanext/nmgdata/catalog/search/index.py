"""What goes into the index: serves ``IPackageController.before_dataset_index``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ... import vocab
from ...kernel import memory, orgs, quickjson
from ...kernel.gate import stops
from .columns import of_entry
from .known import lexicon
from .text import fold, pinyin_initials, pinyin_pairs
from .words import REGION

# Lucene's limit for one untokenized value is 32,766 bytes; what is longer than this is no keyword.
MAX_KEYWORD = 2000
LABELLED = ("theme", "theme_library", "base_library")
DEPARTMENTS = ("collecting_department", "approving_department", "providing_department")
SLUGS = ("open_class", "update_frequency", "region_code")
# Fields whose values CKAN's schema treats as text, whatever their length.
TEXTS = frozenset(("title", "notes", "author", "maintainer", "data_dict", "validated_data_dict"))

Lineage = Sequence[tuple[str, str]]
LINEAGES = "lineages"
"""Question of ``kernel.memory``: an organisation and those above it."""


def index_fields(
    pkg_dict: Mapping[str, Any], lineage: Lineage | None = None, downloads: int | None = None
) -> dict[str, Any]:
    """Return CKAN's flat index document with the portal's search fields added.

    :param lineage: (name, title) of the owning organisation and of those above it, nearest first;
        asked of the database when not given
    :param downloads: how often the data were downloaded, for sorting
    """
    doc = {key: value for key, value in pkg_dict.items() if is_keyword(key, value)}
    entry = quickjson.read(pkg_dict.get("validated_data_dict") or "{}")
    if lineage is None:
        lineage = organization_lineage(pkg_dict.get("organization"))
    owner = entry.get("organization") or {}
    lineage = lineage or [(one, owner.get("title") or one) for one in (owner.get("name"),) if one]
    doc.update(facets(entry, lineage))
    doc.update(texts(entry, lineage, doc.get("nmg_region", ())))
    if downloads is not None:
        doc["nmg_downloads"] = downloads
    return doc


def is_keyword(key: str, value: Any) -> bool:
    """Say whether a field may stay: repeating fields and long text are no keywords."""
    if "data_items" in key and key.removeprefix("extras_").partition("__")[0] == "data_items":
        return False
    if not isinstance(value, str) or len(value) <= MAX_KEYWORD:
        return True
    return key in TEXTS or key.startswith("extras_")


def facets(entry: Mapping[str, Any], lineage: Lineage) -> dict[str, Any]:
    """Return the fields for facets, filters and the factors of ranking."""
    found: dict[str, Any] = {slug: entry.get(slug) or None for slug in SLUGS}
    found["open_state"] = entry.get("open_state") or stops.OPEN
    found["theme"] = as_list(entry.get("theme"))
    found["livelihood"] = str(entry.get("livelihood")).lower() in ("true", "1", "yes")
    found["nmg_orgs"] = [name for name, _ in lineage]
    titles = [title for _, title in lineage][:1]
    found["nmg_departments"] = [d for title in titles for d in lexicon().departments_in(title)]
    found.update(region_fields(place_of(entry, titles)))
    found["region_code"] = found["region_code"] or found.get("nmg_region", [None])[0]
    return found


def place_of(entry: Mapping[str, Any], titles: Iterable[str]) -> str:
    """Return the code of the division the data are of; read from the names when it is not given."""
    code = str(entry.get("region_code") or "")
    if code:
        return code
    named = (c for text in (entry.get("title") or "", *titles) for c in lexicon().places_in(text))
    return next(named, "")


def region_fields(code: str) -> dict[str, Any]:
    """Return a division with those above it, and its league-city; the region is its own city."""
    if code not in vocab.terms("division"):
        return {}
    city = REGION if code == REGION else code[:4] + "00"
    return {"nmg_region": list(dict.fromkeys((code, city, REGION))), "nmg_city": city}


def texts(entry: Mapping[str, Any], lineage: Lineage, regions: Iterable[str]) -> dict[str, Any]:
    """Return the fields that are searched. No address of data is among them."""
    title = entry.get("title") or ""
    owners = [title_ for _, title_ in lineage[:1]]
    owners += [str(entry[field]) for field in DEPARTMENTS if entry.get(field)]
    owners = list(dict.fromkeys(owners))
    items = (item for item in as_list(entry.get("data_items")) if isinstance(item, dict))
    labels = [str(item.get("label") or "") for item in items]
    labels += (one for one in of_entry(entry) if one not in labels)
    body = [title, entry.get("notes") or "", *owners, *labels, *vocabulary_labels(entry)]
    body += [above for _, above in lineage[1:]]
    body += [vocab.term("division", code)["zh"] for code in regions if code != REGION]
    body += [tag.get("display_name") or tag.get("name") or "" for tag in entry.get("tags") or []]
    for resource in entry.get("resources") or []:
        # A file is mostly named like its dataset: saying that once more would only cost time.
        body += [(resource.get("name") or "").replace(title, "") if title else ""]
        body += [resource.get("description") or ""]
    spoken = [title, *owners[:1], *labels]
    return {
        "nmg_title": fold(title),
        "nmg_org": [fold(text) for text in owners],
        "nmg_items": [fold(text) for text in labels],
        "nmg_text": [fold(text) for text in dict.fromkeys(filter(None, body))],
        "nmg_pinyin": [pinyin_pairs(text) for text in spoken],
        "nmg_initials": [pinyin_initials(text) for text in spoken[:2]],
    }


def vocabulary_labels(entry: Mapping[str, Any]) -> list[str]:
    """Return what the slugs of an entry mean, in Chinese and English."""
    found = [vocab.term(name, slug) for name in LABELLED for slug in as_list(entry.get(name))]
    return [label for term in found for label in (term["zh"], term.get("en")) if label]


def as_list(value: Any) -> list[Any]:
    """Return a repeating value as a list: it is one, is written as JSON, or stands alone."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = quickjson.read(value)
        except ValueError:
            return [value]
    if isinstance(value, list):
        return value
    return [value] if value else []


def organization_lineage(name: str | None) -> Lineage:
    """Return (name, title) of an organisation and of those above it, nearest first."""
    held = memory.recall(LINEAGES, name)
    if held is not memory.UNKNOWN:
        return held
    return orgs.lineages([name]).get(name, ()) if name else ()
