"""What follows from a plan in CKAN's own tables, as outbox jobs: future entries, the group for the public.

A unit of work never calls a CKAN action that writes (docs/adr/0003). Both jobs can be repeated: an entry
that is there is not made again, and a group is brought to what the plan says now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context

from ..kernel import events, outbox
from ..kernel.outbox.model import Outbox
from ..kernel.outbox.queue import deliver_batch
from ..kernel.unit import Unit
from . import places
from .model import DECIDING, GROUP, Item, Plan

ENTRY_TOPIC, GROUP_TOPIC = "plan_entry", "plan_group"
_MINE = "nmgdata_plan_jobs"


def site_context() -> Context:
    """Return a fresh context of the site's own user: who decided is known and audited already."""
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    return {"user": user, "ignore_auth": True}


def ask_entry(unit: Unit, entry: dict[str, Any]) -> None:
    """Have the non-public entry of a future dataset made after the commit; it has its id already."""
    enqueue(unit, ENTRY_TOPIC, entry, entry["id"])


def ask_group(unit: Unit, plan_id: str) -> None:
    """Have the group of a plan brought up to date after the commit."""
    enqueue(unit, GROUP_TOPIC, {"plan": plan_id}, None)


def enqueue(unit: Unit, topic: str, payload: dict[str, Any], key: str | None) -> None:
    """Write down a job, and that this request is to do it right after its commit."""
    row_id = outbox.enqueue(unit.session, topic, payload, key=key)
    if row_id is not None:
        unit.session.info.setdefault(_MINE, []).append((topic, row_id))


def do_own() -> None:
    """Do the jobs that this request has written down, so that who asked for them finds them done."""
    own = model.Session().info.pop(_MINE, [])
    for topic in (ENTRY_TOPIC, GROUP_TOPIC):
        ids = [row_id for of, row_id in own if of == topic]
        while ids and deliver_batch(topic, ids):
            pass


def make_entries(rows: Sequence[Outbox]) -> None:
    """Make the entries of future datasets."""
    for row in rows:
        if model.Package.get(row.payload["id"]) is None:
            tk.get_action("package_create")(site_context(), dict(row.payload))


def write_groups(rows: Sequence[Outbox]) -> None:
    """Bring groups to what their plans say now: texts, numbers, members."""
    for plan_id in sorted({row.payload["plan"] for row in rows}):
        plan = model.Session.get(Plan, plan_id)
        if plan is not None and plan.published_at is not None:
            write_group(plan)


def write_group(plan: Plan) -> None:
    """Create or update the group of a plan."""
    wanted = {**group(plan), "packages": members(plan.id)}
    known = model.Group.get(plan.id)
    action = "group_update" if known else "group_create"
    context: Any = {**site_context(), "allow_partial_update": True}
    tk.get_action(action)(context, wanted)


def group(plan: Plan) -> dict[str, Any]:
    """Return a plan as its group, in the fields of ``schemas/open_plan.yaml``."""
    issuer: Any = model.Session.get(model.Group, plan.org_id)
    parent = model.Session.get(Plan, plan.parent_id) if plan.parent_id else None
    files = [{name: file[name] for name in ("name", "url")} for file in places.attached(plan, issuer.name)]
    return {
        "id": plan.id,
        "type": GROUP,
        "name": group_name(plan.year, issuer.name),
        "title": plan.title,
        "description": plan.description,
        "year": str(plan.year),
        "level": plan.level,
        "issuer": issuer.name,
        "region_code": plan.region_code,
        "key_areas": plan.key_areas,
        "legal_basis": plan.legal_basis,
        "part_of": parent.id if parent else "",
        "version": str(plan.version),
        "plan_status": "closed" if plan.closed_at else "published",
        "attachments": json.dumps(files, ensure_ascii=False),
    }


def group_name(year: int, org_name: str) -> str:
    """Return the name of a plan's group; two long names of departments that begin alike stay apart."""
    name = f"plan-{year}-{org_name}"
    if len(name) <= model.PACKAGE_NAME_MAX_LENGTH:
        return name
    digest = hashlib.sha256(org_name.encode()).hexdigest()[:8]
    return f"{name[: model.PACKAGE_NAME_MAX_LENGTH - 9]}-{digest}"


def members(plan_id: str) -> list[dict[str, str]]:
    """Return the datasets of a plan, as CKAN wants them; who may know of which CKAN asks the gate."""
    query = (
        sa.select(model.Package.id, model.Package.name)
        .join(Item, model.Package.id == DECIDING)
        .where(
            Item.plan_id == plan_id, Item.since_version.is_not(None),
            model.Package.state == model.State.ACTIVE,
        )
        .distinct()
    )  # fmt: skip
    return [
        {"id": key, "name": name} for key, name in model.Session.execute(query.order_by(model.Package.name))
    ]


def promises(what: Any, datasets: Collection[str]) -> sa.Select[Any]:
    """Return the query for what published plans say of datasets."""
    return (
        sa.select(what)
        .select_from(Item)
        .join(Plan, Plan.id == Item.plan_id)
        .where(sa.or_(Item.kept_id.in_(datasets), Item.dataset_id.in_(datasets)))
        .where(DECIDING.in_(datasets), Item.since_version.is_not(None), Plan.published_at.is_not(None))
    )


def holdings(what: Any, datasets: Collection[str]) -> sa.Select[Any]:
    """Return the query for the plans' groups in which datasets are."""
    member: Any = model.Member
    return (
        sa.select(what)
        .select_from(member)
        .join(model.Group, model.Group.id == member.group_id)
        .where(member.table_id.in_(datasets), member.state == model.State.ACTIVE)
        .where(model.Group.type == GROUP)
    )


def of_plans(datasets: Collection[str]) -> sa.CompoundSelect[tuple[str]]:
    """Return the query for those of some datasets that plans, or groups of plans, name."""
    member: Any = model.Member
    return sa.union(promises(DECIDING, datasets), holdings(member.table_id, datasets))


def mend(unit: Unit, event: events.DatasetSaved) -> None:
    """Have groups brought to their plans where saving an entry, with its groups, has parted them."""
    member: Any = model.Member
    promised = promises(Item.plan_id, [event.dataset_id])
    held = holdings(member.group_id, [event.dataset_id])
    unit.session.flush()
    for plan_id in sorted(set(unit.session.scalars(promised)) ^ set(unit.session.scalars(held))):
        ask_group(unit, plan_id)


def install() -> None:
    """Take charge of the outbox topics."""
    outbox.handle(ENTRY_TOPIC, make_entries)
    outbox.handle(GROUP_TOPIC, write_groups, batch=20)
    events.subscribe(events.DatasetSaved, mend, of_plans)
