"""Plugin of conditional-access applications. Wiring only."""

from __future__ import annotations

from typing import Any

from ckan import plugins as p
from ckan.plugins import toolkit as tk

from .. import shapes
from ..kernel import retention, tick
from ..kernel.evidence import files as evidence
from ..kernel.gate import answers, known, trace
from ..kernel.workflow import presenters
from . import drafts, follow, present, privacy_views, record, record_views, workflow
from .closing import present as closing_present
from .closing import views as closing_views
from .closing.logic import action as closing_action
from .closing.logic import auth as closing_auth
from .drafting.logic import action as drafting_action
from .drafting.logic import auth as drafting_auth
from .holding import views as holding_views
from .holding.logic import action as holding_action
from .holding.logic import auth as holding_auth
from .logic import action, auth
from .public.logic import action as public_action
from .public.logic import auth as public_auth
from .use import citation, schedule, showcase
from .use import present as use_present
from .use import views as use_views
from .use.logic import action as use_action
from .use.logic import auth as use_auth
from .views import blueprint


class AccessPlugin(p.SingletonPlugin):
    """有条件开放申请."""

    p.implements(p.IConfigurer)
    p.implements(p.IConfigurable)
    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.ITemplateHelpers)

    def update_config(self, config: Any) -> None:
        """Add the templates."""
        tk.add_template_directory(config, "templates")

    def configure(self, config: Any) -> None:
        """Make applications known to engine, pages and gate."""
        workflow.install()
        follow.install()
        tick.hourly(drafts.purge)
        evidence.keep_with("drafts", drafts.kept_files)
        presenters.register(workflow.KIND, present.PRESENTER)
        use_present.install()
        closing_present.install()
        tick.hourly(schedule.open_due)
        tick.hourly(retention.sweep)
        answers.ways[answers.APPLY] = "nmgdata_access.apply"
        answers.ways[trace.LICENCE] = "nmgdata_holding.licence"
        answers.ways[answers.GRANT] = "nmgdata_holding.grant"
        answers.ways[answers.MINE] = "nmgdata_desk.my_cases"

    def get_actions(self) -> dict[str, Any]:
        """Return the actions of applications."""
        own = (action.nmgdata_application_submit, action.nmgdata_grant_list)
        actions = {
            **{function.__name__: function for function in own},
            **drafting_action.ACTIONS,
            **use_action.ACTIONS,
            **closing_action.ACTIONS,
            **holding_action.ACTIONS,
            **public_action.ACTIONS,
        }
        return shapes.guarded(known.before(actions))

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth functions of applications."""
        return {
            "nmgdata_application_submit": auth.nmgdata_application_submit,
            "nmgdata_grant_list": auth.nmgdata_grant_list,
            **drafting_auth.FUNCTIONS,
            "nmgdata_access_close": closing_auth.nmgdata_access_close,
            **use_auth.FUNCTIONS,
            **holding_auth.FUNCTIONS,
            **public_auth.FUNCTIONS,
        }

    def get_blueprint(self) -> list[Any]:
        """Return the pages of applications."""
        return [
            blueprint, use_views.blueprint, closing_views.blueprint, record_views.blueprint,
            privacy_views.blueprint, holding_views.blueprint,
        ]  # fmt: skip

    def get_helpers(self) -> dict[str, Any]:
        """Return what other pages show of applications and use: source statement, results, drafts."""
        return {
            "nmgdata_citation": citation.on_page,
            "nmgdata_citation_in_case": citation.in_case,
            "nmgdata_showcase": showcase.on_dataset,
            "nmgdata_days": record.days,
            "nmgdata_drafts": drafts.listed,
        }
