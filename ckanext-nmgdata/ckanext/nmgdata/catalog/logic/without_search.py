"""With Solr away, what can go on without it does, and searches say plainly why they fail."""

from __future__ import annotations

from typing import Any

from ckan.lib.dictization import model_dictize
from ckan.lib.search import SearchError
from ckan.lib.search.common import SearchQueryError, SolrConnectionError
from ckan.plugins import toolkit as tk
from ckan.types import Action, Context, DataDict

from ...kernel.outbox import search as index

NOT_UNDERSTOOD = "HTTP 400"
"""What Solr's answer to such a query says, as CKAN passes it on."""


def is_for_a_program(context: Context) -> bool:
    """Say whether an action answers a call of the API, where CKAN names the error by its type."""
    return "api_version" in context


def ask(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Call an action that asks Solr; leave Solr in peace for some seconds once it has not answered.

    :raises SolrConnectionError: Solr does not answer
    """
    if index.is_resting():
        raise SolrConnectionError(tk._("Search is not available at the moment."))
    try:
        return next_action(context, data_dict)
    except SolrConnectionError:
        index.rest()
        raise


@tk.chained_action
@tk.side_effect_free
def package_search(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Search; CKAN's pages know how to show a SearchError, but not that there is no connection.

    A query that Solr does not understand is the asker's fault, not Solr's.
    """
    try:
        return ask(next_action, context, data_dict)
    except SearchQueryError:
        raise
    except (SolrConnectionError, SearchError) as error:
        if is_for_a_program(context):
            raise
        kind = SearchQueryError if NOT_UNDERSTOOD in str(error) else SearchError
        raise kind(str(error)) from error


NO_COUNTS = {"include_dataset_count": False, "include_datasets": False}


def without_count(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Show an organisation or group, if need be without its number of datasets."""
    try:
        return ask(next_action, context, data_dict)
    except (SolrConnectionError, SearchError):
        return next_action(context, {**data_dict, **NO_COUNTS})


@tk.chained_action
@tk.side_effect_free
def organization_show(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Show a department."""
    return without_count(next_action, context, data_dict)


@tk.chained_action
@tk.side_effect_free
def group_show(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Show a group."""
    return without_count(next_action, context, data_dict)


ACTIONS = {function.__name__: function for function in (package_search, organization_show, group_show)}

ckan_counts = model_dictize.get_group_dataset_counts


def counts_or_none(*args: Any, **options: Any) -> dict[str, Any]:
    """Return the datasets of all organisations and groups by number, no number where Solr is away."""
    try:
        return ask(lambda _context, _data: ckan_counts(*args, **options), {}, {})
    except (SolrConnectionError, SearchError):
        index.rest()  # nobody's words are in this question: an error is Solr's own
        return {"groups": {}, "owner_org": {}}


def install() -> None:
    """Let CKAN's lists of organisations do without Solr; may be called again."""
    model_dictize.get_group_dataset_counts = counts_or_none
