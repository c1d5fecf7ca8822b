"""Every route, action and template helper of the running portal is on the list, and the list is the document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ckan import plugins as p
from ckan.config.middleware import make_app
from ckan.plugins import toolkit as tk
from flask import Blueprint

from ...kernel.gate import listing

ROOT = Path(__file__).resolve().parents[5]


class Toy(p.SingletonPlugin):
    """A plugin that somebody switches on: it brings one door of each sort."""

    p.implements(p.IBlueprint)
    p.implements(p.IActions)
    p.implements(p.ITemplateHelpers)

    def get_blueprint(self) -> Blueprint:
        """Bring a route."""
        blueprint = Blueprint("toy", __name__)
        blueprint.add_url_rule("/toy/<id>", endpoint="bytes", view_func=lambda **values: str(values))
        return blueprint

    def get_actions(self) -> dict[str, Any]:
        """Bring an action."""
        return {"toy_rows": lambda context, data_dict: []}

    def get_helpers(self) -> dict[str, Any]:
        """Bring a helper."""
        return {"toy_links": list}


@pytest.fixture
def with_plugin(wsgi: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a maker of the portal with one more plugin."""
    find = p.core._get_service
    monkeypatch.setattr(p.core, "_get_service", lambda name: Toy() if name == "toy" else find(name))

    def make(name: str) -> Any:
        monkeypatch.setitem(tk.config, "ckan.plugins", [*tk.aslist(tk.config["ckan.plugins"]), name])
        return make_app(tk.config)._wsgi_app

    yield make
    p.unload_all()
    monkeypatch.undo()
    p.load_all()


def test_every_door_of_the_running_portal_is_listed(wsgi):
    assert listing.unlisted(wsgi._wsgi_app) == []


def test_a_plugin_s_new_doors_are_noticed(with_plugin):
    missing = listing.unlisted(with_plugin("toy"))
    assert missing == ["routes: toy.bytes", "actions: toy_rows", "helpers: toy_links"]


def test_no_name_stands_twice_and_every_kind_is_known():
    for sort in listing.SORTS:
        names = [name for group in listing.groups() if group.sort == sort for name in group.names]
        assert len(names) == len(set(names)), sort
    assert {group.kind for group in listing.groups()} <= set(listing.KINDS)
    assert all(group.how for group in listing.groups())


def test_the_document_is_the_list():
    assert (ROOT / "docs" / "doors.md").read_text(encoding="utf-8") == listing.document()


@pytest.mark.parametrize(
    ("plugin", "addresses"),
    [
        ("activity", ["/dataset/activity/{dataset}", "/dashboard", "/api/3/action/package_activity_list?id={dataset}",
                      "/api/3/action/recently_changed_packages_activity_list", "/organization/activity/nmg-transport"]),
        ("resource_proxy", ["/dataset/{dataset}/resource/{file}/proxy"]),
    ],
)  # fmt: skip
def test_doors_that_the_portal_does_without_stay_shut_when_switched_on(stage, with_plugin, plugin, addresses):
    app = with_plugin(plugin)
    assert [name for name in listing.unlisted(app) if not name.startswith("helpers")] == []
    for state in ("unconditional", "conditional"):
        for address in addresses:
            path = address.format(dataset=stage.datasets[state]["id"], file=stage.file(state))
            for who in ("anonymous", "editor", "operator"):
                answer = app.test_client().get(
                    path, headers=stage.headers[who], base_url="http://test.ckan.net"
                )
                assert answer.status_code in (403, 404), (path, who)
