"""The security commitment (公共数据安全承诺书) as a PDF, out of what the form says, to print and sign.

The font is the one that PDF itself names for simplified Chinese and every reader brings
(STSong-Light), so that no font has to be shipped. ``TEXT`` is legal text, Chinese on every page.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

from .. import config, vocab

VERSION = "2026-1"
TEXT = (Path(__file__).parent / "commitments" / f"{VERSION}.txt").read_text(encoding="utf-8")
FONT = "STSong-Light"
BLANK = "＿" * 12
LONGEST = 2000
"""Characters of one answer on the paper; the case itself holds all of them."""
BODY = ParagraphStyle("body", fontName=FONT, fontSize=11, leading=19, wordWrap="CJK", spaceAfter=4)
TITLE = ParagraphStyle("title", parent=BODY, fontSize=18, leading=30, alignment=TA_CENTER, spaceAfter=10)


def pdf(stated: dict[str, Any], data: Sequence[str]) -> bytes:
    """Return the commitment with what is stated so far; what is missing is a line to write on.

    :param data: titles of what is applied for
    """
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    lines = [
        ("承诺人", stated.get("applicant_name")),
        *((("统一社会信用代码", stated["credit_code"]),) if stated.get("credit_code") else ()),
        ("联系电话", stated.get("contact_phone")),
        ("申请的数据", "；".join(data)),
        ("应用场景", stated.get("scenario")),
        ("提供方式", vocab.label("provision_mode", stated.get("provision_mode"))),
        ("使用时限", period(stated)),
        ("安全保障措施", stated.get("safeguards")),
    ]
    story: list[Any] = [Paragraph("公共数据安全承诺书", TITLE)]
    story += [Paragraph(safe(paragraph), BODY) for paragraph in TEXT.splitlines()]
    story.append(Spacer(1, 4 * mm))
    story += [Paragraph(f"{name}：{safe(value) or BLANK}", BODY) for name, value in lines]
    story.append(Spacer(1, 12 * mm))
    story += [
        Paragraph(f"承诺人（签字或者盖章）：{BLANK}", BODY),
        Paragraph("日期：＿＿＿＿年＿＿月＿＿日", BODY),
        Paragraph(safe(f"{config.site_title()} · 承诺书文本 {VERSION}"), BODY),
    ]
    out = io.BytesIO()
    margin = 25 * mm
    paper = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=margin, rightMargin=margin, topMargin=20 * mm, bottomMargin=20 * mm,
        title="公共数据安全承诺书", author=config.site_title(), lang="zh-CN",
    )  # fmt: skip
    paper.build(story)
    return out.getvalue()


def safe(value: Any) -> str:
    """Return a text that is no markup of the paper, without control characters."""
    text = str(value or "")[:LONGEST]
    return escape("".join(c if c.isprintable() else " " for c in text))


def period(stated: dict[str, Any]) -> str:
    """Return the period of use, if it is stated."""
    days = [str(stated.get(name) or "") for name in ("use_from", "use_until")]
    return " 至 ".join(days) if all(days) else ""
