"""Who somebody says they are: kinds of applicant and their identifiers (R3(4), R14, R-SRC-04)."""

from __future__ import annotations

import re
from typing import Any

from ckan.plugins import toolkit as tk

_ = tk._
KINDS = ("natural_person", "legal_person", "unincorporated")
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Characters of a unified social credit code (GB 32100—2015): no I, O, S, V, Z."""
CREDIT_LENGTH = 18
CREDIT_FORM = re.compile("[1-9ANY][1-59][0-9]{6}")
"""How a code begins: registering authority, kind of organisation, division of its registration."""
PHONE = re.compile(
    r"(\+?86[- ]?)?(0\d{2,3}[- ]?\d{7,8}([-转]\d{1,6})?|1[3-9]\d{9})|(400|800)[- ]?\d{3}[- ]?\d{4}|1\d{4}"
)
"""Landline with area code, mobile, 400/800, or a five-digit service number such as 12345."""
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def applicant_kind(value: Any) -> str:
    """Accept one of the three kinds of applicant."""
    if value not in KINDS:
        raise tk.Invalid(_("Choose one of the entries."))
    return str(value)


def organisation_name(value: Any) -> str:
    """Accept the name of an organisation."""
    text = str(value or "").strip()
    if not 2 <= len(text) <= 120:
        raise tk.Invalid(_("Please give the full name of the organisation."))
    return text


def credit_code(value: Any) -> str:
    """Accept a unified social credit code with its check character (GB 32100—2015, mod 31)."""
    code = str(value or "").strip().upper()
    if len(code) != CREDIT_LENGTH or any(c not in CREDIT_ALPHABET for c in code):
        raise tk.Invalid(_("A unified social credit code has 18 characters."))
    if not CREDIT_FORM.match(code):
        raise tk.Invalid(_("This is no unified social credit code: look at its first eight characters."))
    weighted = sum(CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code[:-1]))
    if CREDIT_ALPHABET[-weighted % 31] != code[-1]:
        raise tk.Invalid(_("This unified social credit code is mistyped: its check character is wrong."))
    return code


def phone(value: Any) -> str:
    """Accept a telephone number."""
    text = str(value or "").strip()
    if not PHONE.fullmatch(text):
        raise tk.Invalid(_("This is not a telephone number; write it like 0471-1234567 or 13800000000."))
    return text


def email(value: Any) -> str:
    """Accept one e-mail address."""
    text = str(value or "").strip()
    if not EMAIL.fullmatch(text):
        raise tk.Invalid(_("This is not an e-mail address."))
    return text
