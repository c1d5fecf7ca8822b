"""Plugin of conditional-access applications. Wiring only."""

from __future__ import annotations

from typing import Any

from ckan import plugins as p
from ckan.plugins import toolkit as tk

from .. import shapes
from ..kernel.gate import answers, known
from ..kernel.workflow import presenters
from . import present, workflow
from .logic import action, auth
from .views import blueprint


class AccessPlugin(p.SingletonPlugin):
    """有条件开放申请."""

    p.implements(p.IConfigurer)
    p.implements(p.IConfigurable)
    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)

    def update_config(self, config: Any) -> None:
        """Add the templates."""
        tk.add_template_directory(config, "templates")

    def configure(self, config: Any) -> None:
        """Make applications known to engine, pages and gate."""
        workflow.install()
        presenters.register(workflow.KIND, present.PRESENTER)
        answers.ways[answers.APPLY] = "nmgdata_access.apply"
        answers.ways[answers.MINE] = "nmgdata_desk.my_cases"

    def get_actions(self) -> dict[str, Any]:
        """Return the actions of applications."""
        own = (action.nmgdata_application_submit, action.nmgdata_grant_list)
        return shapes.guarded(known.before({function.__name__: function for function in own}))

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth functions of applications."""
        return {
            "nmgdata_application_submit": auth.nmgdata_application_submit,
            "nmgdata_grant_list": auth.nmgdata_grant_list,
        }

    def get_blueprint(self) -> list[Any]:
        """Return the pages of applications."""
        return [blueprint]
