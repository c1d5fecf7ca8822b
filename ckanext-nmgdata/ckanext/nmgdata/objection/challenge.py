"""A proof of work against robots: nothing to see, hear or read, solved by the visitor's own browser.

Without JavaScript nobody is shut out: stricter limits stand in its place.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import sqlalchemy as sa
from altcha import v1 as altcha
from sqlalchemy.dialects.postgresql import insert

from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.addresses import secret
from ..kernel.unit import Unit, begin
from .model import UsedChallenge

HARDNESS = 50_000
"""Hashes a browser computes at most: a fraction of a second for a person, a cost for a flood."""
VALID = timedelta(hours=2)


def new() -> dict[str, Any]:
    """Return a challenge for the browser."""
    options = altcha.ChallengeOptions(
        max_number=HARDNESS, hmac_key=secret("challenge"), expires=clock.now() + VALID
    )
    return altcha.create_challenge(options).to_dict()


def read(solution: str) -> Any:
    """Return what a browser has sent; None for anything that is not the form of a solution."""
    try:
        payload = json.loads(base64.b64decode(solution))
    except (ValueError, RecursionError):
        return None
    texts = ("algorithm", "challenge", "salt", "signature")
    right = isinstance(payload, dict) and all(isinstance(payload.get(name), str) for name in texts)
    return payload if right and isinstance(payload.get("number"), int) else None


def is_right(payload: Any) -> bool:
    """Say whether a solution solves a challenge of ours in time; text that cannot be hashed solves none."""
    try:
        is_ours, _why = altcha.verify_solution(payload, secret("challenge"), check_expires=False)
        expires = int(parse_qs(payload["salt"].partition("?")[2])["expires"][0]) if is_ours else 0
    except (ValueError, KeyError):
        return False
    return expires >= clock.now().timestamp()


def use(unit: Unit, solution: str) -> bool:
    """Say whether a solution is right and was not used before; it is used up with the unit."""
    payload = read(solution)
    if payload is None or not is_right(payload):
        return False
    row = {"signature": payload["signature"], "used_at": unit.now}
    statement = insert(UsedChallenge).values(row).on_conflict_do_nothing()
    return unit.session.execute(statement.returning(UsedChallenge.signature)).first() is not None


def forget_used() -> None:
    """Forget solutions that have expired anyway."""
    with begin(Actor.system()) as unit:
        unit.session.execute(sa.delete(UsedChallenge).where(UsedChallenge.used_at < unit.now - VALID))
