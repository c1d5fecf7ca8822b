"""Pages for developers: how the API is used, every action with a form to try it, the OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Any

from ckan.plugins import toolkit as tk
from flask import Blueprint, Response
from markupsafe import Markup, escape

from .. import config
from ..kernel.gate import answers
from . import examples, openapi

_ = tk._
blueprint = Blueprint("nmgdata_developers", __name__)
CODE = re.compile(r"`([^`]*)`")


@blueprint.route("/nmg/developers")
def index() -> str:
    """Show how the API is used, and its actions."""
    values = {
        "groups": openapi.groups(),
        "statuses": openapi.meanings(),
        "sayings": reasons(),
        "limits": config.api_limits(),
        "root": config.site_root(),
        "addresses": openapi.addresses(),
    }
    return tk.render("nmgdata/developers/index.html", values)


@blueprint.route("/nmg/developers/<name>")
def action(name: str) -> str:
    """Show one action, with a form to try it."""
    found = openapi.find(name)
    if found is None:
        tk.abort(404, _("There is no such action."))
    return tk.render("nmgdata/developers/action.html", {"action": found, "root": config.site_root()})


@blueprint.route("/nmg/openapi.json")
def document() -> Response:
    """Return the OpenAPI document."""
    answer = Response(json.dumps(openapi.document(), ensure_ascii=False), mimetype="application/json")
    answer.add_etag()
    answer.make_conditional(tk.request.environ)
    return answer


def reasons() -> list[dict[str, Any]]:
    """Return why data can be refused: code, status, sentence, article."""
    return [
        {
            "code": reason.value,
            "status": said.status,
            "sentence": answers.sentence(reason),
            "basis": answers.basis(reason),
            "applies": said.apply,
        }
        for reason, said in answers.SAYINGS.items()
        if said.status != 200
    ]


def nmgdata_examples(dataset: dict[str, Any], file: dict[str, Any] | None = None) -> list[examples.Example]:
    """Return how to get an entry, or a file of it, from a program."""
    return examples.of_file(dataset, file) if file else examples.of_entry(dataset)


def nmgdata_with_code(text: str) -> Markup:
    """Return a line of text in which what stands between backticks is code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped before)


HELPERS = {"nmgdata_examples": nmgdata_examples, "nmgdata_with_code": nmgdata_with_code}
