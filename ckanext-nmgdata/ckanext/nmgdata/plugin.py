"""The base plugin: kernel, gate, catalogue, pages. Wiring only."""

from __future__ import annotations

from typing import Any

from ckan import plugins as p
from ckan.lib.plugins import DefaultTranslation
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp, Context
from ckanext.dcat.interfaces import IDCATURIGenerator

from . import cli, forms, marks, roles, shapes
from .accounts import address, logins, passwords, privacy, register, resets
from .accounts import views as account_views
from .catalog import (
    changes_views,
    dcat,
    dcat_xml,
    departments,
    exports,
    favourites,
    helpers,
    lifecycle,
    preview,
    scripts,
    search,
    sources,
    state,
    structured,
    validators,
    whole_files,
    workflow,
)
from .catalog import views as catalog_views
from .catalog.bulk import documents
from .catalog.classes import history as class_history
from .catalog.classes import negative, schedule
from .catalog.classes import present as class_present
from .catalog.classes import views as class_views
from .catalog.classes.logic import action as class_actions
from .catalog.classes.logic import auth as class_auth
from .catalog.logic import action as catalog_actions
from .catalog.logic import auth as catalog_auth
from .catalog.logic import without_search
from .catalog.search import helpers as search_helpers
from .desk import notices, told, undelivered
from .desk import views as desk_views
from .desk.logic import action as desk_actions
from .desk.logic import auth as desk_auth
from .developers import errors
from .developers import views as developer_views
from .kernel import outbox, tick
from .kernel.audit import log as audit_log
from .kernel.changes import feed
from .kernel.changes import log as changes
from .kernel.evidence import files as evidence
from .kernel.gate import (
    aliases,
    bound,
    counts,
    datastore,
    frozen,
    known,
    listing,
    lists,
    origins,
    routes,
    screening,
    seal,
    stops,
    tombstones,
    trouble,
)
from .kernel.gate.labels import GateLabels
from .kernel.workflow import notices as site_notices
from .kernel.workflow import succession, terms
from .site import conditional, display, excerpts, feeds, foreign, hardening, missing, sessions, settings
from .site import help as api_help


@tk.blanket.config_declarations
class NmgdataPlugin(dcat.StableNames, p.SingletonPlugin, DefaultTranslation, GateLabels):
    """内蒙古自治区公共数据开放平台."""

    p.implements(p.IConfigurer)
    p.implements(p.IConfigurable)
    p.implements(p.ITranslation)
    p.implements(p.IValidators)
    p.implements(p.ITemplateHelpers)
    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IClick)
    p.implements(p.IMiddleware, inherit=True)
    p.implements(p.IFacets, inherit=True)
    p.implements(p.IPackageController, inherit=True)
    p.implements(p.IPermissionLabels, inherit=True)
    p.implements(p.INotifier, inherit=True)
    p.implements(p.IAuthenticator, inherit=True)
    p.implements(p.IFeed, inherit=True)
    p.implements(p.IApiToken, inherit=True)
    p.implements(IDCATURIGenerator, inherit=True)

    def update_config(self, config: Any) -> None:
        """Add templates and assets, and the settings that every portal of this software has."""
        tk.add_template_directory(config, "templates")
        tk.add_public_directory(config, "public")
        tk.add_resource("assets", "nmgdata")
        settings.apply(config)

    def configure(self, config: Any) -> None:
        """Hook audit, outbox and origins into CKAN's session and models."""
        settings.check()
        roles.install()
        audit_log.install()
        outbox.install()
        outbox.make_many(documents.documents)
        frozen.install()
        aliases.install()
        origins.install()
        stops.install()
        seal.install()
        evidence.install()
        tick.hourly(evidence.forget_drafts)
        screening.install()
        counts.install()
        trouble.install()
        changes.install()
        tick.hourly(feed.purge)
        tick.minutely(whole_files.ask_for_build)
        tick.hourly(favourites.tell)
        without_search.install()
        notices.install()
        logins.install()
        passwords.install()
        register.install()
        resets.install()
        address.install()
        terms.install()
        dcat.install()
        dcat_xml.install()
        workflow.install()
        class_present.install()
        class_history.install()
        tick.hourly(schedule.open_due)
        tick.hourly(site_notices.purge)
        tick.hourly(succession.follow)

    def i18n_domain(self) -> str:
        """Return the name of the translation catalogue."""
        return "ckanext-nmgdata"

    def get_validators(self) -> dict[str, Any]:
        """Return the validators of the schemas."""
        in_place_of_ckans = {
            "user_password_validator": passwords.user_password_validator,
            "isodate": forms.isodate,
            "resource_id_does_not_exist": validators.resource_id_does_not_exist,
        }
        return {**validators.VALIDATORS, **in_place_of_ckans}

    def get_helpers(self) -> dict[str, Any]:
        """Return the template helpers."""
        return {
            **helpers.HELPERS, **search_helpers.HELPERS, "nmgdata_unread": told.unread,
            "nmgdata_class_history": class_history.of_dataset, "nmgdata_class_choices": class_views.choices,
            "nmgdata_class_moves": class_views.may_move, "nmgdata_was_published": class_views.was_published,
            "nmgdata_evaluations_due": class_views.evaluations_due,
            "nmgdata_negative_list": negative.is_public, **developer_views.HELPERS,
            **display.HELPERS, **preview.HELPERS, **favourites.HELPERS, **scripts.HELPERS,
            **structured.HELPERS, **undelivered.HELPERS, **foreign.HELPERS, **excerpts.HELPERS,
        }  # fmt: skip

    def get_actions(self) -> dict[str, Any]:
        """Return the actions of kernel and catalogue."""
        rows = datastore.ACTIONS if p.plugin_loaded("datastore") else {}
        gate = {**lists.ACTIONS, **tombstones.ACTIONS, **datastore.VIEWS, **rows, **listing.closed_actions()}
        own = {
            **catalog_actions.ACTIONS,
            **departments.ACTIONS,
            **class_actions.ACTIONS,
            **desk_actions.ACTIONS,
            **api_help.ACTIONS,
        }
        return shapes.guarded(
            known.before({**known.core(), **own, **dcat.ACTIONS, **privacy.ACTIONS, **gate})
        )

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth functions of kernel and catalogue."""
        return {
            **catalog_auth.functions(), **class_auth.FUNCTIONS, **desk_auth.functions(), **privacy.AUTH,
        }  # fmt: skip

    def get_blueprint(self) -> list[Any]:
        """Return the pages of kernel and catalogue."""
        return [
            catalog_views.blueprint, changes_views.blueprint, exports.blueprint, class_views.blueprint,
            desk_views.blueprint, account_views.blueprint, developer_views.blueprint,
            display.blueprint, missing.blueprint, whole_files.blueprint, favourites.blueprint,
        ]  # fmt: skip

    def get_commands(self) -> list[Any]:
        """Return ``ckan nmgdata …``."""
        return [cli.nmgdata]

    def make_middleware(self, app: CKANApp, config: Any) -> CKANApp:
        """Put the gate in front of every door; let Redis fail without taking downloads with it."""
        gated = known.install(tombstones.install(routes.take_over(account_views.take_over(app))))
        coded = errors.install(conditional.install(bound.install(gated)))
        return marks.install(hardening.install(sessions.install(coded)))

    def dataset_facets(self, facets_dict: dict[str, str], package_type: str) -> dict[str, str]:
        """Return the facets of the dataset list."""
        return helpers.facets()

    def organization_facets(
        self, facets_dict: dict[str, str], organization_type: str, package_type: str | None
    ) -> dict[str, str]:
        """Return the facets of a department's page."""
        return helpers.facets(without="organization")

    def after_dataset_create(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Notice what a new dataset means."""
        lifecycle.saved(context, pkg_dict["id"])

    def after_dataset_update(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Notice what a changed dataset means."""
        lifecycle.saved(context, pkg_dict["id"])

    def after_dataset_delete(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Notice that a dataset is gone."""
        lifecycle.deleted(context, pkg_dict["id"])

    def after_dataset_show(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Say whether something stops opening; show true links in the edit form."""
        stops.mark(pkg_dict)
        lifecycle.reveal_links(context, pkg_dict)

    def before_dataset_index(self, pkg_dict: dict[str, Any]) -> dict[str, Any]:
        """Add the fields that Chinese search needs."""
        fields = search.index_fields(pkg_dict, downloads=counts.downloads_of(pkg_dict["id"]))
        return {**fields, sources.FIELD: sources.of_dataset(pkg_dict["id"])}

    def before_dataset_search(self, search_params: dict[str, Any]) -> dict[str, Any]:
        """Turn what people type into a query of our own parser."""
        return search.rewrite_query(search_params)

    def get_feed_class(self) -> type[feeds.DatedFeed]:
        """Return the class of CKAN's feeds."""
        return feeds.DatedFeed

    def get_item_additional_fields(self, dataset_dict: dict[str, Any]) -> dict[str, Any]:
        """Say in Atom feeds what stops an entry."""
        said = state.sentence(dataset_dict)
        return {"rights": said} if said else {}

    def notify_recipient(self, already_notified: bool, *mail: Any) -> bool:
        """Send CKAN's own mails (password reset, invitation) through the outbox too."""
        return already_notified or notices.enqueue_mail(*mail)

    def preprocess_api_token(self, data: Any) -> Any:
        """Notice that a token is bound to one grant."""
        return bound.noticed(data)

    def authenticate(self, identity: dict[str, Any]) -> None:
        """Before a password is compared: not too often, and as slowly for unknown names."""
        passwords.authenticate(identity)

    def identify_user(self, user_id: str | None = None) -> Any:
        """Return whose login this is, if it is from after the last change of the password."""
        return logins.whose(user_id) if user_id is not None else None
