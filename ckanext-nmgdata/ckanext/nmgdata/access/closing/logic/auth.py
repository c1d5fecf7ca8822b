"""Who may close access."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ....kernel.actors import Role
from ....kernel.gate.doors import actor_of


@tk.auth_sysadmins_check
def nmgdata_access_close(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers; for which data they are competent says the machine itself (R-SUSP-04)."""
    return {"success": bool(actor_of(context).orgs(Role.REVIEWER))}
