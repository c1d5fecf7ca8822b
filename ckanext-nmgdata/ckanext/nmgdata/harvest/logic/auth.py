"""Who may do what with sources and harvests (R-PLAT-02): the operator and the authorities; auditors read.

The authority of a league-city looks after its own source, that of the region after all. What opens a way
into the portal's own network or names a secret is the operator's; what decides on classes is an authority's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ...kernel import orgs
from ...kernel.actors import Actor, Role
from ...kernel.gate.doors import actor_of
from .. import query
from ..model import Job, Source

_ = tk._


def answer(allowed: bool) -> AuthResult:
    """Allow or refuse."""
    return {"success": True} if allowed else {"success": False, "msg": _("You have no right to do this.")}


# --- permissions ---------------------------------------------------------------------------------


def may_manage(actor: Actor, region_code: str) -> bool:
    """Operator, and the authority of the source's region."""
    return actor.covers(Role.AUTHORITY, region_code) or actor.operates


def may_read(actor: Actor, region_code: str) -> bool:
    """Operator, authority and auditors of the source's region."""
    return actor.covers(Role.AUDITOR, region_code) or may_manage(actor, region_code)


def regions_of(actor: Actor) -> frozenset[str]:
    """Return the regions whose sources somebody may read; empty for none."""
    return frozenset({orgs.REGION}) if actor.operates else actor.oversight


# --- what is asked for ---------------------------------------------------------------------------


def named_source(data_dict: DataDict, field: str = "id") -> Source:
    """Return the source that is asked for.

    :raises tk.ObjectNotFound: there is none
    """
    found = query.source(str(tk.get_or_bust(data_dict, field)))
    if found is None:
        raise tk.ObjectNotFound(_("Source not found"))
    return found


def named_job(data_dict: DataDict, field: str = "id") -> tuple[Job, Source]:
    """Return the job that is asked for, and its source.

    :raises tk.ObjectNotFound: there is none
    """
    job = query.job(str(tk.get_or_bust(data_dict, field)))
    source = query.source(job.source_id) if job else None
    if job is None or source is None:
        raise tk.ObjectNotFound(_("Harvest not found"))
    return job, source


# --- actions -------------------------------------------------------------------------------------

Rule = Callable[[Actor, str], bool]
"""What an actor may in the region of a source."""


@tk.auth_sysadmins_check
def nmgdata_source_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator, authorities and auditors; each sees the sources of its region."""
    return answer(bool(regions_of(actor_of(context))))


@tk.auth_sysadmins_check
def nmgdata_source_create(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the region that the source is for."""
    region = data_dict.get("region_code")
    return answer(may_manage(actor_of(context), region if isinstance(region, str) else ""))


def asks(named: Callable[[DataDict], Source], rule: Rule) -> Callable[[Context, DataDict], AuthResult]:
    """Return an auth function: a rule for the source that is named; who oversees nothing learns of none."""

    @tk.auth_sysadmins_check
    def allowed(context: Context, data_dict: DataDict) -> AuthResult:
        actor = actor_of(context)
        return answer(bool(regions_of(actor)) and rule(actor, named(data_dict).region_code))

    allowed.__doc__ = rule.__doc__
    return allowed


def source_in(field: str) -> Callable[[DataDict], Source]:
    """Return how to find the source that a field names."""
    return lambda data_dict: named_source(data_dict, field)


def source_of_job_in(field: str) -> Callable[[DataDict], Source]:
    """Return how to find the source of the job that a field names."""
    return lambda data_dict: named_job(data_dict, field)[1]


FUNCTIONS: dict[str, Any] = {
    "nmgdata_source_list": nmgdata_source_list,
    "nmgdata_source_create": nmgdata_source_create,
    "nmgdata_source_show": asks(source_in("id"), may_read),
    "nmgdata_source_update": asks(source_in("id"), may_manage),
    "nmgdata_source_delete": asks(source_in("id"), may_manage),
    "nmgdata_source_check": asks(source_in("id"), may_manage),
    "nmgdata_harvest_run": asks(source_in("source_id"), may_manage),
    "nmgdata_harvest_job_list": asks(source_in("source_id"), may_read),
    "nmgdata_harvest_record_list": asks(source_in("source_id"), may_read),
    "nmgdata_harvest_job_show": asks(source_of_job_in("id"), may_read),
    "nmgdata_harvest_problem_list": asks(source_of_job_in("job_id"), may_read),
    "nmgdata_harvest_job_confirm": asks(source_of_job_in("id"), may_manage),
    "nmgdata_harvest_job_cancel": asks(source_of_job_in("id"), may_manage),
}
