"""Files of evidence: checked by content, images drawn anew, kept in sealed storage.

Accepted are PDF, JPEG and PNG. A file whose form was refused waits as a draft, so that nothing has
to be attached twice; what no form takes up is deleted after a day, unless a feature keeps the form itself
(``keep_with``).
"""

from __future__ import annotations

import hashlib
import io
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib import files
from ckan.plugins import toolkit as tk
from PIL import Image, ImageOps
from werkzeug.datastructures import FileStorage

from ... import config
from .. import outbox
from ..actors import Actor
from ..gate import seal
from ..outbox.model import Outbox
from ..outbox.queue import UnavailableError
from ..types import new_id
from ..unit import Unit, begin
from .model import Evidence

_ = tk._
SCAN = "evidence_scan"
"""Topic of the outbox: have the virus scanner look at a file."""
PIXELS = 50_000_000
"""Size of the images of one form in pixels, before they are decoded."""
ONE_AT_A_TIME = threading.Lock()
"""Images take memory and time: no process draws two at once."""
MOST = 10
"""Files that one form may have."""
WAITING, WAITING_UNKNOWN = 1000, 200
"""Files of forms with errors that may wait altogether, so that a flood cannot fill the disk; and how many
while the sender neither has an account nor has solved the challenge. A form that is right never waits.
"""
DRAFT_DAYS = timedelta(days=1)
SUFFIX = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}
NAME_LENGTH = 120
_kept_with_forms: dict[str, Callable[[], sa.Select[tuple[str]]]] = {}
"""Feature → the query for ids of files that stay as long as it keeps their forms."""


@dataclass(frozen=True)
class Checked:
    """A file whose content is what we accept."""

    name: str
    media_type: str
    content: bytes
    sha256: str
    """Digest of the file as it was sent."""


@dataclass
class Budget:
    """Pixels that the images of one form may have together."""

    left: int = PIXELS

    def take(self, pixels: int) -> None:
        """Use up some.

        :raises tk.Invalid: more than is left
        """
        if pixels > self.left:
            raise tk.Invalid(_("The images are too large: at most 50 million pixels together."))
        self.left -= pixels


def check(name: str, raw: bytes, budget: Budget | None = None) -> Checked:
    """Return a file whose content was checked; its name and declared type prove nothing.

    :raises tk.Invalid: not a PDF, JPEG or PNG, too large, or broken
    """
    if not raw:
        raise tk.Invalid(_("This file is empty."))
    if len(raw) > config.evidence_limit():
        limit = config.evidence_limit() // (1024 * 1024)
        raise tk.Invalid(_("This file is larger than {limit} MB.").format(limit=limit))
    digest = hashlib.sha256(raw).hexdigest()
    if raw.startswith(b"%PDF-") and b"%%EOF" in raw[-2048:]:
        media_type, content = "application/pdf", raw
    else:
        media_type, content = redrawn(raw, budget or Budget(PIXELS))
    return Checked(safe_name(name, media_type), media_type, content, digest)


def redrawn(raw: bytes, budget: Budget) -> tuple[str, bytes]:
    """Return an image drawn anew, upright: what else was hidden in its file is gone. One at a time."""
    try:
        with ONE_AT_A_TIME, Image.open(io.BytesIO(raw), formats=("JPEG", "PNG")) as image:
            budget.take(image.width * image.height)
            kind = image.format or "PNG"
            see_through = kind == "PNG" and image.mode in ("RGBA", "LA", "P")
            plain = upright(image).convert("RGBA" if see_through else "RGB")
            drawn = io.BytesIO()
            plain.save(drawn, kind, **({"quality": 90} if kind == "JPEG" else {"compress_level": 1}))
    except Image.DecompressionBombError as error:
        raise tk.Invalid(_("The images are too large: at most 50 million pixels together.")) from error
    except tk.Invalid:
        raise
    except Exception as error:  # whatever a decoder stumbles over
        message = _("Attach PDF, JPEG or PNG files; this one is none of them, or is broken.")
        raise tk.Invalid(message) from error
    return f"image/{kind.lower()}", drawn.getvalue()


def upright(image: Image.Image) -> Image.Image:
    """Return an image as its camera was held; as it is where what the camera wrote about it is broken."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 (whatever it stumbles over: the picture itself may be whole)
        return image


def safe_name(name: str, media_type: str) -> str:
    """Return a file name without paths and control characters, with the ending of its true type."""
    stem = PurePosixPath(str(name or "").replace("\\", "/")).stem
    plain = "".join(c for c in stem if c.isprintable() and c not in '<>:"/|?*').strip(" .")
    return (plain[:NAME_LENGTH] or "evidence") + SUFFIX[media_type]


# --- drafts --------------------------------------------------------------------------------------


def new_secret() -> str:
    """Return the secret of a form, by which it finds the files attached to it again."""
    return secrets.token_urlsafe(24)


def hashed(form_secret: str) -> str:
    """Return what is stored of a form's secret."""
    return hashlib.sha256(form_secret.encode()).hexdigest()


def attach(actor: Actor, form_secret: str, uploads: Sequence[Any], at_most: int | None = None) -> list[str]:
    """Check uploads and keep them with a form; return what is wrong with those that were refused.

    :param at_most: how many files of forms with errors may wait altogether; None: no limit, because
        the form is right and its files become part of a case at once
    """
    uploads = [upload for upload in uploads if upload and upload.filename]
    if uploads and at_most is not None and waiting(at_most) + len(uploads) > at_most:
        return [_("The files were not kept; attach them again.")]
    errors, room_left, budget = [], MOST - len(drafts(form_secret)), Budget()
    if len(uploads) > room_left:
        errors.append(_("At most {n} files.").format(n=MOST))
    for upload in uploads[:room_left]:
        try:
            keep(actor, form_secret, check(upload.filename, upload.read(config.evidence_limit() + 1), budget))
        except tk.Invalid as invalid:
            errors.append(f"{upload.filename}: {invalid.error}")
        except OSError:
            model.Session.rollback()
            errors.append(_("The file could not be stored. Try again later, or telephone the department."))
            break
    return errors


def uploads(sent: Any) -> list[FileStorage]:
    """Return the files among what a program or a form has sent under one name."""
    return [part for part in (sent if isinstance(sent, list) else [sent]) if isinstance(part, FileStorage)]


def take(actor: Actor, sent: dict[str, Any], uploads: Sequence[Any]) -> list[str]:
    """Attach what came with a form of somebody known, after taking off what they ticked; say what is wrong.

    The form's secret is in ``sent["form"]``; a program that has none gets one.
    """
    secret, gone = sent.get("form"), sent.pop("drop", [])
    sent["form"] = secret = secret if isinstance(secret, str) and secret else new_secret()
    with begin(actor) as unit:
        drop(unit, secret, gone if isinstance(gone, list) else [gone])
    return attach(actor, secret, uploads, at_most=room(known=True))


def keep(actor: Actor, form_secret: str, checked: Checked) -> None:
    """Put one checked file into sealed storage and write it down."""
    key = new_id()
    location = seal.put(f"evidence/{key}", io.BytesIO(checked.content))
    with begin(actor) as unit:
        unit.session.add(
            Evidence(
                id=key,
                draft=hashed(form_secret),
                name=checked.name,
                media_type=checked.media_type,
                size=len(checked.content),
                sha256=checked.sha256,
                location=location,
                scan="pending" if config.clamd() else "unscanned",
                created_at=unit.now,
            )
        )
        if config.clamd():
            outbox.enqueue(unit.session, SCAN, {"evidence": key}, key=key)


def room(known: bool) -> int:
    """Return how many files may wait; fewer where neither an account nor the challenge vouches."""
    return WAITING if known else WAITING_UNKNOWN


def keep_with(feature: str, query: Callable[[], sa.Select[tuple[str]]]) -> None:
    """Let files stay that belong to forms which a feature keeps; it limits how many.

    :param query: returns the query for their ids
    """
    _kept_with_forms[feature] = query


def waiting(at_most: int = 0) -> int:
    """Return how many files wait for a form; from ``at_most`` on without those that a feature keeps."""
    query = sa.select(sa.func.count()).select_from(Evidence).where(Evidence.draft.is_not(None))
    found = model.Session.scalar(query) or 0
    return found if found < at_most else model.Session.scalar(query.where(*kept_nowhere())) or 0


def kept_nowhere() -> list[sa.ColumnElement[bool]]:
    """Return the conditions that no feature keeps a file."""
    return [Evidence.id.not_in(query()) for query in _kept_with_forms.values()]


def drafts(form_secret: str) -> Sequence[Evidence]:
    """Return the files that wait with a form."""
    query = sa.select(Evidence).where(Evidence.draft == hashed(form_secret)).order_by(Evidence.created_at)
    return model.Session.scalars(query).all() if form_secret else []


def drop(unit: Unit, form_secret: str, evidence_ids: Sequence[str]) -> None:
    """Take files off a form again."""
    for row in drafts(form_secret):
        if row.id in evidence_ids:
            destroy(unit, row)


def drop_all(unit: Unit, form_secret: str) -> None:
    """Delete the files of a form that is given up."""
    for row in drafts(form_secret):
        destroy(unit, row)


def copy_all(unit: Unit, form_secret: str, further_secret: str) -> dict[str, str]:
    """Give the files of a form to a further one too; return their ids there, by those here."""
    copies = {row.id: copy_of(row, draft=hashed(further_secret)) for row in drafts(form_secret)}
    unit.session.add_all(copies.values())
    unit.session.flush()
    return {key: copy.id for key, copy in copies.items()}


def destroy(unit: Unit, row: Evidence) -> None:
    """Destroy a file of a form or a case; its bytes once no other holds them."""
    others = sa.select(Evidence.id).where(Evidence.location == row.location, Evidence.id != row.id).limit(1)
    if unit.session.scalar(others) is None:
        seal.storage().remove(files.FileData(files.Location(row.location)))
    unit.session.delete(row)
    unit.session.flush()


def hand_in(unit: Unit, form_secret: str, case_id: str, *further: str) -> None:
    """Make the files of a form part of its case; of several cases, if it began several."""
    for row in drafts(form_secret):
        row.case_id, row.draft = case_id, None
        for other in further:
            unit.session.add(copy_of(row, case_id=other))
    unit.session.flush()


def copy_of(row: Evidence, **owner: str) -> Evidence:
    """Return the same file as part of another case or form; its bytes are stored once."""
    kept = ("name", "media_type", "size", "sha256", "location", "scan", "created_at")
    return Evidence(id=new_id(), **owner, **{name: getattr(row, name) for name in kept})


def forget_drafts() -> None:
    """Delete files that no form has taken up for a day, and that no feature keeps with theirs."""
    with begin(Actor.system()) as unit:
        query = sa.select(Evidence).where(
            Evidence.draft.is_not(None), Evidence.created_at < unit.now - DRAFT_DAYS, *kept_nowhere()
        )
        for row in unit.session.scalars(query.limit(500).with_for_update(skip_locked=True)):
            destroy(unit, row)


# --- reading and scanning ------------------------------------------------------------------------


def of_case(case_id: str) -> Sequence[Evidence]:
    """Return the evidence of a case."""
    query = sa.select(Evidence).where(Evidence.case_id == case_id).order_by(Evidence.created_at, Evidence.id)
    return model.Session.scalars(query).all()


def shown(row: Evidence) -> dict[str, Any]:
    """Return one file for a page or the API."""
    return {"id": row.id, "name": row.name, "size": row.size, "scan": row.scan}


def content(row: Evidence) -> bytes:
    """Return the bytes of a file of evidence."""
    return seal.storage().content(files.FileData(files.Location(row.location)))


def scan(rows: Sequence[Outbox]) -> None:
    """Have the scanner look at files, once for all cases that hold them; no case waits for this."""
    for outbox_row in rows:
        row = model.Session.get(Evidence, outbox_row.payload["evidence"])
        if row is not None:
            found = "clean" if is_clean(content(row)) else "infected"
            same = sa.update(Evidence).where(Evidence.location == row.location)
            model.Session.execute(same.values(scan=found))


def is_clean(data: bytes) -> bool:
    """Ask clamd about some bytes (protocol INSTREAM).

    :raises UnavailableError: when the scanner does not answer; the question waits
    """
    host, _colon, port = config.clamd().partition(":")
    try:
        with socket.create_connection((host, int(port or 3310)), timeout=30) as scanner:
            scanner.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), 65536):
                piece = data[start : start + 65536]
                scanner.sendall(struct.pack("!L", len(piece)) + piece)
            scanner.sendall(struct.pack("!L", 0))
            answer = scanner.recv(4096).rstrip(b"\0")
    except OSError as error:
        raise UnavailableError(f"clamd: {error}") from error
    if answer.endswith(b"OK"):
        return True
    if answer.endswith(b"FOUND"):
        return False
    raise UnavailableError(f"clamd: {answer[:100]!r}")


def install() -> None:
    """Take charge of the topic; may be called again."""
    outbox.handle(SCAN, scan)
