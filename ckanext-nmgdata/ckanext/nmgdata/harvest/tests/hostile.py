"""A catalogue's server that does whatever a test tells it, however bad."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ckanext.nmgdata.harvest.remote.spec import Limits, Spec

Handler = Callable[[BaseHTTPRequestHandler], None]
LOOPBACK = ("127.0.0.0/8",)
QUICK = Limits(connect_seconds=2, read_seconds=2, request_seconds=5, parse_seconds=10, attempts=1)
PREFIXES = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix vcard: <http://www.w3.org/2006/vcard/ns#> .
@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix nmg: <https://w3id.org/nmgdata/ns#> .
"""


class Server:
    """Answers by path; ``asked`` are the requests so far, with their headers."""

    def __init__(self):
        self.routes: dict[str, Handler] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        outer = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers)))
                outer.routes.get(self.path, missing)(self)

            def log_message(self, *_args):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return self.server.server_port

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def spec(self, path="/p1", **changes) -> Spec:
        """Return a source that is this server, reached as a named exception."""
        settings = {
            "source": "test", "address": self.host + path, "region": "150100", "organisation": "hohhot",
            "private_networks": LOOPBACK, "limits": QUICK, **changes,
        }  # fmt: skip
        return Spec(**settings)

    def page(self, path, body, **headers):
        """Serve a body."""
        self.routes[path] = answer(body, **headers)


def answer(body, status=200, **headers) -> Handler:
    """Return a handler that sends a body; ``_`` in the names of headers stands for ``-``."""
    data = body.encode() if isinstance(body, str) else body

    def handler(request):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return handler


def missing(request):
    """Answer 404."""
    answer("nothing here", 404)(request)


def redirect(target) -> Handler:
    """Return a handler that leads elsewhere."""
    return answer("", 302, Location=target)


def in_turn(*handlers) -> Handler:
    """Return a handler that answers each time by the next one, at last always by the last one."""
    left = list(handlers)

    def handler(request):
        (left.pop(0) if len(left) > 1 else left[0])(request)

    return handler


def cut_off(body, announced) -> Handler:
    """Return a handler that announces more than it sends."""

    def handler(request):
        request.send_response(200)
        request.send_header("Content-Length", str(announced))
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return handler


def drip(server, piece=b"#", every=0.05) -> Handler:
    """Return a handler that sends a byte now and then, for ever."""

    def handler(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not server.over.wait(every):
            try:
                request.wfile.write(piece)
            except OSError:
                return

    return handler


def slow_headers(server, every=0.05) -> Handler:
    """Return a handler whose headers never end."""

    def handler(request):
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not server.over.wait(every):
            try:
                request.wfile.write(b"X-A: b\r\n"[:1])
            except OSError:
                return

    return handler


def silent(server) -> Handler:
    """Return a handler that never answers."""
    return lambda request: server.over.wait() and None


def reset(request):
    """Break the connection off hard."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True


def bomb(mebibytes) -> Handler:
    """Return a handler that sends blanks, very well packed."""
    return answer(gzip.compress(b" " * (mebibytes << 20)), Content_Encoding="gzip")


# --- catalogues ------------------------------------------------------------------------------------


def dataset(number, extra="", iri=None, identifier=None):
    """Return a dataset in Turtle."""
    name = iri or f"https://city.example.org/dataset/{number}"
    return (
        f'<{name}> a dcat:Dataset ; dct:title "公交站点 {number}"@zh ; dct:identifier "{identifier or number}"'
        f" ; dcat:distribution [ a dcat:Distribution ; dcat:downloadURL <https://city.example.org/{number}.csv> ;"
        f' dct:title "站点" ; dct:format "CSV" ] {extra} .\n'
    )


def catalogue(numbers, following=None, total=None, own=None):
    """Return a page of a catalogue in Turtle."""
    text = PREFIXES + "<https://city.example.org/catalog> a dcat:Catalog .\n"
    if following or total is not None:
        said = [f'hydra:nextPage "{following}"'] if following else []
        said += [f'hydra:totalItems "{total}"'] if total is not None else []
        text += f"<{own or 'https://city.example.org/page'}> a hydra:PagedCollection ; {' ; '.join(said)} .\n"
    return text + "".join(map(dataset, numbers))
