"""The process that reads what others have written: no network, no files, no secrets, little time.

It is started with an empty environment, lowers its own limits before the first byte comes, and answers
orders on its standard streams until they close. A frame is two lengths, a head in JSON, and a body.
"""

from __future__ import annotations

import gc
import json
import resource
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

from . import feeding, reading
from .errors import Code, RemoteError

LENGTHS = struct.Struct(">II")
AHEAD = "ahead"
"""In the head of a frame that is not the answer yet: the address of the next page, None for no more."""
Announce = Callable[[str | None], None]
TASKS: dict[str, Callable[[bytes, reading.Order, Announce], reading.Reading]] = {
    "catalogue": reading.catalogue,
    "feed": feeding.feed,
}
CODECS = ("gb18030", "big5", "utf-16-le", "utf-16-be", "cp1252")


def send(stream: IO[bytes], head: dict[str, Any], body: bytes = b"") -> None:
    """Write a frame."""
    packed = json.dumps(head).encode()
    stream.write(LENGTHS.pack(len(packed), len(body)))
    stream.write(packed)
    stream.write(body)
    stream.flush()


def exactly(stream: IO[bytes], length: int) -> bytes:
    """Read so many bytes.

    :raises EOFError: the other side has gone
    """
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found


def receive(stream: IO[bytes], most: int | None = None) -> tuple[dict[str, Any], bytes]:
    """Read a frame.

    :raises EOFError: the other side has gone
    :raises ValueError: it is longer than ``most``
    """
    head, body = LENGTHS.unpack(exactly(stream, LENGTHS.size))
    if most is not None and head + body > most:
        raise ValueError(head + body)
    return json.loads(exactly(stream, head)), exactly(stream, body)


def confine(memory: int) -> None:
    """Give up what reading does not need; what is loaded late by Python is loaded before."""
    for codec in CODECS:
        "".encode(codec)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def grant(seconds: float) -> None:
    """Allow so much more CPU time; beyond it the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def answer(head: dict[str, Any], body: bytes, announce: Announce) -> tuple[dict[str, Any], bytes]:
    """Do one order."""
    try:
        found = TASKS[head["task"]](body, reading.Order(**head["order"]), announce)
    except RemoteError as error:
        return {"error": error.code, "detail": error.detail}, b""
    except RecursionError:
        return {"error": Code.SYNTAX, "detail": "too deep"}, b""
    records = [(*record[:3], len(record[3])) for record in found.records]
    said = {
        "records": records, "refused": found.refused, "next": found.next, "total": found.total,
        "extra": found.extra,
    }  # fmt: skip
    return said, b"".join(record[3] for record in found.records)


def main() -> None:
    """Answer until nobody asks."""
    confine(int(sys.argv[1]))
    gc.freeze()
    gc.disable()
    source, target = sys.stdin.buffer, sys.stdout.buffer

    def announce(following: str | None) -> None:
        send(target, {AHEAD: following})

    while True:
        try:
            head, body = receive(source)
        except EOFError:
            return
        grant(head["seconds"])
        try:
            said, triples = answer(head, body, announce)
        except MemoryError:
            said, triples = {"error": Code.PARSE_MEMORY, "detail": ""}, b""
        del head, body
        send(target, said, triples)
        del said, triples


if __name__ == "__main__":
    main()
