"""Mails to the authorities of a source: it fails again and again, or a run waits for them (R-PLAT-02)."""

from __future__ import annotations

from collections.abc import Sequence

from ckan import model
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import orgs, outbox
from ..kernel.actors import Role, mail_addresses
from ..kernel.outbox.model import Outbox
from ..kernel.unit import Unit
from . import words
from .model import Job, JobState, Source

_ = tk._
TOPIC = "harvest_trouble"


def tell(unit: Unit, job: Job) -> None:
    """Have the authorities told of a job that failed or is held; once per job."""
    outbox.enqueue(unit.session, TOPIC, {"job": job.id}, key=job.id)


def addresses(region_code: str) -> list[str]:
    """Return whom a source concerns: the authority of its own region, and that of the whole."""
    offices = (orgs.authority_of(region_code), orgs.authority_of(orgs.REGION))
    return sorted({one for org_id in offices if org_id for one in mail_addresses(org_id, Role.REVIEWER)})


def send(rows: Sequence[Outbox]) -> None:
    """Turn rows about jobs into mails, of a job that is settled meanwhile none."""
    for row in rows:
        job = model.Session.get(Job, row.payload["job"])
        source = model.Session.get(Source, job.source_id) if job else None
        if job is None or source is None or job.state not in (JobState.HELD, JobState.FAILED):
            continue
        values = {
            "source": source,
            "job": job,
            "why": words.sentence(job.error),
            "page": f"{config.site_root()}/nmg/sources/{source.name}/jobs/{job.id}",
            "site_title": config.site_title(),
        }
        text = tk.render(f"nmgdata/harvest/mail/{job.state}.txt", values)
        subject, _blank, body = text.strip().partition("\n")
        for address in addresses(source.region_code):
            mail = {"to": address, "subject": subject.strip(), "body": body.strip() + "\n"}
            outbox.enqueue(model.Session(), "mail", mail, key=f"{TOPIC}:{job.id}:{address}")


def install() -> None:
    """Take charge of the topic; may be called again."""
    outbox.handle(TOPIC, send)
