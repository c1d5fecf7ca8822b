"""Settings that follow from the code, and those without which the portal must not start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ckan.exceptions import CkanConfigurationException
from ckan.plugins import toolkit as tk

from .. import config, vocab
from ..config import PREFIX

SIX_MONTHS = 183
"""Floor of the audit's retention: 网络安全法 Art. 21 (network logs, not less than six months)."""
SEALED = "nmgdata_sealed"
"""Storage for evidence and withdrawn files, unless another one is named."""
LICENCES = Path(__file__).parent.parent / "schemas" / "licenses.json"


def apply(settings: Any) -> None:
    """Fill in what the operator left out."""
    settings["licenses_group_url"] = LICENCES.resolve().as_uri()
    storage = f"ckan.files.storage.{SEALED}"
    if settings.get(f"{PREFIX}.sealed.storage") in (None, "", SEALED) and settings.get("ckan.storage_path"):
        settings.setdefault(f"{storage}.type", "ckan:fs")
        settings.setdefault(f"{storage}.path", str(Path(settings["ckan.storage_path"]) / "sealed"))
        settings.setdefault(f"{storage}.initialize", "true")
    if settings.get("ckan.site_title") in (None, "", "CKAN"):
        code = settings.get("ckanext.nmgdata.region") or "150000"
        settings["ckan.site_title"] = vocab.term("division", code)["zh"] + "公共数据开放平台"


def check() -> None:
    """Refuse to start where a setting would open what must be closed, or break the law's floor."""
    if tk.asbool(tk.config.get("ckan.datastore.sqlsearch.enabled") or False):
        raise CkanConfigurationException(
            "ckan.datastore.sqlsearch.enabled must be false: SQL cannot be held to a grant."
        )
    if tk.config.get("ckan.datastore.public_table_search"):
        raise CkanConfigurationException(
            "ckan.datastore.public_table_search must be empty: it names tables that everybody may read."
        )
    if config.audit_retention_days() < SIX_MONTHS:
        raise CkanConfigurationException(
            f"ckanext.nmgdata.audit.retention_days must be at least {SIX_MONTHS} (six months)."
        )
    if config.region() not in vocab.terms("division"):
        raise CkanConfigurationException("ckanext.nmgdata.region must be a division code such as 150000.")
    places = vocab.terms("division")
    if places[config.region()]["level"] == "banner":
        raise CkanConfigurationException(
            "ckanext.nmgdata.region: banners have no portal of their own (旗县原则上不独立建设, R-PLAT-03)."
        )
