"""A conditional link that leads to no file: say so plainly, and tell its department once a day."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ckan.plugins import toolkit as tk

from .. import clock, outbox
from ..actors import Actor, Role
from ..outbox.model import Outbox
from ..unit import begin
from . import letters

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
TOPIC = "link_trouble"


class Trouble(StrEnum):
    """What is wrong with a link; the machine-readable code of the answer."""

    UNREACHABLE = "link_unreachable"
    REFUSED = "link_refused"
    FAILED = "link_failed"
    PAGE = "link_is_a_page"
    TOO_LARGE = "link_too_large"


SENTENCES: dict[Trouble, str] = {
    Trouble.UNREACHABLE: N_("The department's server did not answer."),
    Trouble.REFUSED: N_("The department's server does not hand out the file."),
    Trouble.FAILED: N_("The department's server reports an error of its own."),
    Trouble.PAGE: N_("The department's server sent a web page instead of the file."),
    Trouble.TOO_LARGE: N_("The file on the department's server is too large to be passed on."),
}


class LinkTrouble(Exception):  # noqa: N818 (what is raised is the trouble itself)
    """A link leads to no file; nothing has been sent."""

    def __init__(self, kind: Trouble) -> None:
        super().__init__(kind.value)
        self.kind = kind


def sentence(kind: Trouble) -> str:
    """Return what is said about a trouble, in the reader's language."""
    return _(SENTENCES[kind])


def report(resource_id: str, kind: Trouble) -> None:
    """Have the department told; however often it is reported, once per resource and day."""
    with begin(Actor.system()) as unit:
        day = clock.local_date(unit.now).isoformat()
        payload = {"resource": resource_id, "kind": kind.value}
        outbox.enqueue(unit.session, TOPIC, payload, key=f"{resource_id}:{day}")


def install() -> None:
    """Take charge of the outbox' reports; may be called again."""
    outbox.handle(TOPIC, tell_departments)


def tell_departments(rows: Sequence[Outbox]) -> None:
    """Turn a report into one mail per editor, each an outbox row of its own. The link is not in it."""
    for row in rows:
        letters.send(row, TOPIC, "link", Role.EDITOR, said=sentence(Trouble(row.payload["kind"])))
