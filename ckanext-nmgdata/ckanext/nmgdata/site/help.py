"""What the action API says of its actions; of those that plugins chain, CKAN would explain ``partial``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict


@tk.chained_action
@tk.side_effect_free
def help_show(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> str | None:
    """Return the help of an action; of a chained one that of the action behind the chain."""
    said = next_action(context, data_dict)
    return said if said != partial.__doc__ else innermost(tk.get_action(data_dict["name"])).__doc__


def innermost(action: Any) -> Any:
    """Return the action at the end of a chain."""
    while True:
        if isinstance(action, partial):
            action = action.args[0]
        elif hasattr(action, "__wrapped__"):
            action = action.__wrapped__
        else:
            return action


ACTIONS = {"help_show": help_show}
