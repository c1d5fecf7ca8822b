"""The stage of the doors' tests: one dataset per state, one person per audience, secrets in every corner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...factories import (
    Person,
    World,
    call,
    dataset,
    join,
    login,
    person,
    resource,
    site_context,
    table,
    upload,
)
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.gate import rights
from ...kernel.gate.model import Override
from ...kernel.outbox import search as index
from ...kernel.types import new_id
from ...kernel.unit import begin
from ...kernel.workflow.model import Case

BYTES, COLUMN, ROW, LINK = "SECRETBYTES", "SECRETCOLUMN", "SECRETROW", "SECRETLINK"
FILE = f"{COLUMN},n\r\n{BYTES},1\r\n".encode()
LINKED = f"{COLUMN},n\r\n{BYTES},2\r\n".encode()
STATES = ("unconditional", "conditional", "non_open", "suspended", "withdrawn", "unclassified")
AUDIENCES = (
    "anonymous", "stranger", "waiting", "holder", "out_of_scope", "expired", "ended", "violator",
    "other_editor", "editor", "reviewer", "auditor", "operator", "auditor_override", "operator_override",
)  # fmt: skip


@dataclass
class Stage:
    """What the tests of the doors play on."""

    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    people: dict[str, Person | None] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    kept: str = ""
    """A conditional table without a file."""
    case: str = ""
    host: str = ""

    def file(self, state: str) -> str:
        """Return the id of a state's uploaded file, whose rows are in the DataStore too."""
        return self.datasets[state]["resources"][0]["id"]

    def link(self, state: str) -> str:
        """Return the id of a state's linked file."""
        return self.datasets[state]["resources"][1]["id"]

    def path(self, state: str, which: str = "file") -> str:
        """Return the download address of a file."""
        return f"/dataset/{self.datasets[state]['id']}/resource/{getattr(self, which)(state)}/download"


class Department(BaseHTTPRequestHandler):
    """The server of a department, at the end of every link."""

    def do_GET(self) -> None:
        """Send the file."""
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(LINKED)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(LINKED)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def department() -> Iterator[str]:
    """Run the department's server; yields its ``host:port``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Department)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def build(host: str) -> Stage:
    """Make the stage in empty tables."""
    stage, world = Stage(host=host), World()
    for state in STATES:
        stage.datasets[state] = filled(stage, world, state, host)
    stage.kept = call(
        "datastore_create", world.editor, resource={"package_id": stage.datasets["conditional"]["id"]},
        fields=[{"id": COLUMN, "type": "text"}], records=[{COLUMN: ROW}], calculate_record_count=False,
    )["resource_id"]  # fmt: skip
    case = model.Session.get_one(Case, world.submitted(stage.datasets["conditional"])["id"])
    stage.case = case.number
    cast(stage, world)
    with begin(Actor.system()) as unit:
        for state in ("withdrawn", "suspended"):
            rights.suspend(unit, rights.Origin(case.id, case.number), stage.datasets[state]["id"])
            if state == "withdrawn":
                rights.withdraw(unit, case.id)
    give(stage, case.id)
    return stage


def filled(stage: Stage, world: World, state: str, host: str) -> dict[str, Any]:
    """Return a dataset with a file, its rows, an alias, a view that names rows and columns, and a link."""
    kind = state if state in ("conditional", "non_open") else "unconditional"
    made = dataset(world.department, title=f"状态 {state}", open_class=kind, tag_string=f"tag{state}")
    file = upload(made, content=FILE, name="file.csv")["id"]
    resource(made, name="链接", url=f"http://{host}/{LINK}/{state}.csv")
    stage.aliases[state] = f"alias_{file}"
    table(
        file, aliases=[stage.aliases[state]], fields=[{"id": COLUMN, "type": "text"}], records=[{COLUMN: ROW}]
    )
    view = {
        "resource_id": file, "view_type": "datatables_view", "title": "表",
        "filter_fields": [COLUMN], "filter_values": [ROW], "show_fields": [COLUMN],
    }  # fmt: skip
    stage.views[state] = tk.get_action("resource_view_create")(site_context(), view)["id"]
    if state == "unclassified":
        forget = sa.text("UPDATE package SET extras = extras - 'open_class' WHERE id = :id")
        model.Session.execute(forget, {"id": made["id"]})
        index.write_document(made["id"])
        model.Session.commit()
    return tk.get_action("package_show")(site_context(), {"id": made["id"]})


def cast(stage: Stage, world: World) -> None:
    """Find a person for every audience and log them in."""
    new = {name: person() for name in AUDIENCES if name in HOLDING or name == "stranger"}
    stage.people = new | {
        "anonymous": None,
        "waiting": world.applicant,
        "other_editor": join(person(), world.other, "editor"),
        "editor": world.editor,
        "reviewer": world.reviewer,
        "auditor": world.auditor,
        "operator": world.sysadmin,
        "auditor_override": join(person(), world.other, "auditor"),
        "operator_override": person(sysadmin=True),
    }
    stage.headers = {name: login(who) if who else {} for name, who in stage.people.items()}


HOLDING = ("holder", "out_of_scope", "expired", "ended", "violator")


def give(stage: Stage, case_id: str) -> None:
    """Give grants to all datasets, whatever their state, and overrides too, as rows of the tables."""
    now = clock.now()
    with begin(Actor.system()) as unit:
        for name in HOLDING:
            scopes = [
                rights.Scope(made["id"], "another file" if name == "out_of_scope" else None)
                for made in stage.datasets.values()
            ]
            until = date(2026, 11, 22 if name == "expired" else 30)
            terms = rights.Terms("研究", "课题组", "file", until, date(2026, 1, 1))
            grant = rights.give(unit, case_id, id_of(stage, name), terms, scopes)
            if name == "ended":
                grant.ended_at, grant.ended_reason = now, "revoked"
                grant.accepted_at, grant.agreement = now, "2026-1"
        rights.accept(unit, case_id, "2026-1")
        for made in stage.datasets.values():
            rights.close_access(unit, case_id, id_of(stage, "violator"), made["id"])
            for name in ("auditor_override", "operator_override", "other_editor"):
                for file in made["resources"]:
                    unit.session.add(
                        Override(
                            id=new_id(), resource_id=file["id"], holder_id=id_of(stage, name),
                            reason="核查一项投诉，需要看原始数据", since=now, until=now + timedelta(hours=1),
                        )
                    )  # fmt: skip


def id_of(stage: Stage, name: str) -> str:
    """Return the account of an audience."""
    who = stage.people[name]
    assert who is not None
    return who.id
