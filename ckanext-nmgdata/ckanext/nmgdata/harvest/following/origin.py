"""What the federation says of an entry that comes from elsewhere, and what it tells the portal it comes from.

A case of the region's about a city's data closes the copy here. The city learns of it by mail, at the address
that its source names, beside the mails to whoever has an account here; how the case ends it learns too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import config
from ...kernel import elsewhere, events, outbox
from ...kernel.elsewhere import Elsewhere
from ...kernel.outbox.model import Outbox
from ...kernel.unit import Unit
from ...kernel.workflow.model import Case
from ...kernel.workflow.presenters import dataset_title
from .. import query, workflow
from ..model import ORIGIN, RemoteRecord, Source

TOPIC = "origin_told"
MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(\.[\w-]+)+", re.ASCII)
ENTRY = re.compile(r"(?P<root>.*)/dataset/(?P<name>[\w-]+)", re.ASCII)
SAID = {events.Suspended: "suspended", events.Lifted: "lifted", events.Withdrawn: "withdrawn"}


def source_of(dataset_id: str) -> tuple[Source, str | None] | None:
    """Return the source of an entry and the entry's page there; None for one that is kept here."""
    found = (
        sa.select(Source, RemoteRecord.remote["page"].astext)
        .join(RemoteRecord, RemoteRecord.source_id == Source.id)
        .where(RemoteRecord.package_id == dataset_id)
    )
    row = model.Session.execute(found).first()
    return (row[0], row[1]) if row else None


def known(dataset_id: str) -> Elsewhere | None:
    """Return where an entry comes from."""
    found = source_of(dataset_id)
    if found is None:
        return None
    source, page = found
    apply_url = application_page(source, page) if source.applications == ORIGIN else None
    return Elsewhere(source.title, source.region_code, page, apply_url, query.silent_since(source))


def application_page(source: Source, page: str | None) -> str:
    """Return where an entry is applied for over there.

    A portal of this software has a form for it; of others it is known where the entry is, or the portal.
    """
    whole = ENTRY.fullmatch(page or "")
    if whole and source.feed and source.feed.endswith("/nmg/changes.jsonld"):
        return f"{whole['root']}/nmg/apply/{whole['name']}"
    address = urlsplit(source.address)
    return page or f"{address.scheme}://{address.netloc}/"


# --- telling the city ----------------------------------------------------------------------------


def tell(unit: Unit, event: events.Suspended | events.Lifted | events.Withdrawn) -> None:
    """Have the city told of what a case of the region's does to a copy of its data."""
    case = unit.session.get(Case, event.case_id) if event.case_id else None
    if case is None or case.kind == workflow.KIND or source_of(event.dataset_id) is None:
        return
    said = SAID[type(event)]
    wanted = {"case": case.id, "dataset": event.dataset_id, "said": said}
    outbox.enqueue(unit.session, TOPIC, wanted, key=f"{case.id}:{event.dataset_id}:{said}")


def mail(rows: Sequence[Outbox]) -> None:
    """Write to the address that the source of an entry names."""
    for row in rows:
        found = source_of(row.payload["dataset"])
        address = MAIL.search(found[0].contact or "") if found else None
        if found is None or address is None:
            continue
        case = model.Session.get_one(Case, row.payload["case"])
        values = {
            "said": row.payload["said"],
            "case": case,
            "title": dataset_title(case),
            "page": found[1],
            "case_url": f"{config.site_root()}/nmg/cases/{case.number}",
            "site_title": config.site_title(),
        }
        text = tk.render("nmgdata/origin_stop/mail/told.txt", values)
        subject, _newline, body = text.strip().partition("\n")
        letter = {"to": address[0], "subject": subject.strip(), "body": body.strip() + "\n"}
        outbox.enqueue(model.Session(), "mail", letter, key=f"{row.key}:{address[0]}")


def install() -> None:
    """Say what is known, listen, and take charge of the topic; may be called again."""
    if known not in elsewhere.ways:
        elsewhere.ways.append(known)
    for kind in SAID:
        events.subscribe(kind, tell)
    outbox.handle(TOPIC, mail)
