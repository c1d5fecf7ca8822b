"""How the catalogue names things: by the portal's address and their ids, and by nothing else.

ckanext-dcat asks every plugin for each single name, which took more time than all the rest of a file.
"""

from __future__ import annotations

from ckan.plugins import toolkit as tk

from .dcat_terms import whole_iri


def root() -> str:
    """Return the beginning of every name, as ``ckanext.dcat.utils.catalog_uri`` has it, without a slash."""
    return (tk.config.get("ckanext.dcat.base_uri") or tk.config["ckan.site_url"]).rstrip("/")


def dataset(dataset_id: str) -> str:
    """Return the name of an entry."""
    return whole_iri(f"{root()}/dataset/{dataset_id}")


def resource(dataset_id: str, resource_id: str) -> str:
    """Return the name of a file of an entry."""
    return whole_iri(f"{root()}/dataset/{dataset_id}/resource/{resource_id}")


def organisation(organisation_id: str) -> str:
    """Return the name of a department."""
    return whole_iri(f"{root()}/organization/{organisation_id}")
