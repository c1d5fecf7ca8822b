"""What tests need to exist: organisations, people with roles, catalogue entries, cases."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context
from faker import Faker
from sqlalchemy import event
from werkzeug.datastructures import FileStorage

from .kernel.actors import Actor
from .kernel.gate import rights
from .kernel.gate.rights import Origin
from .kernel.outbox import search as index
from .kernel.serials import next_serial
from .kernel.types import new_id
from .kernel.unit import begin
from .kernel.workflow.model import Case
from .tables import follow

fake = Faker("zh_CN")
CSV = "站点,数量\r\n示例一站,12\r\n示例二站,7\r\n".encode()


def site_context() -> Context:
    """Return a context of the site's own user."""
    name = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    return {"user": name, "ignore_auth": True}


@dataclass(frozen=True)
class Person:
    """An account; unlike CKAN's own object it outlives the session of a request."""

    id: str
    name: str

    @property
    def record(self) -> model.User:
        """Return the account as the database has it now."""
        return model.Session.get_one(model.User, self.id)


def context_of(user: Person | None) -> Context:
    """Return the context of a person, or of the anonymous public, with all checks on."""
    if user is None:
        return {"user": "", "auth_user_obj": None}
    return {"user": user.name, "auth_user_obj": user.record}


def call(action: str, user: Person | None = None, **data: Any) -> Any:
    """Call an action as a person, with all checks on."""
    return tk.get_action(action)(context_of(user), data)


def login(user: Person) -> dict[str, str]:
    """Return the headers that log a person in."""
    token = tk.get_action("api_token_create")(site_context(), {"user": user.name, "name": fake.uuid4()})
    return {"Authorization": token["token"]}


def person(name: str = "", **values: Any) -> Person:
    """Create an account."""
    name = name or f"u{fake.unique.random_number(digits=8, fix_len=True)}"
    data = {"name": name, "email": f"{name}@example.org", "password": "correct-horse-1", **values}
    tk.get_action("user_create")(site_context(), data)
    user = model.User.by_name(name)
    assert user is not None
    return Person(user.id, user.name)


def organisation(title: str, **values: Any) -> dict[str, Any]:
    """Create an organisation."""
    return tk.get_action("organization_create")(site_context(), {"title": title, **values})


def join(user: Person, org: dict[str, Any], role: str) -> Person:
    """Give a person a role in an organisation."""
    member = {"id": org["id"], "username": user.name, "role": role}
    tk.get_action("organization_member_create")(site_context(), member)
    return user


def entry(org: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return a complete catalogue entry, unconditionally open unless said otherwise."""
    data = {
        "title": fake.unique.sentence(nb_words=4),
        "notes": "用于测试的目录条目。",
        "owner_org": org["id"],
        "region_code": "150000",
        "data_form": "spreadsheet",
        "update_frequency": "monthly",
        "theme": "transport",
        "collecting_department": "测试采集部门",
        "approving_department": "测试核准部门",
        "providing_department": "测试提供部门",
        "contact_phone": "0471-1234567",
        "open_class": "unconditional",
        "data_level": "general_1",
        "license_id": "other-open",
        "share_class": "unconditional",
        "share_content": "全部数据项",
        "share_scope": "全区各级公共管理和服务机构",
    }
    if values.get("open_class") in ("conditional", "non_open"):
        data |= {
            "open_reason": "批量数据可推知个人行踪。",
            "open_legal_basis": "《中华人民共和国个人信息保护法》第二十八条",
            "license_id": "other-closed",
        }
    if values.get("open_class") == "conditional":
        data["open_condition"] = "限科研与公共服务用途，存储加密，不得再识别。"
    if values.get("open_class") == "non_open":
        data |= {"nonopen_ground": "personal_privacy", "data_level": "general_4"}
    return {**data, **values}


def dataset(org: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Create a catalogue entry."""
    return tk.get_action("package_create")(site_context(), entry(org, **values))


def resource(dataset_dict: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Attach a link to an entry."""
    data = {"name": "链接文件", "format": "CSV", "url": "https://data.example.org/secret/path.csv", **values}
    return tk.get_action("resource_create")(site_context(), {"package_id": dataset_dict["id"], **data})


def upload(dataset_dict: dict[str, Any], content: bytes = CSV, name: str = "sites.csv", **values: Any) -> Any:
    """Attach a file to an entry."""
    file = FileStorage(io.BytesIO(content), filename=name)
    data = {"name": "站点清单", "format": "CSV", "url": name, "upload": file, **values}
    return tk.get_action("resource_create")(site_context(), {"package_id": dataset_dict["id"], **data})


def table(file_id: str, **values: Any) -> None:
    """Put rows into the DataStore under a file, as if its loader had."""
    tk.get_action("datastore_create")(site_context(), {"resource_id": file_id, "force": True, **values})
    with begin(Actor.system()) as unit:
        unit.session.execute(
            sa.text("UPDATE nmgdata_table SET state = 'loaded' WHERE resource_id = :id"), {"id": file_id}
        )
        follow.mark_active(unit, file_id, True)
        index.note(unit.session, unit.session.get_one(model.Resource, file_id).package_id or "")


def stop(dataset_dict: dict[str, Any], resource_id: str | None = None, *, withdraw: bool = False) -> Origin:
    """Suspend a dataset or one file of it, or withdraw it, as a case of its own would."""
    with begin(Actor.system()) as unit:
        number = f"ZZ-20261123-{next_serial(unit.session, 'stops-of-tests'):05d}-0"
        case = Case(
            id=new_id(), kind="exofficio_suspension", variant="standard", number=number, code_hash="",
            status="open", dataset_id=dataset_dict["id"], region_code="150000",
            opened_at=unit.now, changed_at=unit.now,
        )  # fmt: skip
        unit.session.add(case)
        unit.session.flush()
        origin = Origin(case.id, number)
        rights.suspend(unit, origin, dataset_dict["id"], resource_id)
        if withdraw:
            rights.withdraw(unit, case.id)
    return origin


def lift(origin: Origin) -> None:
    """Resume what a case had stopped."""
    with begin(Actor.system()) as unit:
        rights.lift(unit, origin.case_id)


STATEMENT = {
    "applicant_kind": "natural_person",
    "applicant_name": "王小明",
    "contact_phone": "13800000000",
    "scenario": "研究城市出行规律，形成公开发表的论文。",
    "data_scope": "全部字段，最近一年。",
    "provision_mode": "file",
    "use_from": "2026-11-23",
    "use_until": "2027-11-22",
    "safeguards": "存放在加密磁盘，只有课题组成员可以访问。",
}


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
OBJECTION = {
    "ground": "personal_information",
    "statement": "第三列可以认出我本人的行车轨迹。",
    "wish": "撤回数据。",
    "objector_kind": "natural_person",
    "objector_name": "李秀英",
    "concern": "数据里有我的车。",
    "contact_phone": "13900000000",
    "contact_email": "lixiuying@example.org",
}
OUTCOME = {
    "findings": "经核实，轨迹可以指向特定自然人。",
    "public_reason": "数据可以识别特定自然人。",
    "feedback": "已核实您的异议，感谢您的反映。",
}
WITHDRAWAL = {
    **OUTCOME,
    "nonopen_ground": "personal_privacy",
    "legal_basis": "《中华人民共和国个人信息保护法》第十三条",
}


def file(content: bytes = PDF, name: str = "证据.pdf") -> FileStorage:
    """Return a file as a form sends it."""
    return FileStorage(io.BytesIO(content), filename=name)


class World:
    """A small region, made as far as a test asks for it."""

    @cached_property
    def authority(self) -> dict[str, Any]:
        """Return the public-data authority of the region."""
        return organisation("自治区数据局", name="nmg-data", role="authority", region_code="150000")

    @cached_property
    def department(self) -> dict[str, Any]:
        """Return a department of the region."""
        return organisation("自治区交通厅", name="nmg-transport", region_code="150000")

    @cached_property
    def other(self) -> dict[str, Any]:
        """Return another department."""
        return organisation("自治区水利厅", name="nmg-water", region_code="150000")

    @cached_property
    def reviewer(self) -> Person:
        """Return the department's reviewer."""
        return join(person("reviewer"), self.department, "reviewer")

    @cached_property
    def editor(self) -> Person:
        """Return the department's editor."""
        return join(person("editor"), self.department, "editor")

    @cached_property
    def stranger(self) -> Person:
        """Return the reviewer of another department."""
        return join(person("stranger"), self.other, "reviewer")

    @cached_property
    def official(self) -> Person:
        """Return the authority's reviewer."""
        return join(person("official"), self.authority, "reviewer")

    @cached_property
    def auditor(self) -> Person:
        """Return an auditor of the whole region."""
        return join(person("auditor"), self.other, "auditor")

    @cached_property
    def applicant(self) -> Person:
        """Return a citizen with an account."""
        return person("applicant")

    @cached_property
    def citizen(self) -> Person:
        """Return another citizen with an account."""
        return person("citizen")

    @cached_property
    def sysadmin(self) -> Person:
        """Return the operator of the machine."""
        return person("operator", sysadmin=True)

    @cached_property
    def open_data(self) -> dict[str, Any]:
        """Return an unconditional entry with a file."""
        return self.filled(dataset(self.department, title="公交站点"))

    @cached_property
    def conditional(self) -> dict[str, Any]:
        """Return a conditional entry with a file."""
        return self.filled(dataset(self.department, title="出租汽车轨迹", open_class="conditional"))

    @cached_property
    def non_open(self) -> dict[str, Any]:
        """Return a non-open entry with a file."""
        return self.filled(dataset(self.department, title="从业人员名册", open_class="non_open"))

    def filled(self, made: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with a file attached."""
        upload(made)
        return tk.get_action("package_show")(site_context(), {"id": made["id"]})

    def submitted(self, made: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return an application that waits for the department."""
        target = made or self.conditional
        return call("nmgdata_application_submit", self.applicant, dataset_id=target["id"], **STATEMENT)

    def objected(self, made: dict[str, Any], user: Person | None = None, **values: Any) -> dict[str, Any]:
        """Return an objection; the data are closed."""
        values = {**OBJECTION, "evidence": file(), **values}
        return call("nmgdata_objection_submit", user, dataset_id=made["id"], **values)

    def granted(self, made: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return an application that was approved and whose agreement was accepted."""
        case = self.submitted(made)
        call(
            "nmgdata_case_transition", self.reviewer, id=case["id"], transition="approve",
            purpose="课题研究", use_scope="课题组内部", valid_until="2027-06-30",
        )  # fmt: skip
        return call(
            "nmgdata_case_transition", self.applicant, id=case["id"], transition="accept", agreement="2026-1"
        )


@contextmanager
def queries(engine: Any = None) -> Iterator[list[str]]:
    """Collect what the database is asked within the block; ``Engine`` itself is every database."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    engine = engine or model.ensure_engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
