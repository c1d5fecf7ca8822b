"""The signed link by which somebody switches off a kind of mail without logging in (RFC 8058)."""

from __future__ import annotations

from dataclasses import dataclass

from ckan.common import config as ckan_config
from itsdangerous import BadSignature, URLSafeSerializer

from .. import config
from ..kernel.workflow import notices


@dataclass(frozen=True)
class Recipient:
    """Who is told: an account, an address, or both."""

    user_id: str | None
    address: str | None


def signer() -> URLSafeSerializer:
    """Return what signs and reads the links."""
    return URLSafeSerializer(ckan_config["SECRET_KEY"], salt="nmgdata-mail-choice")


def stop(to: Recipient, kind: str | None) -> dict[str, str]:
    """Return the link under a mail that may be switched off; nothing where the law owes it (no kind)."""
    if kind is None or to.user_id is None:
        return {}
    token = signer().dumps([to.user_id, kind])
    return {"stop_url": f"{config.site_root()}/nmg/notices/stop?token={token}"}


def read(token: str) -> tuple[str, str] | None:
    """Return account and kind of mail that a link names; None when nobody here has signed it."""
    try:
        user_id, kind = signer().loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return (user_id, kind) if kind in notices.CHOICES else None
