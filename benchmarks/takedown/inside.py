"""What the benchmark does inside the portal: ``inside.py N`` makes N targets and accounts that will object.

It prints them as one JSON line, with a token of who creates datasets meanwhile.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MARK = "仅供压测之字节"
"""Stands in every file and table of a target, and nowhere else."""
TABLES = 20
PER_ACCOUNT = 9
"""Objections of one account; an hour admits ten."""


@contextmanager
def ckan() -> Iterator[None]:
    """Load CKAN and enter a request of nobody's."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    app: Any = make_app(load_config(os.environ["CKAN_INI"]))
    logging.disable(logging.WARNING)
    with app._wsgi_app.test_request_context(base_url=os.environ["CKAN_SITE_URL"]):
        yield


def call(action: str, **data: Any) -> Any:
    """Call an action as the site's own user."""
    from ckan.plugins import toolkit as tk

    name = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    return tk.get_action(action)({"user": name, "ignore_auth": True}, data)


def prepare(count: int) -> dict[str, Any]:
    """Make the targets: one entry through the portal, the others as copies of its rows and file."""
    from ckan import model
    from ckanext.nmgdata import factories
    from werkzeug.datastructures import FileStorage

    run = uuid.uuid4().hex[:8]
    org = model.Group.get("bench-takedown")
    org_id = org.id if org else call("organization_create", name="bench-takedown", title="压测部门", region_code="150000")["id"]  # fmt: skip
    made = call(
        "package_create", **factories.entry({"id": org_id}, title=f"压测样本{run}", name=f"bench-{run}")
    )
    file = FileStorage(io.BytesIO(f"列\r\n{MARK}\r\n".encode() * 500), filename="data.csv")
    resource = call(
        "resource_create", package_id=made["id"], name="样本", format="CSV", url="data.csv", upload=file
    )
    targets = [{"dataset": str(uuid.uuid4()), "resource": str(uuid.uuid4())} for _turn in range(count)]
    copy_rows(made["id"], resource["id"], targets, run)
    copy_files(resource["id"], targets)
    for target in targets[:: max(1, count // TABLES)]:
        call(
            "datastore_create", resource_id=target["resource"], force=True,
            fields=[{"id": "列"}], records=[{"列": MARK}],
        )  # fmt: skip
        target["table"] = True
    token = call("api_token_create", user=sysadmin(), name=f"bench-{run}")["token"]
    people = objectors(count // PER_ACCOUNT + 1, run)
    return {"targets": targets, "token": token, "org": org_id, "objectors": people}


def sysadmin() -> str:
    """Return the account that creates datasets during the run."""
    from ckan import model

    if model.User.by_name("bench-operator") is None:
        call("user_create", name="bench-operator", email="bench@example.org", password="correct-horse-1", sysadmin=True)  # fmt: skip
    return "bench-operator"


def copy_rows(dataset_id: str, resource_id: str, targets: list[dict[str, Any]], run: str) -> None:
    """Copy the rows of an entry for every target."""
    import sqlalchemy as sa
    from ckan import model

    with model.ensure_engine().begin() as connection:
        ids = {"packages": [t["dataset"] for t in targets], "resources": [t["resource"] for t in targets]}
        names = sa.inspect(connection)

        def columns(table: str, replaced: dict[str, str]) -> tuple[str, str]:
            all_names = [column["name"] for column in names.get_columns(table)]
            quoted = ", ".join(f'"{name}"' for name in all_names)
            return quoted, ", ".join(replaced.get(name, f't."{name}"') for name in all_names)

        name, values = columns(
            "package",
            {"id": "n.id", "name": f"'bench-{run}-' || n.place", "title": "t.title || n.place",
             "extras": "t.extras || jsonb_build_object('identifier', "
                 "'307999150000/' || lpad(CAST((SELECT count(*) FROM package) + n.place AS text), 6, '0'))"},
        )  # fmt: skip
        each = "CROSS JOIN unnest(CAST(:packages AS text[]), CAST(:resources AS text[])) WITH ORDINALITY AS n(id, rid, place)"
        connection.execute(
            sa.text(f"INSERT INTO package ({name}) SELECT {values} FROM package t {each} WHERE t.id = :id"),
            {**ids, "id": dataset_id},
        )
        name, values = columns("resource", {"id": "n.rid", "package_id": "n.id"})
        connection.execute(
            sa.text(f"INSERT INTO resource ({name}) SELECT {values} FROM resource t {each} WHERE t.id = :id"),
            {**ids, "id": resource_id},
        )
        name, values = columns("member", {"id": "CAST(gen_random_uuid() AS text)", "table_id": "n.id"})
        connection.execute(
            sa.text(
                f"INSERT INTO member ({name}) SELECT {values} FROM member t {each} WHERE t.table_id = :id"
            ),
            {**ids, "id": dataset_id},
        )


def copy_files(resource_id: str, targets: list[dict[str, Any]]) -> None:
    """Give every target the file of its model."""
    root = Path(os.environ["CKAN_STORAGE_PATH"]) / "resources"
    source = root / resource_id[:3] / resource_id[3:6] / resource_id[6:]
    for target in targets:
        own = target["resource"]
        place = root / own[:3] / own[3:6] / own[6:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)


def objectors(count: int, run: str) -> list[str]:
    """Return the tokens of so many new accounts."""
    names = [f"bench-objector-{run}-{number}" for number in range(count)]
    for name in names:
        call("user_create", name=name, email=f"{name}@example.org", password="correct-horse-1")
    return [call("api_token_create", user=name, name="bench")["token"] for name in names]


if __name__ == "__main__":
    with ckan():
        print(json.dumps(prepare(int(sys.argv[1]))), flush=True)
