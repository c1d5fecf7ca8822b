"""The only reader of this project's configuration (declared in ``config_declaration.yaml``)."""

from __future__ import annotations

import hashlib

from ckan.plugins import toolkit as tk

PREFIX = "ckanext.nmgdata"


def region() -> str:
    """Return whose portal this is: a division code of GB/T 2260, 150000 for the whole region."""
    return tk.config[f"{PREFIX}.region"]


def site_root() -> str:
    """Return the address of the portal's pages, without a slash at the end."""
    path = (tk.config["ckan.root_path"] or "").replace("/{{LANG}}", "").rstrip("/")
    return site_url() + path


def site_url() -> str:
    """Return the address of the host, without the path that the portal may lie under."""
    return tk.config["ckan.site_url"].rstrip("/")


def site_title() -> str:
    """Return the name of the portal."""
    return tk.config["ckan.site_title"]


def site_id() -> str:
    """Return the name under which this portal keeps its things in Solr and Redis."""
    return tk.config["ckan.site_id"]


def storage_path() -> str:
    """Return the folder of the portal's own files, empty where it has none."""
    return tk.config.get("ckan.storage_path") or ""


def redis_url() -> str:
    """Return the address of Redis."""
    return tk.config["ckan.redis.url"]


def login_limits() -> tuple[int, int]:
    """Return how many wrong passwords there may be within fifteen minutes: of a person, from a network."""
    return limits_of("login_failures")


def mail_limits() -> tuple[int, int]:
    """Return how many mails about accounts may be asked for in an hour: to an address, from a network."""
    return limits_of("mails")


def limits_of(name: str) -> tuple[int, int]:
    """Return a limit of the accounts' for a person and for a network."""
    person, network = (f"{PREFIX}.accounts.{name}_per_{whose}" for whose in ("person", "network"))
    return tk.config[person], tk.config[network]


def api_limits() -> tuple[int, int]:
    """Return how many calls of the API there may be in a minute: of a person (0 for any), from a network."""
    return tk.config[f"{PREFIX}.api.calls_per_person"], tk.config[f"{PREFIX}.api.calls_per_network"]


def audit_digest() -> str:
    """Return the digest that seals audit events: ``sha256``, or ``sm3`` where OpenSSL has it."""
    name = tk.config[f"{PREFIX}.audit.digest"]
    return name if name in hashlib.algorithms_available else "sha256"


def audit_retention_days() -> int:
    """Return how long audit events are kept at least; never less than six months."""
    return tk.config[f"{PREFIX}.audit.retention_days"]


def machine_readable_formats() -> list[str]:
    """Return the slugs of formats that count as machine-readable beyond the vocabulary (DC-04)."""
    return tk.config[f"{PREFIX}.catalog.machine_readable_formats"]


def search_words() -> str:
    """Return the path of the authority's own file of words for the search, empty for none."""
    return tk.config[f"{PREFIX}.search.words"]


def smtp_timeout() -> int:
    """Return how many seconds a mail server may take."""
    return tk.config[f"{PREFIX}.mail.timeout"]


def private_hosts() -> set[str]:
    """Return the hosts (``host`` or ``host:port``) on private networks that links may lie on."""
    return {host.lower() for host in tk.config[f"{PREFIX}.gate.private_hosts"]}


def sealed_storage() -> str:
    """Return the name of CKAN's storage for evidence and withdrawn files; no HTTP door reads it."""
    return tk.config[f"{PREFIX}.sealed.storage"]


def sealed_retention_days() -> int:
    """Return how many days a withdrawn file is kept (DC-45)."""
    return tk.config[f"{PREFIX}.sealed.retention_days"]


def evidence_limit() -> int:
    """Return how many bytes one file of evidence may have."""
    return tk.config[f"{PREFIX}.evidence.max_mb"] * 1024 * 1024


def clamd() -> str:
    """Return ``host:port`` of a virus scanner (clamd) for evidence; empty when there is none."""
    return tk.config[f"{PREFIX}.evidence.clamd"]


def objection_limits() -> tuple[int, int, int]:
    """Return how many objections an hour may come: from one address, unproven, without an account."""
    names = ("per_address", "per_address_unproven", "without_account")
    proven, unproven, together = (tk.config[f"{PREFIX}.objection.{name}"] for name in names)
    return proven, unproven, together


def objection_attempts() -> int:
    """Return how many forms of objections an hour are read from one address, whatever becomes of them."""
    return tk.config[f"{PREFIX}.objection.attempts_per_address"]


def override_minutes() -> int:
    """Return for how many minutes an override opens a resource."""
    return tk.config[f"{PREFIX}.gate.override_minutes"]


def relay_seconds() -> int:
    """Return how many seconds the passing on of one conditional link may take altogether."""
    return tk.config[f"{PREFIX}.gate.relay_seconds"]


def relay_bytes() -> int:
    """Return how many bytes of a conditional link are passed on at most."""
    return tk.config[f"{PREFIX}.gate.relay_megabytes"] * 1024 * 1024


def change_retention_days() -> int:
    """Return for how many days superseded changes stay in the feed."""
    return tk.config[f"{PREFIX}.changes.retention_days"]


def change_page_size() -> int:
    """Return how many changes a page of the feed has at most."""
    return tk.config[f"{PREFIX}.changes.page_size"]


def max_resource_bytes() -> int:
    """Return how large an upload may be."""
    return tk.config["ckan.max_resource_size"] * 1024 * 1024


def tables_max_mb() -> int:
    """Return how large a file may be that is loaded as a table, in megabytes."""
    return tk.config[f"{PREFIX}.tables.max_mb"]


def tables_max_rows() -> int:
    """Return how many rows a table may have."""
    return tk.config[f"{PREFIX}.tables.max_rows"]


def tables_max_columns() -> int:
    """Return how many columns a table may have; PostgreSQL itself ends at about 1,600."""
    return tk.config[f"{PREFIX}.tables.max_columns"]


def tables_seconds() -> int:
    """Return how many seconds the reading of one file may take in the background."""
    return tk.config[f"{PREFIX}.tables.seconds"]


def tables_memory_mb() -> int:
    """Return how much memory the program may take that reads XLSX, JSON, DOCX and PDF."""
    return tk.config[f"{PREFIX}.tables.memory_mb"]


def tables_unpacked_mb() -> int:
    """Return how large a file may be unpacked (XLSX and DOCX are ZIP files)."""
    return tk.config[f"{PREFIX}.tables.unpacked_mb"]


def screening_request_mb() -> int:
    """Return up to what size a file is scanned for personal data while its upload is answered."""
    return tk.config[f"{PREFIX}.screening.request_mb"]


def screening_request_seconds() -> int:
    """Return how long that scan may keep the upload waiting; then the background goes on with it."""
    return tk.config[f"{PREFIX}.screening.request_seconds"]


def longest_use_months() -> int:
    """Return within how many months the use of conditional data that is applied for must end (R-COND-01)."""
    return tk.config[f"{PREFIX}.access.longest_use_months"]


def retention_months() -> int:
    """Return for how many months personal data of a closed case are kept (DC-57)."""
    return tk.config[f"{PREFIX}.privacy.retention_months"]


def harvest_rate() -> int:
    """Return how many records a second a worker loads at most; 0: as many as it can."""
    return tk.config[f"{PREFIX}.harvest.rate"]


def harvest_readers() -> int:
    """Return how many sources a worker reads at once."""
    return tk.config[f"{PREFIX}.harvest.readers"]


def harvest_slice_seconds() -> int:
    """Return after how many seconds a worker lets other background work have its turn."""
    return tk.config[f"{PREFIX}.harvest.slice_seconds"]


def harvest_follow_seconds() -> int:
    """Return how many seconds lie between two looks at a city's change feed; 0: no feed is followed."""
    return tk.config[f"{PREFIX}.harvest.follow_seconds"]


def harvest_workers() -> int:
    """Return how many workers are called to each harvest."""
    return tk.config[f"{PREFIX}.harvest.workers"]


def harvest_retention_days() -> int:
    """Return for how many days ended harvests and their reports are kept; the last of each stays."""
    return tk.config[f"{PREFIX}.harvest.retention_days"]


def is_demo() -> bool:
    """Say whether the portal shows the demo catalogue; every page says so then."""
    return tk.config[f"{PREFIX}.demo"]
