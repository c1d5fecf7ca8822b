"""Network addresses and names as keyed digests: for counting who comes how often, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from ckan.common import config as ckan_config


def secret(purpose: str) -> str:
    """Return a key of our own, derived from the portal's secret."""
    key = str(ckan_config["SECRET_KEY"]).encode()
    return hmac.new(key, f"nmgdata:{purpose}".encode(), hashlib.sha256).hexdigest()


def digest(purpose: str, text: str) -> str:
    """Return a keyed digest: the same text gives the same, and nobody without the key finds the text."""
    return hmac.new(secret(purpose).encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def network(address: str | None) -> str:
    """Return what counts as one sender: an IPv4 address, or the /64 network of an IPv6 address."""
    text = address or ""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))
    return str(parsed)


def address_key(address: str | None) -> str:
    """Return a keyed digest of a sender's network."""
    return digest("address", network(address))
