"""The API as an OpenAPI 3.1 document, made from the actions that this portal really has.

Summaries, parameters, what must be given and what comes back are read from the docstrings that
``help_show`` prints too; the GET method from CKAN's own mark of actions that only read. Chinese names,
the order, and which of CKAN's many actions are offered stand in ``actions.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ckan.logic import NotFound
from ckan.plugins import toolkit as tk

from .. import config, vocab
from ..kernel import sheets
from ..kernel.gate import answers
from ..site import help as api_help
from . import docstrings, errors
from .docstrings import Parameter

_ = tk._
FILE = Path(__file__).parent / "actions.yaml"
PATH = "/api/3/action/"
PREFIX = "nmgdata_"
TYPES = {
    "int": "integer", "integer": "integer", "number": "integer", "bool": "boolean", "boolean": "boolean",
    "dict": "object", "dictionary": "object", "list": "array",
}  # fmt: skip
"""First word of a stated type → JSON type; all else is text."""


@cache
def words() -> dict[str, Any]:
    """Return what ``actions.yaml`` says."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Field:
    """A parameter as the documentation shows it."""

    name: str
    kind: str
    """``string``, ``integer``, ``boolean``, ``array``, ``object`` or ``binary`` (a file)."""
    is_required: bool
    meaning: str
    example: str = ""


@dataclass(frozen=True)
class Operation:
    """An action as the documentation shows it."""

    name: str
    group: str
    summary: str
    """In the reader's language."""
    reads: bool
    """It only reads, so GET will do."""
    fields: tuple[Field, ...]
    returns: str

    @property
    def path(self) -> str:
        """Return its address on this portal."""
        return f"{PATH}{self.name}"

    @property
    def takes_files(self) -> bool:
        """Say whether files can be sent with it."""
        return any(field.kind == "binary" for field in self.fields)


# --- what the portal has -------------------------------------------------------------------------


def operations() -> list[Operation]:
    """Return the documented actions that this portal has, group by group."""
    chinese = vocab.in_chinese()
    found = []
    for group, names in words()["actions"].items():
        for name, summary in names.items():
            if (action := lookup(name)) is not None:
                found.append(operation(name, group, summary, action, chinese=chinese))
    return found


def find(name: str) -> Operation | None:
    """Return one documented action, None where there is none of this name."""
    return next((one for one in operations() if one.name == name), None)


def lookup(name: str) -> Callable[..., Any] | None:
    """Return the function behind an action, without what plugins chain in front of it."""
    try:
        return tk.get_action(name)
    except (KeyError, NotFound):
        return None


def operation(name: str, group: str, summary: str, action: Callable[..., Any], *, chinese: bool) -> Operation:
    """Return one action as its docstring and ``actions.yaml`` describe it."""
    inner = api_help.innermost(action)
    said = docstrings.read(inner)
    curated = words()["ckan"].get(name)
    parameters = said.parameters if curated is None else chosen(curated, said.parameters)
    stated = required(curated) if curated is not None else {p.name for p in parameters if p.is_required}
    fields = tuple(field(name, p, p.name in stated, chinese=chinese) for p in parameters)
    reads = bool(getattr(action, "side_effect_free", False) or getattr(inner, "side_effect_free", False))
    return Operation(name, group, summary if chinese else said.summary, reads, fields, said.returns)


def chosen(curated: list[str], known: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Return those of CKAN's parameters that the documentation names."""
    by_name = {p.name: p for p in known}
    names = [one.rstrip("!") for one in curated]
    return tuple(by_name.get(name) or Parameter(name, "", "") for name in names)


def required(curated: list[str]) -> set[str]:
    """Return the names that are marked as needed."""
    return {one.rstrip("!") for one in curated if one.endswith("!")}


def field(action: str, parameter: Parameter, is_required: bool, *, chinese: bool) -> Field:
    """Return a parameter in the reader's language."""
    said = words()["parameters"]
    translated = said.get(f"{action}.{parameter.name}") or said.get(parameter.name)
    meaning = translated if chinese and translated else parameter.meaning
    example = (words()["examples"].get(action) or {}).get(parameter.name, "")
    return Field(parameter.name, kind_of(parameter), is_required, meaning, example)


def kind_of(parameter: Parameter) -> str:
    """Return the JSON type of a parameter."""
    for kind, names in words()["types"].items():
        if parameter.name in names:
            return kind
    first = parameter.stated_type.split(" ", 1)[0].rstrip("s,.")
    return TYPES.get(first, "string")


def groups() -> list[tuple[str, list[Operation]]]:
    """Return the actions under the titles of their groups, in the reader's language."""
    language = "zh" if vocab.in_chinese() else "en"
    found = operations()
    return [
        (group[language], [one for one in found if one.group == group["slug"]]) for group in words()["groups"]
    ]


# --- the document --------------------------------------------------------------------------------


def document() -> dict[str, Any]:
    """Return the OpenAPI document of this portal, in the reader's language."""
    language = "zh" if vocab.in_chinese() else "en"
    return {
        "openapi": "3.1.1",
        "info": {
            "title": f"{config.site_title()} API",
            "version": tk.h.ckan_version(),
            "description": _(
                "CKAN's action API with the actions of this portal. Reading needs no login; what needs one "
                "takes an API token in the header Authorization."
            ),
        },
        "servers": [{"url": config.site_root()}],
        "tags": [{"name": g["slug"], "description": g[language]} for g in words()["groups"]],
        "paths": {**{one.path: path_item(one) for one in operations()}, **files()},
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
            "schemas": schemas(),
            "responses": failures(),
        },
        "security": [{}, {"token": []}],
    }


def path_item(one: Operation) -> dict[str, Any]:
    """Return an action as a path: by POST, and by GET where it only reads."""
    common = {
        "tags": [one.group], "summary": one.summary, "responses": {"200": success(one), **refusals()},
    }  # fmt: skip
    item: dict[str, Any] = {"post": {**common, "operationId": one.name, **body(one)}}
    if one.reads:
        parameters = [in_query(f) for f in one.fields if f.kind != "binary"]
        item["get"] = {**common, "operationId": f"{one.name}_get", "parameters": parameters}
    return item


def in_query(one: Field) -> dict[str, Any]:
    """Return a parameter of the address; lists and objects are written in it as JSON."""
    said = {"name": one.name, "in": "query", "required": one.is_required, "description": one.meaning}
    if one.kind in ("array", "object"):
        return {**said, "content": {"application/json": {"schema": {"type": one.kind}}}}
    return {**said, "schema": {"type": one.kind}}


def body(one: Operation) -> dict[str, Any]:
    """Return the body of a POST: JSON, or a form where files go with it."""
    properties = {f.name: {**json_type(f), "description": f.meaning} for f in one.fields}
    needed = [f.name for f in one.fields if f.is_required]
    schema = {"type": "object", "properties": properties, **({"required": needed} if needed else {})}
    if one.takes_files:
        return {"requestBody": {"content": {"multipart/form-data": {"schema": schema}}}}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def json_type(one: Field) -> dict[str, Any]:
    """Return the JSON schema of a value."""
    if one.kind == "binary":
        return {"type": "string", "contentMediaType": "application/octet-stream"}
    return {"type": one.kind}


def success(one: Operation) -> dict[str, Any]:
    """Return the answer of an action that was done."""
    schema = {"$ref": "#/components/schemas/Success"}
    described = one.returns or one.summary
    return {"description": described, "content": {"application/json": {"schema": schema}}}


def refusals() -> dict[str, Any]:
    """Return the answers that any action can give instead."""
    return {code: {"$ref": f"#/components/responses/E{code}"} for code in meanings()}


def meanings() -> dict[str, str]:
    """Return what the statuses of refused calls mean, in the reader's language."""
    return {
        "400": _("The request cannot be read, or a value has the wrong shape."),
        "403": _("You have no right to this; where data are refused, the message ends with the reason."),
        "404": _("There is no such thing, or you may not know of it."),
        "409": _("A value is wrong or missing: one list of messages per field."),
        "429": _("Too many requests; the header `Retry-After` says after how many seconds to come back."),
        "500": _("The search server is away; all that does not search goes on."),
    }


def failures() -> dict[str, Any]:
    """Return the refusals that all actions share."""
    schema = {"$ref": "#/components/schemas/Failure"}
    made: dict[str, Any] = {}
    for code, said in meanings().items():
        made[f"E{code}"] = {"description": said, "content": {"application/json": {"schema": schema}}}
    made["E429"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return made


def schemas() -> dict[str, Any]:
    """Return the two envelopes of CKAN's action API, and a refusal at a download address."""
    reasons = [reason.value for reason, said in answers.SAYINGS.items() if said.status != 200]
    return {
        "Success": {
            "type": "object",
            "required": ["success", "result"],
            "properties": {"help": {"type": "string"}, "success": {"const": True}, "result": {}},
        },
        "Failure": {
            "type": "object",
            "required": ["success", "error"],
            "properties": {
                "success": {"const": False},
                "code": {
                    "enum": sorted(
                        {*errors.CODES.values(), *errors.BY_STATUS.values(), *errors.MISUNDERSTOOD}
                    )
                },
                "error": {
                    "type": "object",
                    "properties": {
                        "__type": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
        },
        "Refusal": {
            "type": "object",
            "properties": {
                "success": {"const": False},
                "error": {
                    "type": "object",
                    "required": ["allowed", "reason", "message", "legal_basis"],
                    "properties": {
                        "allowed": {"const": False},
                        "reason": {"enum": reasons},
                        "message": {"type": "string"},
                        "legal_basis": {"type": "string"},
                        "apply_url": {"type": "string", "format": "uri"},
                        "case": {"type": "string"},
                    },
                },
            },
        },
    }


# --- addresses beside the actions ----------------------------------------------------------------


def files() -> dict[str, Any]:
    """Return the addresses of files: the data themselves, and the catalogue as a whole."""
    refused = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}}
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": said}
        for name, said in (("id", _("Name or id of the dataset")), ("resource_id", _("Id of the file")))
    ]
    form = {
        "name": "as", "in": "query", "required": False, "schema": {"enum": ["csv", "xlsx", "json"]},
        "description": _("Another format, where the file was loaded as a table"),
    }  # fmt: skip
    download = {
        "tags": ["data"], "operationId": "download", "summary": _("Download a data file"),
        "parameters": [*parts, form],
        "responses": {
            "200": {"description": _("The file"), "content": {"application/octet-stream": {}}},
            **{code: {"description": said, **refused} for code, said in refused_downloads().items()},
        },
    }  # fmt: skip
    whole = {
        address: {
            "get": {
                "tags": ["find"], "operationId": address.strip("/").replace("/", "_").replace(".", "_"),
                "summary": summary, "responses": {"200": {"description": summary, "content": {media: {}}}},
            }
        }
        for address, (media, summary) in addresses().items()
    }  # fmt: skip
    return {"/dataset/{id}/resource/{resource_id}/download": {"get": download}, **whole}


def refused_downloads() -> dict[str, str]:
    """Return the statuses by which a download is refused."""
    return {
        "403": _("Refused; the reason says why, and `apply_url` where to apply"),
        "410": _("Withdrawn"),
        "451": _("Opening suspended"),
    }


RDF = (
    ("nt", "application/n-triples", "N-Triples"),
    ("ttl", "text/turtle", "Turtle"),
    ("rdf", "application/rdf+xml", "RDF/XML"),
    ("jsonld", "application/ld+json", "JSON-LD"),
)


def addresses() -> dict[str, tuple[str, str]]:
    """Return the addresses of the catalogue as a whole: media type and what is there."""
    return {
        "/nmg/catalogue.csv": ("text/csv", _("All entries as a table (CSV)")),
        "/nmg/catalogue.xlsx": (sheets.MEDIA_TYPE, _("All entries as a table (XLSX)")),
        "/nmg/catalogue.json": ("application/json", _("All entries with all fields (JSON)")),
        **{
            f"/nmg/catalogue.{ending}": (media, _("All entries as DCAT-AP 3 (`{form}`)").format(form=form))
            for ending, media, form in RDF
        },
        "/data.json": ("application/json", _("The catalogue in the form of `DCAT-US 1.1`")),
        "/catalog.jsonld": ("application/ld+json", _("The catalogue as DCAT-AP 3, page by page")),
        "/nmg/changes.jsonld": ("application/ld+json", _("Changes of the catalogue, with a cursor")),
        "/nmg/changes.atom": ("application/atom+xml", _("Changes of the catalogue (Atom)")),
        "/sitemap.xml": ("application/xml", _("Sitemap")),
    }
