"""Forms of holders."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckan.types import Schema

from ....forms import stated
from ....kernel.gate.bound import NAME_LENGTH

_ = tk._


def short(value: str) -> str:
    """Accept a name that fits."""
    if len(value) > NAME_LENGTH:
        raise tk.Invalid(_("Please be briefer: at most {n} characters.").format(n=NAME_LENGTH))
    return value


def member() -> Schema:
    """Which account is meant."""
    return {"account": [stated(1, _("State the name of the account."))]}


def token() -> Schema:
    """What a token is called."""
    return {"name": [stated(1, _("Give the token a name by which you know it again.")), short]}
