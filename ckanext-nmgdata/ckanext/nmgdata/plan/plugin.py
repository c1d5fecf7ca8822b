"""Plugin of the yearly open plan. Wiring only."""

from __future__ import annotations

import json
from typing import Any

from ckan import plugins as p

from .. import shapes
from ..kernel.gate import known
from . import chores, facts, jobs, present, views, work_steps, work_views, workflow
from .logic import action, auth


class PlanPlugin(p.SingletonPlugin):
    """年度公共数据开放计划."""

    p.implements(p.IConfigurable)
    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IValidators)
    p.implements(p.IBlueprint)
    p.implements(p.ITemplateHelpers)

    def configure(self, config: Any) -> None:
        """Make plans known to engine, pages, outbox, events and clock."""
        workflow.install()
        present.install()
        jobs.install()
        facts.install()
        chores.install()

    def get_actions(self) -> dict[str, Any]:
        """Return the actions of plans."""
        return shapes.guarded(known.before(action.ACTIONS))

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth functions of plans, and those that keep their groups."""
        return {**auth.FUNCTIONS, **auth.GROUPS}

    def get_validators(self) -> dict[str, Any]:
        """Return the validators of the group's schema."""
        return {"nmgdata_number_output": number_output, "nmgdata_list_output": list_output}

    def get_blueprint(self) -> list[Any]:
        """Return the public pages of plans, and those on which they are made."""
        return [work_views.blueprint, work_steps.blueprint, views.blueprint]

    def get_helpers(self) -> dict[str, Any]:
        """Return the template helpers."""
        return {
            "nmgdata_plan_field": present.field_label,
            "nmgdata_plan_value": present.value,
            "nmgdata_plan_stopped": present.stopped,
        }


def number_output(value: Any) -> Any:
    """Return a number that CKAN keeps as text."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


def list_output(value: Any) -> Any:
    """Return a list that CKAN keeps as JSON."""
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else []
