"""The DCAT profile ``nmg``: DCAT-AP 3 with what the law of the autonomous region adds.

``ckanext.dcat.rdf.profiles = nmg``. The profile stands alone and takes nothing from ckanext-dcat's
European ones: those read our slugs as addresses (``theme``) and our flags as documents (``sample``),
publish whatever link a resource carries (``download_url``), keep an organisation's title for as long
as the process lives, and date the catalogue by entries that the reader may not see.

How a field is written stands in ``dcat_terms``, ``dcat_write`` and ``dcat_read``; the own names in
``schemas/nmg.ttl``; the shapes it is held to in ``tests/data/dcat-ap_3_shacl_shapes.ttl``.
"""

from __future__ import annotations

from typing import Any

import dateutil.parser
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict
from ckanext.dcat import plugins as dcat_plugins
from ckanext.dcat.profiles import RDFProfile
from ckanext.dcat.utils import CONTENT_TYPES
from ckanext.scheming.helpers import scheming_get_dataset_schema
from rdflib import Graph, URIRef
from rdflib.term import Node

from . import dcat_catalogue, dcat_names, dcat_read, dcat_write

_ = tk._


class NmgProfile(RDFProfile):
    """Entries of the public data catalogue as DCAT-AP 3, and back."""

    def __init__(self, graph: Graph, **_options: Any) -> None:
        """Take a graph. The mapping is fixed, so the schema is not fetched anew for each dataset."""
        self.g = graph

    def graph_from_dataset(self, dataset_dict: dict[str, Any], dataset_ref: URIRef) -> None:
        """Add an entry to the graph."""
        dcat_write.bind(self.g)
        dcat_write.dataset(self.g, dataset_dict, dataset_ref)

    def graph_from_catalog(self, catalog_dict: dict[str, Any] | None, catalog_ref: URIRef) -> None:
        """Add the catalogue to the graph."""
        dcat_write.bind(self.g)
        changed = dcat_catalogue.last_change()
        dcat_catalogue.catalogue(self.g, catalog_dict or {}, catalog_ref, changed)

    def parse_dataset(self, dataset_dict: dict[str, Any], dataset_ref: Node) -> dict[str, Any]:
        """Read an entry; the result is one that ``package_create`` accepts."""
        dataset_dict.update(dcat_read.dataset(self.g, dataset_ref))
        return dataset_dict


class StableNames:
    """``IDCATURIGenerator``: a dataset and its files are named by their ids and by nothing else.

    ckanext-dcat prefers a free extra ``uri``, with which an editor could give an entry the name of
    another department's entry and add statements to it in every catalogue.
    """

    def dataset_uri(self, dataset_dict: dict[str, Any], default_uri: str) -> str:
        """Return ``{site}/dataset/{id}``."""
        if not dataset_dict.get("id"):
            return default_uri
        return dcat_names.dataset(dataset_dict["id"])

    def resource_uri(self, resource_dict: dict[str, Any], default_uri: str) -> str:
        """Return ``{site}/dataset/{id}/resource/{rid}``."""
        if not (resource_dict.get("id") and resource_dict.get("package_id")):
            return default_uri
        return dcat_names.resource(resource_dict["package_id"], resource_dict["id"])


# --- actions -------------------------------------------------------------------------------------


class WronglyAskedError(tk.ValidationError):
    """A refusal whose sentence ckanext-dcat's pages can show as it is."""

    def __str__(self) -> str:
        """Return what is wrong."""
        return tk.h.nmgdata_first_error(self.error_dict)


def check(data_dict: DataDict) -> None:
    """Refuse what the portal does not offer, and dates that are none.

    ckanext-dcat lets every reader choose a profile (``?profiles=croissant``), also of plugins that are not
    loaded; Croissant's publishes the columns of the DataStore without asking who reads.

    :raises tk.ValidationError: on ``profiles`` or ``modified_since``
    :raises tk.ObjectNotFound: there is no such form
    """
    allowed = (tk.config.get("ckanext.dcat.rdf.profiles") or "").split()
    for name in data_dict.get("profiles") or []:
        if name not in allowed:
            message = _("This portal offers the profiles: {names}.").format(names=" ".join(allowed))
            raise WronglyAskedError({"profiles": [message]})
    form = data_dict.get("format")
    if form and form not in list(CONTENT_TYPES):
        names = " ".join(CONTENT_TYPES)
        raise tk.ObjectNotFound(_("This portal offers the formats: {names}.").format(names=names))
    since = data_dict.get("modified_since")
    try:
        if since:
            dateutil.parser.parse(since)
    except (ValueError, TypeError, OverflowError):
        raise WronglyAskedError({"modified_since": [_("This is not a date.")]}) from None


@tk.chained_action
def dcat_dataset_show(next_action: Any, context: Context, data_dict: DataDict) -> str:
    """Return an entry as RDF, by the portal's own profile only."""
    check(data_dict)
    return next_action(context, data_dict)


@tk.chained_action
@tk.side_effect_free
def dcat_catalog_show(next_action: Any, context: Context, data_dict: DataDict) -> str:
    """Return a page of the catalogue as RDF, by the portal's own profile only."""
    check(data_dict)
    return next_action(context, data_dict)


@tk.chained_action
@tk.side_effect_free
def dcat_catalog_search(next_action: Any, context: Context, data_dict: DataDict) -> str:
    """Return found entries as RDF, by the portal's own profile only."""
    check(data_dict)
    return next_action(context, data_dict)


ACTIONS = {
    function.__name__: function for function in (dcat_dataset_show, dcat_catalog_show, dcat_catalog_search)
}


def install() -> None:
    """Give the hooks of ckanext-dcat the schema at hand, for which they call an action twice per dataset.

    Its pages get N-Triples besides, which its action knows.
    """
    CONTENT_TYPES["nt"] = "application/n-triples"
    dcat_plugins._get_dataset_schema = scheming_get_dataset_schema
