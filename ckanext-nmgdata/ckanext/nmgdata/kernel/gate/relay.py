"""Pass on the bytes behind a conditional link without ever disclosing the link.

The address was typed by somebody, so every hop is resolved once, checked and connected to that
very address (no private networks, unless the host is a named exception).
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from ckan.plugins import toolkit as tk
from flask import Response
from requests_hardened import Config, HTTPSession

from ... import config

CHUNK = 64 * 1024
TIMEOUT = (3.05, 15)
"""Seconds to connect, and between two pieces."""
MAX_REDIRECTS = 3
PASSED_ON = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Last-Modified")


def response(url: str, name: str) -> Response:
    """Return a response that streams the file behind a link under a name of our own."""
    try:
        source = fetch(url)
    except requests.RequestException:
        return tk.abort(502, tk._("The department's server did not answer. Try again later."))
    if source.status_code not in (200, 206):
        source.close()
        return tk.abort(502, tk._("The department's server did not answer. Try again later."))
    answer = Response(pieces(source), status=source.status_code, direct_passthrough=True)
    for header in PASSED_ON:
        if header in source.headers:
            answer.headers[header] = source.headers[header]
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def fetch(url: str) -> requests.Response:
    """Open a link; the body is not read yet. Bytes are passed on as they are, never unpacked."""
    headers = {"Accept-Encoding": "identity"}
    if wanted := tk.request.headers.get("Range"):
        headers["Range"] = wanted
    method = "HEAD" if tk.request.method == "HEAD" else "GET"
    with session_for(url) as session:
        return session.request(method, url, headers=headers, stream=True, timeout=TIMEOUT)


def session_for(url: str) -> requests.Session:
    """Return a session that reaches public addresses only, or one for a named private host."""
    named = (urlsplit(url).netloc or "").lower() in config.private_hosts()
    session = HTTPSession(
        Config(
            ip_filter_enable=not named,
            ip_filter_allow_loopback_ips=False,
            never_redirect=named,
            default_timeout=TIMEOUT,
        )
    )
    session.max_redirects = MAX_REDIRECTS
    session.trust_env = False
    return session


def pieces(source: requests.Response) -> Iterator[bytes]:
    """Yield the body piece by piece and close the connection at the end, whatever happens."""
    try:
        yield from source.raw.stream(CHUNK, decode_content=False)
    finally:
        source.close()
