"""Statements with which the tests move classes."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk

from .... import factories
from ....factories import call, file, upload

CLASSES = ("unconditional", "conditional", "non_open")
REASON = "批量数据可推知个人行踪，需要限定使用范围。"
BASIS = "《中华人民共和国个人信息保护法》第二十八条"
CONDITION = "限科研与公共服务用途，存储加密，不得再识别。"
SECRECY = "2026年11月20日保密办公室审查，不涉密。"
EVALUATED = "两年来没有发现风险，限定条件不再必要。"
PROCESSED = {"basis": "processing", "processing_kind": "desensitized", "processing": "删除姓名和证件号码两列，其余泛化。"}  # fmt: skip
CONSENTED = {"basis": "consent", "consented_by": "全体运营企业"}
ANSWERS = {
    "q_demand": "yes", "q_basis": "yes", "q_sensitive": "no", "q_processing": "no", "q_consent": "unclear",
    "q_part": "no", "findings": "数据需求明确，风险可控。",
}  # fmt: skip


def statement(after: str, before: str) -> dict[str, Any]:
    """Return everything that a change to a class states, without a basis of opening."""
    stated: dict[str, Any] = {"open_class": after}
    if after != "unconditional":
        stated |= {"reason": REASON, "legal_basis": BASIS}
    if after == "conditional":
        stated["open_condition"] = CONDITION
    if after == "non_open":
        stated["nonopen_ground"] = "personal_privacy"
    if CLASSES.index(after) < CLASSES.index(before):
        stated["secrecy_review"] = SECRECY
        stated["license_id"] = "other-open"
        if before == "conditional":
            stated["evaluation"] = EVALUATED
        else:
            stated |= {**CONSENTED, "evidence": file()}
    return stated


def move(made: dict[str, Any], after: str, user: Any, **values: Any) -> dict[str, Any]:
    """File the change of an entry's class as somebody."""
    before = class_of(made)
    return call("nmgdata_class_change_submit", user, id=made["id"], **{**statement(after, before), **values})


def decide(case: dict[str, Any], user: Any, step: str = "approve", **values: Any) -> dict[str, Any]:
    """Take a step of a case."""
    return call("nmgdata_case_transition", user, id=case["id"], transition=step, **values)


def class_of(made: dict[str, Any]) -> str:
    """Return the class that the dataset's row says."""
    model.Session.rollback()
    row = model.Session.get_one(model.Package, made["id"], populate_existing=True)
    return row.extras["open_class"]


def made_as(world: factories.World, open_class: str, **values: Any) -> dict[str, Any]:
    """Return a published entry of a class with a file, at a level that admits every class."""
    values = {"data_level": "general_1", "license_id": "other-open", **values}
    made = factories.dataset(world.department, open_class=open_class, **values)
    upload(made)
    return tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})


def refused(action: Any, *arguments: Any, **values: Any) -> dict[str, Any]:
    """Return the fields at which something is refused."""
    try:
        action(*arguments, **values)
    except tk.ValidationError as error:
        model.Session.rollback()
        return error.error_dict
    raise AssertionError("was not refused")
