"""Load the demo, step by step, with progress; a second run changes nothing that is there."""

from __future__ import annotations

import csv
import io
import json
import secrets
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context
from werkzeug.datastructures import FileStorage

from .. import config, vocab
from ..kernel import clock, outbox
from ..kernel.outbox.search import left_to_tick
from . import invent, plans

DATA = Path(__file__).parent / "data"
DRAWN_UP = date(2026, 11, 22)
"""The day for which the dates of the catalogue were written; they are shifted to today."""
CONDITIONAL_FILES, OPEN_FILES = 10, 20
"""How many samples get an invented file."""
PASSWORD_BYTES = 9
ACCOUNTS = {
    "sysadmin": "系统管理员（维护系统，不作业务决定）",
    "authority": "主管部门审核员（公共数据主管部门）",
    "reviewer": "部门审核员（办理示例数据的申请）",
    "editor": "部门编辑员（维护目录）",
    "auditor": "审计员（只读）",
    "applicant": "申请人（自然人）",
}


def everything(accounts_file: Path | None) -> None:
    """Load organisations, catalogue with files, accounts; write the accounts to a file."""
    entries = catalogue()
    load_organisations(entries)
    with left_to_tick():
        load_catalogue(entries)
    click.echo("Indexing …")
    outbox.deliver(["index"])
    passwords = load_accounts(reviewed_orgs(entries))
    plans.load(reviewed_orgs(entries), portal_s_own("data"))
    if accounts_file and passwords:
        lines = [f"  {name:<10} {password}   {ACCOUNTS[name]}" for name, password in passwords.items()]
        accounts_file.write_text(
            "Demo accounts (name, password):\n" + "\n".join(lines) + "\n", encoding="utf-8"
        )
        accounts_file.chmod(0o600)


def context() -> Context:
    """Return a fresh context of the site's own user."""
    return {"user": site_user(), "ignore_auth": True}


@cache
def site_user() -> str:
    """Return the name of the site's own user."""
    return tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]


# --- organisations -------------------------------------------------------------------------------


def load_organisations(entries: list[dict[str, Any]]) -> None:
    """Create the organisations of the portal's region that do not exist yet."""
    rows = organisations()
    present = set(model.Session.scalars(sa.select(model.Group.name)))
    numbers = {entry["owner_org"]: entry["identifier"][3:6] for entry in entries}
    with click.progressbar([r for r in rows if r["slug"] not in present], label="Organisations") as bar:
        for row in bar:
            parent = row["parent_slug"] if row["parent_slug"] in present or not present else ""
            create_organisation(row, parent, numbers.get(row["slug"]))
            present.add(row["slug"])


def organisations() -> list[dict[str, str]]:
    """Return the organisations of the portal's region, those above first."""
    rows = csv.DictReader((DATA / "organizations.csv").open(encoding="utf-8"))
    return [row for row in rows if vocab.lies_within(row["region_code"], config.region())]


def create_organisation(row: dict[str, str], parent: str, number: str | None) -> None:
    """Create one organisation under its parent."""
    organisation = {
        "name": row["slug"],
        "title": row["title_zh"],
        "region_code": row["region_code"],
        "organisation_type": row["organisation_type"],
        "role": row["role"],
        "department_number": number or "",
        "groups": [{"name": parent}] if parent else [],
    }
    if row["slug"] == portal_s_own("data"):
        organisation |= {
            "role": "authority",
            "contact_phone": "0471-0000000",
            "contact_email": f"{row['slug']}@example.org",
        }
    tk.get_action("organization_create")(context(), organisation)


def portal_s_own(department: str) -> str | None:
    """Return the data authority or the audit office of the very region whose portal this is."""
    own = (row for row in organisations() if row["region_code"] == config.region())
    return next((row["slug"] for row in own if row["department_code"] == department), None)


# --- catalogue -----------------------------------------------------------------------------------


def catalogue() -> list[dict[str, Any]]:
    """Return the entries of the portal's region, their dates shifted so that they look current."""
    entries = json.loads((DATA / "catalogue.json").read_text(encoding="utf-8"))
    shift = max(clock.today() - DRAWN_UP, timedelta(0))
    for entry in entries:
        for field in ("issued", "modified"):
            entry[field] = (date.fromisoformat(entry[field]) + shift).isoformat()
    return [e for e in entries if vocab.lies_within(e["region_code"], config.region())]


def load_catalogue(entries: list[dict[str, Any]]) -> None:
    """Create the entries that do not exist yet, with their files."""
    present = set(model.Session.scalars(sa.select(model.Package.name)))
    filled = {entry["name"] for entry in with_invented_files(entries)}
    with click.progressbar([e for e in entries if e["name"] not in present], label="Catalogue") as bar:
        for entry in bar:
            backdate(load_entry(entry, entry["name"] in filled), entry["modified"])
    model.Session.commit()


def load_entry(entry: dict[str, Any], invented: bool) -> str:
    """Create one entry and return its id; files go in by a second step, as CKAN takes them on update only."""
    dataset = prepared(entry, invented)
    resources = dataset.pop("resources")
    if not any("upload" in resource for resource in resources):
        return tk.get_action("package_create")(context(), {**dataset, "resources": resources})["id"]
    created = tk.get_action("package_create")(context(), dataset)
    return tk.get_action("package_patch")(context(), {"id": created["id"], "resources": resources})["id"]


def with_invented_files(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the samples that get an invented file: those of everyday use first."""
    able = [e for e in entries if e["sample"] and e["data_items"] and inventable(e)]
    able.sort(key=lambda e: (not e["livelihood"], e["name"]))
    conditional = [e for e in able if e["open_class"] == "conditional"][:CONDITIONAL_FILES]
    unconditional = [e for e in able if e["open_class"] == "unconditional"][:OPEN_FILES]
    return conditional + unconditional


def inventable(entry: dict[str, Any]) -> bool:
    """Say whether an entry has a file of a format in which we invent."""
    return any(resource["format"].lower() in invent.FORMATS for resource in entry["resources"])


def reviewed_orgs(entries: list[dict[str, Any]]) -> list[str]:
    """Return the departments that the demo's reviewer decides for: those with conditional files, if any."""
    for chosen in (with_invented_files(entries), entries):
        found = {e["owner_org"] for e in chosen if e["open_class"] == "conditional"}
        if found:
            return sorted(found)
    return []


def prepared(entry: dict[str, Any], invented: bool) -> dict[str, Any]:
    """Return an entry as ``package_create`` wants it, real files attached, invented ones made."""
    dataset = {name: value for name, value in entry.items() if value != ""}
    dataset["resources"] = [resource_of(entry, resource, invented) for resource in entry["resources"]]
    return dataset


def resource_of(entry: dict[str, Any], resource: dict[str, Any], invented: bool) -> dict[str, Any]:
    """Return one resource, with a file where there is one."""
    made = {name: resource[name] for name in ("name", "format", "description")}
    kind = resource["format"].lower()
    if resource["file"]:
        content = (DATA / "files" / resource["file"]).read_bytes()
        return {**made, "url": resource["file"], "upload": upload(resource["file"], content)}
    if invented and kind in invent.FORMATS:
        content = invent.FORMATS[kind](invent.rows(entry, clock.today()))
        name = f"示例-{entry['title']}"
        note = "示例文件：内容为随机生成，不是真实记录。"
        return {**made, "name": name, "description": note, "url": f"{entry['name']}.{kind}",
                "upload": upload(f"{entry['name']}.{kind}", content)}  # fmt: skip
    return {**made, "url": ""}


def upload(name: str, content: bytes) -> FileStorage:
    """Return a file as a form would send it."""
    return FileStorage(io.BytesIO(content), filename=name)


def backdate(dataset_id: str, modified: str) -> None:
    """Give an entry the date of its last change, so that lists by date look as they would."""
    moment = f"{modified}T{8 + int(dataset_id[:2], 16) % 10:02d}:{int(dataset_id[2:4], 16) % 60:02d}:00"
    model.Session.execute(
        sa.update(model.Package).where(model.Package.id == dataset_id).values(metadata_modified=moment)
    )
    model.Session.commit()


# --- accounts ------------------------------------------------------------------------------------


def load_accounts(reviewed: list[str]) -> dict[str, str]:
    """Create the demo's accounts that do not exist yet; return their passwords."""
    passwords = {}
    for name, title in ACCOUNTS.items():
        if model.User.by_name(name):
            continue
        passwords[name] = secrets.token_urlsafe(PASSWORD_BYTES)
        user = {
            "name": name, "email": f"{name}@example.org", "password": passwords[name],
            "fullname": title.split("（")[0], "sysadmin": name == "sysadmin",
        }  # fmt: skip
        tk.get_action("user_create")(context(), user)
    authority = portal_s_own("data") or ""
    memberships = [
        (authority, "authority", "reviewer"),
        (authority, "editor", "editor"),
        (portal_s_own("audit") or authority, "auditor", "auditor"),
        *((org, "reviewer", "reviewer") for org in reviewed),
    ]
    for org, user_name, role in memberships:
        if model.Group.by_name(org):
            member = {"id": org, "username": user_name, "role": role}
            tk.get_action("organization_member_create")(context(), member)
    make_sysadmin("sysadmin")
    return passwords


def make_sysadmin(name: str) -> None:
    """Give the operator's account CKAN's technical rights."""
    user = model.User.by_name(name)
    if user and not user.sysadmin:
        user.sysadmin = True
        model.Session.commit()
