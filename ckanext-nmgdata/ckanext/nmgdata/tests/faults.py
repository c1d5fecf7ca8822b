"""Take the portal's servers and its disk away, and give them back: real sockets, real files, no stand-ins."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from ckan.config.middleware import make_app
from ckan.lib import redis
from ckan.plugins import toolkit as tk
from ckan.tests.helpers import CKANTestApp

from ..kernel.outbox import search as index

NOBODY = "127.0.0.1:9"
"""An address where nobody listens."""
WAYS = ("gone", "silent", "wrong")
"""How a server can be away: nobody listens, it never answers, it answers with an error."""


@contextmanager
def silent() -> Iterator[str]:
    """Run a server that takes connections and never answers; yields its ``host:port``."""
    taken, stop = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def take() -> None:
            while not stop.is_set():
                try:
                    taken.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()
            for connection in taken:
                connection.close()


class Failing(BaseHTTPRequestHandler):
    """A server with an error of its own."""

    def do_GET(self) -> None:
        """Answer 500."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_error(500)

    do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def wrong() -> Iterator[str]:
    """Run a server that answers everything with 500; yields its ``host:port``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def gone() -> Iterator[str]:
    """Yield an address where nobody listens."""
    yield NOBODY


AWAY = {"gone": gone, "silent": silent, "wrong": wrong}


@contextmanager
def without_solr(way: str) -> Iterator[None]:
    """Take Solr away during the block."""
    with AWAY[way]() as address, pytest.MonkeyPatch.context() as patch:
        patch.setitem(tk.config, "solr_url", f"http://{address}/solr/none")
        patch.setitem(tk.config, "solr_timeout", 1)
        patch.setattr(index, "TIMEOUT", 1)
        yield
    index.rest_is_over()


@contextmanager
def without_redis() -> Iterator[CKANTestApp]:
    """Yield a browser of a portal whose logins lie in a Redis that refuses connections."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tk.config, "SESSION_TYPE", "redis")
        patch.setitem(tk.config, "ckan.redis.url", f"redis://{NOBODY}/0")
        patch.setenv("CKAN_REDIS_URL", f"redis://{NOBODY}/0")  # CKAN lets it overrule the file
        patch.setattr(redis, "_connection_pool", None)
        yield CKANTestApp(make_app(tk.config))
    redis._connection_pool = None


@contextmanager
def without_mail(way: str) -> Iterator[None]:
    """Take the mail server away during the block."""
    with AWAY[way]() as address, pytest.MonkeyPatch.context() as patch:
        patch.setitem(tk.config, "smtp.server", address)
        patch.setitem(tk.config, "ckanext.nmgdata.mail.timeout", 1)
        yield


@contextmanager
def mail_server() -> Iterator[list[Message]]:
    """Run a mail server and have the portal use it; yields the letters that have come in."""
    from aiosmtpd.handlers import Message as MessageHandler

    letters: list[Message] = []

    class Keep(MessageHandler):
        def handle_message(self, message: Message) -> None:
            letters.append(message)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Keep(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(tk.config, "smtp.server", f"127.0.0.1:{port}")
            yield letters
    finally:
        controller.stop()


@contextmanager
def full_disk(module: Any) -> Iterator[None]:
    """Let what a module writes end in the middle: the disk is full."""

    def opened(path: Any, mode: str = "r", *arguments: Any) -> Any:
        file = open(path, mode, *arguments)  # noqa: SIM115 (handed on, as open does)
        return Full(file) if "w" in mode else file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open", opened, raising=False)
        yield


class Full:
    """A file on a disk that has room for half of the first piece."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_error: object) -> None:
        self.file.close()

    def write(self, piece: bytes) -> int:
        """Write half of it, then fail as the operating system does."""
        self.file.write(piece[: len(piece) // 2])
        self.file.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
