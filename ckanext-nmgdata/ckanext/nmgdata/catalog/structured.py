"""An entry as schema.org's JSON-LD, as search engines for data read it (Google Dataset Search).

Own and plain: ckanext-dcat's graph states each date twice, names licences by their Chinese titles and gives
no ``contentUrl``. What is stopped has no address of bytes here either.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from ckan import model
from ckanext.dcat.utils import dataset_uri

from .. import config, vocab
from ..kernel.gate import stops
from . import dcat_write

Entry = dict[str, Any]
SHORTEST = 50
"""Characters that a description must have at least (Google's guidelines for Dataset)."""


def nmgdata_structured_data(dataset: Entry) -> str:
    """Return the JSON-LD of an entry's page."""
    return json.dumps({"@context": "https://schema.org/", **of_dataset(dataset)}, ensure_ascii=False)


def of_dataset(entry: Entry) -> Entry:
    """Return an entry."""
    title = entry.get("title") or entry["name"]
    files = [] if stops.is_withdrawn(entry) else entry.get("resources") or []
    return stated({
        "@type": "Dataset",
        "@id": dataset_uri(entry),
        "name": title,
        "description": description(entry, title),
        "url": f"{config.site_root()}/dataset/{quote(entry['name'])}",
        "identifier": entry.get("identifier"),
        "keywords": keywords(entry),
        "inLanguage": "zh-CN",
        "datePublished": entry.get("issued") or (entry.get("metadata_created") or "")[:10],
        "dateModified": entry.get("modified") or (entry.get("metadata_modified") or "")[:10],
        "license": licence(entry.get("license_id")),
        "isAccessibleForFree": True,
        "conditionsOfAccess": entry.get("open_condition"),
        "publisher": organisation(entry),
        "creator": organisation(entry),
        "spatialCoverage": place(entry.get("region_code")),
        "variableMeasured": [variable(item) for item in items(entry)],
        "includedInDataCatalog": {
            "@type": "DataCatalog", "name": config.site_title(), "url": f"{config.site_root()}/",
        },
        "distribution": [distribution(entry, file) for file in files],
    })  # fmt: skip


def stated(values: Entry) -> Entry:
    """Return what has a value."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def description(entry: Entry, title: str) -> str:
    """Return the summary; a short one with what else is known of the entry."""
    notes = (entry.get("notes") or "").strip()
    if len(notes) >= SHORTEST:
        return notes
    named = "、".join(item.get("label") or item.get("name") or "" for item in items(entry))
    by = (entry.get("organization") or {}).get("title") or ""
    terms = [
        vocab.term(name, entry[field])["zh"]
        for name, field in (
            ("theme", "theme"),
            ("division", "region_code"),
            ("update_frequency", "update_frequency"),
        )
        if entry.get(field)
    ]
    parts = (
        notes or title,
        f"数据项：{named}。" if named else "",
        f"《{title}》由{by}通过{config.site_title()}开放（{'、'.join(terms)}），可查看目录信息并按开放属性获取数据。",
    )
    return " ".join(filter(None, parts))


def items(entry: Entry) -> list[Entry]:
    """Return the data items."""
    found = entry.get("data_items") or []
    return json.loads(found) if isinstance(found, str) else found


def keywords(entry: Entry) -> list[str]:
    """Return tags and theme."""
    theme = [vocab.term("theme", entry["theme"])["zh"]] if entry.get("theme") else []
    return [*(tag["name"] for tag in entry.get("tags") or []), *theme]


def licence(license_id: str | None) -> Any:
    """Return a licence: its address, or a work of its name that lies on this portal."""
    found = model.Package.get_license_register().get(license_id) if license_id else None
    if found is None:
        return None
    address = str(dcat_write.licence_iri(found))
    return {"@type": "CreativeWork", "name": found.title, "url": address}


def organisation(entry: Entry) -> Entry | None:
    """Return the department."""
    org = entry.get("organization") or {}
    if not org.get("title"):
        return None
    contact = stated({
        "@type": "ContactPoint", "contactType": "customer service", "name": entry.get("contact_name"),
        "telephone": entry.get("contact_phone"), "email": entry.get("contact_email"),
    })  # fmt: skip
    return stated({
        "@type": "GovernmentOrganization",
        "name": org["title"],
        "url": f"{config.site_root()}/organization/{quote(org['name'])}",
        "contactPoint": contact if len(contact) > len(("@type", "contactType")) else None,
    })  # fmt: skip


def place(code: str | None) -> Entry | None:
    """Return the division."""
    return {"@type": "Place", "name": vocab.term("division", code)["zh"]} if code else None


def variable(item: Entry) -> Entry:
    """Return a data item."""
    return stated({
        "@type": "PropertyValue", "name": item.get("label") or item.get("name"),
        "alternateName": item.get("name"), "description": item.get("description"),
    })  # fmt: skip


def distribution(entry: Entry, file: Entry) -> Entry:
    """Return a file; its bytes only where they can be had by everybody."""
    known = vocab.media_format(file.get("format")) or {}
    return stated({
        "@type": "DataDownload",
        "name": file.get("name"),
        "description": file.get("description"),
        "encodingFormat": file.get("mimetype") or known.get("media_type") or file.get("format"),
        "contentSize": f"{file['size']} B" if file.get("size") else None,
        "url": f"{config.site_root()}/dataset/{entry['id']}/resource/{file['id']}",
        "contentUrl": dcat_write.open_address(entry, file),
    })  # fmt: skip


HELPERS = {"nmgdata_structured_data": nmgdata_structured_data}
