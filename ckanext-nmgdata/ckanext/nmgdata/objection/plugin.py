"""Plugin of objections and suspensions. Wiring only."""

from __future__ import annotations

from typing import Any

from ckan import plugins as p

from .. import shapes
from ..kernel import tick
from ..kernel.gate import answers, known
from . import challenge, limits, notices, present, register, takedown, workflow
from .logic import action, auth
from .views import blueprint


class ObjectionPlugin(p.SingletonPlugin):
    """权益异议与中止开放."""

    p.implements(p.IConfigurable)
    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)

    def configure(self, config: Any) -> None:
        """Make objections known to engine, pages, outbox and clock."""
        workflow.install()
        answers.ways[answers.REGISTER] = "nmgdata_objection.suspensions"
        if register.public_reason not in answers.public_reasons:
            answers.public_reasons.append(register.public_reason)
        present.install()
        takedown.install()
        notices.install()
        tick.hourly(challenge.forget_used)
        tick.hourly(limits.forget_attempts)

    def get_actions(self) -> dict[str, Any]:
        """Return the actions of objections."""
        return shapes.guarded(known.before(action.ACTIONS))

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth functions of objections."""
        return auth.FUNCTIONS

    def get_blueprint(self) -> list[Any]:
        """Return the pages of objections."""
        return [blueprint]
