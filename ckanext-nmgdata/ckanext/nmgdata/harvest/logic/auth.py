"""Who may do what with sources and harvests (R-PLAT-02): the operator and the authorities; auditors read.

The authority of a league-city looks after its own source, that of the region after all. What opens a way
into the portal's own network or names a secret is the operator's; what decides on classes is an authority's.
"""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ...kernel import orgs
from ...kernel.actors import Actor, Role
from ...kernel.gate.doors import actor_of
from .. import query
from ..model import Job, Source

_ = tk._


def yes() -> AuthResult:
    """Allow."""
    return {"success": True}


def no() -> AuthResult:
    """Refuse."""
    return {"success": False, "msg": _("You have no right to do this.")}


# --- permissions ---------------------------------------------------------------------------------


def operates(actor: Actor) -> bool:
    """Say whether somebody runs the portal: a sysadmin, by session or by an unbound token."""
    user: Any = model.Session.get(model.User, actor.user_id) if actor.user_id else None
    return bool(user and user.sysadmin and user.state == model.State.ACTIVE and actor.grant_id is None)


def may_manage(actor: Actor, region_code: str) -> bool:
    """Say whether somebody looks after the sources of a region."""
    return actor.covers(Role.AUTHORITY, region_code) or operates(actor)


def may_read(actor: Actor, region_code: str) -> bool:
    """Say whether somebody may read all about the sources of a region."""
    return actor.covers(Role.AUDITOR, region_code) or may_manage(actor, region_code)


def regions_of(actor: Actor) -> frozenset[str]:
    """Return the regions whose sources somebody may read; empty for none."""
    return frozenset({orgs.REGION}) if operates(actor) else actor.oversight


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


def managed(context: Context, source: Source) -> AuthResult:
    """Answer for who looks after a source."""
    return yes() if may_manage(actor_of(context), source.region_code) else no()


def read(context: Context, source: Source) -> AuthResult:
    """Answer for who may read all about a source."""
    return yes() if may_read(actor_of(context), source.region_code) else no()


# --- actions -------------------------------------------------------------------------------------


@tk.auth_sysadmins_check
def nmgdata_source_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator, authorities and auditors; each sees the sources of its region."""
    return yes() if regions_of(actor_of(context)) else no()


@tk.auth_sysadmins_check
def nmgdata_source_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator, authority and auditors of the source's region."""
    return by_source(context, data_dict, "id", read)


@tk.auth_sysadmins_check
def nmgdata_source_create(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the region that the source is for."""
    region = data_dict.get("region_code")
    return yes() if may_manage(actor_of(context), region if isinstance(region, str) else "") else no()


@tk.auth_sysadmins_check
def nmgdata_source_update(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the source's region."""
    return by_source(context, data_dict, "id")


@tk.auth_sysadmins_check
def nmgdata_source_delete(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the source's region."""
    return by_source(context, data_dict, "id")


@tk.auth_sysadmins_check
def nmgdata_source_check(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the source's region: it asks the city's server."""
    return by_source(context, data_dict, "id")


@tk.auth_sysadmins_check
def nmgdata_harvest_run(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the source's region."""
    return by_source(context, data_dict, "source_id")


@tk.auth_sysadmins_check
def nmgdata_harvest_job_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Who may read the source."""
    return by_source(context, data_dict, "source_id", read)


@tk.auth_sysadmins_check
def nmgdata_harvest_record_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Who may read the source."""
    return by_source(context, data_dict, "source_id", read)


@tk.auth_sysadmins_check
def nmgdata_harvest_job_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Who may read the source."""
    return by_job(context, data_dict, "id", read)


@tk.auth_sysadmins_check
def nmgdata_harvest_problem_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Who may read the source."""
    return by_job(context, data_dict, "job_id", read)


@tk.auth_sysadmins_check
def nmgdata_harvest_job_confirm(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the source's region."""
    return by_job(context, data_dict, "id", managed)


@tk.auth_sysadmins_check
def nmgdata_harvest_job_cancel(context: Context, data_dict: DataDict) -> AuthResult:
    """Operator and the authority of the source's region."""
    return by_job(context, data_dict, "id", managed)


def by_source(context: Context, data_dict: DataDict, field: str, rule: Any = managed) -> AuthResult:
    """Answer by a rule for the source that is named; who oversees nothing learns of no source."""
    return rule(context, named_source(data_dict, field)) if regions_of(actor_of(context)) else no()


def by_job(context: Context, data_dict: DataDict, field: str, rule: Any) -> AuthResult:
    """Answer by a rule for the source of the job that is named; who oversees nothing learns of no job."""
    return rule(context, named_job(data_dict, field)[1]) if regions_of(actor_of(context)) else no()


FUNCTIONS: dict[str, Any] = {
    function.__name__: function
    for function in (
        nmgdata_source_list, nmgdata_source_show, nmgdata_source_create, nmgdata_source_update,
        nmgdata_source_delete, nmgdata_source_check, nmgdata_harvest_run, nmgdata_harvest_job_list,
        nmgdata_harvest_job_show, nmgdata_harvest_job_confirm, nmgdata_harvest_job_cancel,
        nmgdata_harvest_problem_list, nmgdata_harvest_record_list,
    )
}  # fmt: skip
