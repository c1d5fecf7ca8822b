"""What a withdrawal does to the catalogue, after its commit."""

from __future__ import annotations

from collections.abc import Sequence

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context

from ..kernel import outbox
from ..kernel.outbox.model import Outbox
from .workflow import RECLASSIFY


def reclassify(rows: Sequence[Outbox]) -> None:
    """Make withdrawn entries non-open in the catalogue, with ground, reason and legal basis (R29)."""
    for row in rows:
        wanted = dict(row.payload)
        package = model.Session.get(model.Package, wanted["dataset"])
        if package is None or package.state != model.State.ACTIVE:
            continue
        site_user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
        context: Context = {"user": site_user, "ignore_auth": True}
        tk.get_action("package_patch")(
            context,
            {
                "id": package.id,
                "open_class": "non_open",
                "nonopen_ground": wanted["nonopen_ground"],
                "open_reason": wanted["public_reason"],
                "open_legal_basis": wanted["legal_basis"],
            },
        )


def install() -> None:
    """Take charge of the topic; may be called again."""
    outbox.handle(RECLASSIFY, reclassify)
