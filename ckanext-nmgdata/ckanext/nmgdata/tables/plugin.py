"""Plugin of uploaded files: screening and tables. Wiring only."""

from __future__ import annotations

from typing import Any

from ckan import plugins as p
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp, Context

from .. import shapes
from ..kernel.actors import Actor
from ..kernel.gate import known
from ..kernel.gate.doors import actor_of
from ..kernel.unit import join
from . import cli, follow, present, work, writes
from .logic import action, auth
from .views import blueprint, wrap_row_doors


class TablesPlugin(p.SingletonPlugin):
    """上传文件：个人信息检查、表格入库."""

    p.implements(p.IConfigurer)
    p.implements(p.IConfigurable)
    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IClick)
    p.implements(p.IMiddleware, inherit=True)
    p.implements(p.ITemplateHelpers)
    p.implements(p.IPackageController, inherit=True)

    def update_config(self, config: Any) -> None:
        """Add the templates."""
        tk.add_template_directory(config, "templates")

    def configure(self, config: Any) -> None:
        """Take charge of the outbox topic."""
        work.install()

    def get_actions(self) -> dict[str, Any]:
        """Return the actions on files, and the check of rows where the DataStore is there."""
        return {
            **shapes.guarded(known.before(action.ACTIONS)),
            **(writes.ACTIONS if p.plugin_loaded("datastore") else {}),
        }

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth functions on files."""
        return dict(auth.FUNCTIONS)

    def get_blueprint(self) -> list[Any]:
        """Return the page part of files."""
        return [blueprint]

    def get_commands(self) -> list[Any]:
        """Add to ``ckan nmgdata``."""
        cli.register()
        return []

    def make_middleware(self, app: CKANApp, config: Any) -> CKANApp:
        """Let the row doors say what they refuse to a limited grant."""
        return wrap_row_doors(app)

    def get_helpers(self) -> dict[str, Any]:
        """Return the template helpers."""
        return {"nmgdata_file_part": present.part, "nmgdata_no_preview": present.nmgdata_no_preview}

    def after_dataset_create(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Do what new files need."""
        noticed(context, pkg_dict["id"])

    def after_dataset_update(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Do what changed files need."""
        noticed(context, pkg_dict["id"])

    def after_dataset_delete(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Have the tables of a deleted dataset dropped."""
        follow.deleted(join(actor_of(context)), pkg_dict["id"])


def noticed(context: Context, dataset_id: str) -> None:
    """Do what is due for the files of a dataset, in the transaction that saves it."""
    follow.saved(join(actor_of(context) if context.get("user") else Actor.system()), dataset_id)
