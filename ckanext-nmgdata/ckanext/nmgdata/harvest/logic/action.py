"""Actions of sources and harvests."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ...forms import whole
from ...kernel.gate.doors import actor_of
from .. import check, jobs, presenters, query, sources, vanish, words
from ..model import JobState
from . import auth, schema

_ = tk._
MOST = 1000


def page_of(data_dict: DataDict, default: int = 100) -> tuple[int, int]:
    """Return how many rows are asked for, and from which on."""
    limit = whole(data_dict.get("limit"), "limit", default) or 0
    offset = whole(data_dict.get("offset"), "offset", 0) or 0
    return max(0, min(limit, MOST)), max(0, offset)


# --- sources -------------------------------------------------------------------------------------


@tk.side_effect_free
def nmgdata_source_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the sources of your region: the league-cities' platforms and how they are connected (R-PLAT-02).

    :rtype: list of dictionaries, as ``nmgdata_source_show`` without ``records``
    """
    tk.check_access("nmgdata_source_list", context, data_dict)
    regions = auth.regions_of(actor_of(context))
    last = query.concluded()
    return [presenters.source(one, last.get(one.id)) for one in query.sources(regions)]


@tk.side_effect_free
def nmgdata_source_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show a source: its settings, the state of its connection, its last harvest, its records by state.

    :param id: id or name of the source
    :type id: string

    :rtype: dictionary; of credentials it holds the name of their environment variable only
    """
    tk.check_access("nmgdata_source_show", context, data_dict)
    return shown(auth.named_source(data_dict).id)


def shown(source_id: str) -> dict[str, Any]:
    """Return a source with all that is counted."""
    source = query.source(source_id)
    assert source is not None  # noqa: S101 (it was found before)
    running = query.open_job(source_id)
    return {
        **presenters.source(source, query.concluded().get(source_id)),
        "records": query.record_counts(source_id),
        "open_job": presenters.job(running) if running else None,
    }


def nmgdata_source_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Connect a source: the platform of a league-city.

    :param region_code: code of the league-city (GB/T 2260)
    :param region_exception: why a banner may have a source of its own (R8¶2; the region's authority)
    :param address: address of the catalogue, http or https
    :param name: name in addresses (optional; default: that of the city)
    :param title: name of the source (optional; default: that of the city)
    :param format: ``auto``, ``rdf``, ``ttl``, ``jsonld``, ``nt`` or ``data_json`` (optional; default: auto)
    :param feed: address of its change feed (optional)
    :param state: ``active`` or ``paused`` (optional; default: active)
    :param owner_org: organisation that owns what no other is found for (optional; default: the city's)
    :param organisations: publisher as the source names it → organisation here (optional; default: those
        known of the city)
    :type organisations: dictionary
    :param classes: access rights as the source names them → open class (optional; an authority)
    :type classes: dictionary
    :param default_class: open class of records that state none (optional; an authority). Without it they are
        closed until the authority sets their class
    :param every_hours: hours between two harvests, 0: only when somebody asks (optional; default: 24)
    :type every_hours: int
    :param grace_days: days until what vanished is archived (optional; default: 7)
    :type grace_days: int
    :param guard_percent: a run that would remove a greater share is held (optional; default: 10)
    :type guard_percent: int
    :param guard_number: a run that would remove more is held (optional; default: 100)
    :type guard_number: int
    :param limits: ``request_seconds``, ``page_bytes``, ``pages``, ``parse_seconds``, ``parse_bytes``,
        ``retry_after_seconds``, where they differ from the portal's own (optional)
    :type limits: dictionary
    :param allowed_hosts: hosts that may be connected to (optional; default: those of the addresses)
    :type allowed_hosts: list of strings
    :param private_networks: networks (CIDR) that are reached although not public (optional; the operator)
    :type private_networks: list of strings
    :param credentials: name of the environment variable that holds the header Authorization (optional;
        the operator)
    :param contact: whom to call when it fails (optional); an address of mail in it is told of cases here
    :param applications: where its conditional data are applied for: ``origin``, its own portal, or ``here``
        (optional; default: origin)

    :returns: the source, as ``nmgdata_source_show``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_source_create", context, data_dict)
    values = schema.judged(begun(data_dict), schema.NEEDED)
    actor = actor_of(context)
    return shown(sources.create(actor, values))


def begun(data_dict: DataDict) -> dict[str, Any]:
    """Return what is stated about a new source, with what is known of its city where nothing is."""
    region = data_dict.get("region_code")
    known = sources.begun(region) if isinstance(region, str) else {}
    return {**known, **{name: value for name, value in data_dict.items() if value not in (None, "")}}


def nmgdata_source_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change a source, pause it (``state``: ``paused``) or resume it (``active``).

    What is not named stays as it is. When organisations or classes change, every record is loaded anew by
    the next harvest; one under way goes on as it began.

    :param id: id or name of the source
    :type id: string
    :param address: and the other parameters of ``nmgdata_source_create``, all optional

    :returns: the source, as ``nmgdata_source_show``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_source_update", context, data_dict)
    source = auth.named_source(data_dict)
    values = schema.judged({name: value for name, value in data_dict.items() if name != "id"})
    if "region_code" in values:
        tk.check_access("nmgdata_source_create", context, {"region_code": values["region_code"]})
    actor = actor_of(context)
    sources.change(actor, source.id, values)
    return shown(source.id)


def nmgdata_source_delete(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Delete a source of which nothing was ever loaded; one with datasets here is paused instead (409).

    :param id: id or name of the source
    :type id: string

    :rtype: dictionary with ``id``
    """
    tk.check_access("nmgdata_source_delete", context, data_dict)
    source_id = auth.named_source(data_dict).id
    sources.delete(actor_of(context), source_id)
    return {"id": source_id}


def nmgdata_source_check(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Try a source: read its first pages and say what a harvest would do with them; nothing is written.

    It answers within a minute: at most three pages and 300 records within 20 seconds. Whether anything has
    vanished is not judged, since not everything is read. One check at a time (409).

    :param id: id or name of the source
    :type id: string

    :returns: ``counts`` by outcome and ``incomplete``; ``records``, each with ``outcome``, ``why`` (of a
        refusal), ``missing`` and ``changes`` (fields); ``whole``: whether everything was read; ``error``,
        ``error_label`` and ``detail`` of what ended it
    :rtype: dictionary
    """
    tk.check_access("nmgdata_source_check", context, data_dict)
    return check.check(actor_of(context), auth.named_source(data_dict).id)


# --- harvests ------------------------------------------------------------------------------------


def nmgdata_harvest_run(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Harvest a source now; the background workers do it.

    :param source_id: id or name of the source
    :type source_id: string

    :returns: the job, as ``nmgdata_harvest_job_show``; 409 when one is under way
    :rtype: dictionary
    """
    tk.check_access("nmgdata_harvest_run", context, data_dict)
    source = auth.named_source(data_dict, "source_id")
    return job_shown(sources.run(actor_of(context), source.id))


def job_shown(job_id: str) -> dict[str, Any]:
    """Return a job with its problems by code, and what it would remove if it is held."""
    job = query.job(job_id)
    assert job is not None  # noqa: S101 (it was found before)
    by_code = [
        {"code": code, "code_label": words.sentence(code), "is_refused": refused, "count": count}
        for code, refused, count in query.problem_counts(job_id)
    ]
    held = job.state == JobState.HELD
    gone = [{"id": a, "name": b, "title": c} for a, b, c in vanish.listed(job_id)] if held else []
    return {**presenters.job(job), "problems": by_code, "would_vanish": gone}


@tk.side_effect_free
def nmgdata_harvest_job_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show a harvest: how far it is, its counts, its problems by code; of a held one what it would remove.

    :param id: id of the job
    :type id: string

    :returns: ``state``, ``percent``, ``counts``, ``problems``, ``would_vanish`` (at most 1000), …
    :rtype: dictionary
    """
    tk.check_access("nmgdata_harvest_job_show", context, data_dict)
    return job_shown(auth.named_job(data_dict)[0].id)


@tk.side_effect_free
def nmgdata_harvest_job_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the harvests of a source, the newest first.

    :param source_id: id or name of the source
    :type source_id: string
    :param limit: at most so many, 1000 at the most (default: 100)
    :type limit: int
    :param offset: where to begin (default: 0)
    :type offset: int

    :returns: ``count`` and ``jobs``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_harvest_job_list", context, data_dict)
    source = auth.named_source(data_dict, "source_id")
    limit, offset = page_of(data_dict)
    found = [presenters.job(one) for one in query.jobs(source.id, limit, offset)]
    return {"count": query.count_jobs(source.id), "jobs": found}


def nmgdata_harvest_job_confirm(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Let what a held harvest did not find vanish: it is archived after the source's grace.

    :param id: id of the job
    :type id: string

    :returns: the job, with ``marked``: how many datasets; 409 when it is not held
    :rtype: dictionary
    """
    tk.check_access("nmgdata_harvest_job_confirm", context, data_dict)
    job_id = auth.named_job(data_dict)[0].id
    marked = vanish.confirm(job_id, actor_of(context))
    return {**job_shown(job_id), "marked": marked}


def nmgdata_harvest_job_cancel(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """End a harvest that waits or runs, or refuse a held one: then nothing vanishes. What is loaded stays.

    :param id: id of the job
    :type id: string

    :returns: the job; 409 when it has ended
    :rtype: dictionary
    """
    tk.check_access("nmgdata_harvest_job_cancel", context, data_dict)
    job_id = auth.named_job(data_dict)[0].id
    jobs.cancel(job_id, actor_of(context))
    return job_shown(job_id)


@tk.side_effect_free
def nmgdata_harvest_problem_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List what was wrong with single records in a harvest, in its order.

    :param job_id: id of the job
    :type job_id: string
    :param code: only this code (optional)
    :param q: words of the place or of the detail (optional)
    :param limit: at most so many, 1000 at the most (default: 100)
    :type limit: int
    :param offset: where to begin (default: 0)
    :type offset: int

    :returns: ``count`` and ``problems``; ``is_refused`` is false where the record was loaded all the same
    :rtype: dictionary
    """
    tk.check_access("nmgdata_harvest_problem_list", context, data_dict)
    job, _source = auth.named_job(data_dict, "job_id")
    limit, offset = page_of(data_dict)
    asked = query.problems(job.id, str(data_dict.get("code") or ""), str(data_dict.get("q") or ""))
    rows = model.Session.scalars(asked.limit(limit).offset(offset))
    return {"count": query.count(asked), "problems": [presenters.problem(one) for one in rows]}


@tk.side_effect_free
def nmgdata_harvest_record_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the records of a source and the datasets that they are here.

    :param source_id: id or name of the source
    :type source_id: string
    :param state: ``here``, ``incomplete`` (lacks what the law asks, DC-11), ``vanished``, ``archived`` or
        ``waiting`` (optional)
    :param q: words of the identifier or title (optional)
    :param limit: at most so many, 1000 at the most (default: 100)
    :type limit: int
    :param offset: where to begin (default: 0)
    :type offset: int

    :returns: ``count`` and ``records``, each with the fields it lacks (``missing``)
    :rtype: dictionary
    """
    tk.check_access("nmgdata_harvest_record_list", context, data_dict)
    source = auth.named_source(data_dict, "source_id")
    state = str(data_dict.get("state") or "")
    if state and state not in query.RECORD_STATES:
        raise tk.ValidationError({"state": [_("Choose one of the entries.")]})
    limit, offset = page_of(data_dict)
    asked = query.records(source.id, state, str(data_dict.get("q") or ""))
    rows = model.Session.execute(asked.limit(limit).offset(offset))
    return {"count": query.count(asked), "records": [presenters.record(row) for row in rows]}


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_source_list, nmgdata_source_show, nmgdata_source_create, nmgdata_source_update,
        nmgdata_source_delete, nmgdata_source_check, nmgdata_harvest_run, nmgdata_harvest_job_show,
        nmgdata_harvest_job_list, nmgdata_harvest_job_confirm, nmgdata_harvest_job_cancel,
        nmgdata_harvest_problem_list, nmgdata_harvest_record_list,
    )
}  # fmt: skip
