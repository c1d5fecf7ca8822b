"""Connect a league-city, change how, disconnect what was never loaded; each is one audited transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.exc import IntegrityError

from .. import vocab
from ..kernel import orgs
from ..kernel.actors import Actor, Role
from ..kernel.audit import append
from ..kernel.types import Conflict, new_id
from ..kernel.unit import Unit, begin
from . import jobs
from .model import LIVE, Job, RemoteRecord, Source, SourceState
from .reading import spec_of
from .remote import spec as remote
from .remote.cities import City
from .remote.cities import cities as all_cities

_ = tk._
OPERATORS = ("private_networks", "credentials")
"""Fields that open a way into the portal's own network or send a secret out."""
LEADING = frozenset({"address", "feed", "allowed_hosts"})
"""Fields that say where these are used: who may not set them must not turn them on somebody else."""
AUTHORITIES = ("classes", "default_class")
"""Fields that decide on the class of data (Art. 27)."""
WAYS = ("address", "format", "allowed_hosts", "private_networks", "credentials", "limits")
"""Fields on which it depends what a run reads: after a change nothing is taken for known."""
MEANINGS = ("owner_org", "organisations", "classes", "default_class", "region_code")
"""Fields on which it depends what a record becomes: after a change every record is loaded again."""
Values = dict[str, Any]


def city(region_code: str) -> City | None:
    """Return what is known of a league-city before it is connected."""
    return all_cities().get(region_code)


def begun(region_code: str) -> Values:
    """Return what the form of a new source begins with; only organisations that are here are named."""
    known = city(region_code)
    if known is None:
        return {"region_code": region_code}
    here = {name: org_id for name in known.departments if (org_id := orgs.department(name))}
    return {
        "region_code": region_code,
        "name": known.slug,
        "title": known.name,
        "owner_org": orgs.department(known.organisation),
        "organisations": {stated: here[name] for stated, name in known.organisations.items() if name in here},
    }


def create(actor: Actor, values: Values) -> str:
    """Connect a source; return its id.

    :raises tk.ValidationError: something is wrong, by field
    """
    values = columns(values)
    with begin(actor) as unit:
        source = Source(
            id=new_id(), created_at=unit.now, changed_at=unit.now, state=SourceState.ACTIVE, format="auto",
            every_hours=24, organisations={}, classes={}, limits={}, allowed_hosts=[], private_networks=[],
        )  # fmt: skip
        refuse(faults(unit, source, values))
        for field, value in values.items():
            setattr(source, field, value)
        source.due_at = due(unit, source)
        refuse(faults_of(source))
        unit.session.add(source)
        save(unit, source)
        append(unit, "source.created", ("source", source.id), detail={"region": source.region_code})
        return source.id


def change(actor: Actor, source_id: str, values: Values) -> None:
    """Change a source; a run under way goes on as it began, the next one knows the changes.

    :raises tk.ValidationError: something is wrong, by field
    """
    with begin(actor) as unit:
        source = locked(unit, source_id)
        values = columns(values)
        changed = {field: value for field, value in values.items() if getattr(source, field) != value}
        if not changed:
            return
        refuse(faults(unit, source, changed))
        for field, value in changed.items():
            setattr(source, field, value)
        refuse(faults_of(source))
        source.changed_at = unit.now
        if not set(changed).isdisjoint((*WAYS, *MEANINGS)):
            source.validators = {}
        if not set(changed).isdisjoint((*WAYS, "state")):
            source.failures, source.broken_until = 0, None  # somebody has looked after it
        if "every_hours" in changed:
            source.due_at = due(unit, source)
        if not set(changed).isdisjoint(MEANINGS):
            again = sa.update(RemoteRecord).where(RemoteRecord.source_id == source.id).values(digest=None)
            unit.session.execute(again.execution_options(synchronize_session=False))
        save(unit, source)
        detail: Values = {"fields": sorted(changed)}
        detail |= {field: changed[field] for field in ("state", "default_class") if field in changed}
        append(unit, "source.changed", ("source", source.id), detail=detail)


def delete(actor: Actor, source_id: str) -> None:
    """Disconnect a source of which nothing was ever loaded.

    What was loaded keeps its identity, so that grants and suspensions hold; such a source is paused.

    :raises Conflict: something was loaded, or a run is under way
    """
    with begin(actor) as unit:
        source = locked(unit, source_id)
        loaded = sa.select(RemoteRecord.id).where(
            RemoteRecord.source_id == source.id, RemoteRecord.package_id.is_not(None)
        )
        if unit.session.execute(loaded.limit(1)).first():
            raise Conflict(_("Datasets of this source are here; pause it instead of deleting it."))
        if unit.session.execute(
            sa.select(Job.id).where(Job.source_id == source.id, Job.state.in_(LIVE))
        ).first():
            raise Conflict(_("This source is being harvested; cancel the harvest first."))
        append(unit, "source.deleted", ("source", source.id), detail={"region": source.region_code})
        unit.session.delete(source)


def run(actor: Actor, source_id: str) -> str:
    """Ask for a harvest now; return the job's id.

    :raises Conflict: one is under way
    """
    with begin(actor) as unit:
        job_id = jobs.queue(unit, source_id, actor.user_id)
        append(unit, "harvest.asked", ("harvest", job_id), detail={"source": source_id})
        return job_id


def due(unit: Unit, source: Source) -> datetime | None:
    """Return when a source is due that somebody has just looked after; before that only when asked for."""
    return unit.now + timedelta(hours=source.every_hours) if source.every_hours else None


def locked(unit: Unit, source_id: str) -> Source:
    """Return a source's row, locked until the transaction ends."""
    return unit.session.get_one(Source, source_id, with_for_update=jobs.LOCK, populate_existing=True)


def columns(values: Values) -> Values:
    """Return what a form states as columns of the table."""
    found = dict(values)
    if "guard_percent" in found:
        found["guard_share"] = found.pop("guard_percent") / 100
    return found


def save(unit: Unit, source: Source) -> None:
    """Write a source; what another one has already is refused by its field."""
    try:
        unit.session.flush()
    except IntegrityError as error:
        said = str(error.orig)
        for field in ("name", "address"):
            if f"({field})=" in said:
                raise tk.ValidationError({field: [_("Another source has this already.")]}) from None
        raise


# --- rules over several fields -------------------------------------------------------------------


def refuse(errors: dict[str, Any]) -> None:
    """Refuse if there is anything to refuse.

    :raises tk.ValidationError: there is
    """
    if errors:
        raise tk.ValidationError(errors)


def faults(unit: Unit, source: Source, changed: Values) -> dict[str, Any]:
    """Return what this actor may not change, and what another source has already, by field."""
    errors = forbidden(unit.actor, source, changed)
    for field in ("name", "address"):
        if field in changed:
            taken = sa.select(Source.id).where(getattr(Source, field) == changed[field])
            if unit.session.execute(taken.where(Source.id != source.id)).first():
                errors[field] = [_("Another source has this already.")]
    return errors


def forbidden(actor: Actor, source: Source, changed: Values) -> dict[str, Any]:
    """Return what this actor may not change, by field."""
    errors: dict[str, Any] = {}
    region = changed.get("region_code") or source.region_code
    if not actor.operates:
        errors |= {
            f: [_("Only the operator of the portal may set this.")] for f in OPERATORS if changed.get(f)
        }
        if any(getattr(source, field) for field in OPERATORS):
            message = _("Networks or credentials are set for it: only the operator may lead it elsewhere.")
            errors |= {field: [message] for field in sorted(LEADING.intersection(changed))}
    if not actor.covers(Role.AUTHORITY, region):
        message = _("Only the authority decides on the class of data.")
        errors |= {field: [message] for field in AUTHORITIES if changed.get(field)}
    if changed.get("region_exception") and not actor.covers(Role.AUTHORITY, orgs.REGION):
        errors["region_exception"] = [_("Only the authority of the region records an exception.")]
    return errors


def faults_of(source: Source) -> dict[str, Any]:
    """Return what does not fit together in a source, by field."""
    errors: dict[str, Any] = {}
    if (
        vocab.term("division", source.region_code).get("level") != "league_city"
        and not source.region_exception
    ):
        message = _("Banners do not build platforms of their own as a rule (旗县原则上不独立建设, R8¶2).")
        errors["region_code"] = [message]
    if lies_outside(source.owner_org, source):
        errors["owner_org"] = [_("This organisation does not lie in the source's region.")]
    outside = [stated for stated, org_id in source.organisations.items() if lies_outside(org_id, source)]
    if outside:
        message = _("“{name}”: this organisation does not lie in the source's region.")
        errors["organisations"] = [message.format(name=outside[0])]
    for field, code in remote.problems(spec_of(source)).items():
        if code == "host_not_allowed":
            errors["allowed_hosts"] = [_("The host of the address itself must be among the allowed ones.")]
        else:
            errors[field] = [_("This is no web address.")]
    return errors


def lies_outside(org_id: str, source: Source) -> bool:
    """Say whether an organisation lies in another region than a source; its records would be refused."""
    region = orgs.extras_of(org_id).get("region_code")
    return bool(region) and not vocab.lies_within(str(region), source.region_code)
