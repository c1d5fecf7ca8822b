"""The only way from here into a network: allowed hosts, checked addresses, and a knife for every connection.

A host is resolved once per connection, all its addresses are checked, and the connection is made to one of
those very addresses; there is no second look-up that could answer otherwise. Since this happens where
urllib3 opens its sockets, a redirect or a reconnection can not go round it, and TLS still sees the name.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Timeout, Url

from .errors import Code, RemoteError
from .spec import PORTS, Spec, host_and_port, split

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def plain(text: str) -> Address:
    """Return an address; of an IPv4 address in the clothes of IPv6 the IPv4 address.

    :raises ValueError: it is none
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def is_public(address: Address) -> bool:
    """Say whether an address is in the public internet and can be in no other place."""
    hidden = any(address in network for network in EXTRA_BLOCKED_NET_RANGES)
    return address.is_global and not address.is_multicast and not hidden


class Guard:
    """Opens connections for one source; ``cut`` ends those that are open, whatever they are doing."""

    def __init__(self, spec: Spec, resolver: Resolver = resolve) -> None:
        self.hosts = spec.hosts
        self.networks = [ipaddress.ip_network(network) for network in spec.private_networks]
        self.limits = spec.limits
        self.resolver = resolver
        self.was_cut = self.ended = False
        self._twins: dict[tuple[str, int], socket.socket] = {}
        self._lock = threading.Lock()

    def check(self, address: str) -> Url:
        """Return the parts of an address that may be asked for.

        :raises RemoteError: it is none, or its host is not allowed
        """
        try:
            url = split(address)
        except ValueError as error:
            raise RemoteError(Code.NOT_AN_ADDRESS, address=address) from error
        if host_and_port(url) not in self.hosts:
            raise RemoteError(Code.HOST_NOT_ALLOWED, host_and_port(url), address=address)
        return url

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host, if all of them may be connected to."""
        found = self.look_up(host, port)
        for text in found:
            address = plain(text)
            named = any(address in network for network in self.networks)
            if not (named or is_public(address)):
                raise RemoteError(Code.NETWORK_NOT_ALLOWED, f"{host} is {address}")
        return found

    def look_up(self, host: str, port: int) -> Sequence[str]:
        """Ask the resolver, and do not wait for it longer than for a connection."""
        found: list[Sequence[str]] = []

        def ask() -> None:
            with suppress(OSError, UnicodeError):
                found.append(self.resolver(host, port))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(self.limits.connect_seconds)
        if asking.is_alive():
            raise RemoteError(Code.TIMEOUT, f"{host} is not resolved")
        if not found or not found[0]:
            raise RemoteError(Code.UNKNOWN_HOST, host)
        return found[0]

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a connection to a host, by the first of its addresses that answers.

        :raises RemoteError: it may not be connected to, or has no address
        :raises OSError: no address answers
        """
        named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if named not in self.hosts:
            raise RemoteError(Code.HOST_NOT_ALLOWED, named)
        trouble: OSError = OSError("no address")
        for address in self.addresses(host, port):
            try:
                opened = socket.create_connection((address, port), self.limits.connect_seconds)
            except OSError as error:
                trouble = error
                continue
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.keep(host, port, opened.dup())
            return opened
        raise trouble

    def keep(self, host: str, port: int, twin: socket.socket) -> None:
        """Remember a second handle of a connection; the one before it to the same host is over.

        :raises OSError: it came too late
        """
        with self._lock:
            before = self._twins.pop((host, port), None)
            self._twins[host, port] = twin
        if before is not None:
            before.close()
        if self.was_cut or self.ended:
            self.close()
            raise OSError("cut")

    def cut(self) -> None:
        """End all connections now: who waits for their bytes gets an error at once."""
        self.was_cut = True
        self.close()

    def end(self) -> None:
        """Cut, and open nothing any more."""
        self.ended = True
        self.cut()

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            twins, self._twins = list(self._twins.values()), {}
        for twin in twins:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)
            twin.close()


class GuardedHTTP(HTTPConnection):
    """A connection whose socket the guard opens."""

    def __init__(self, *args: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*args, **options)
        self.guard = guard

    def _new_conn(self) -> socket.socket:
        return self.guard.connect(self.host, self.port)


class GuardedHTTPS(HTTPSConnection):
    """The same below TLS: certificate and server name are those of the host."""

    def __init__(self, *args: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*args, **options)
        self.guard = guard

    def _new_conn(self) -> socket.socket:
        return self.guard.connect(self.host, self.port or PORTS["https"])


class GuardedPool(HTTPConnectionPool):
    """Keeps guarded connections open between pages."""

    ConnectionCls = cast(Any, GuardedHTTP)


class GuardedTLSPool(HTTPSConnectionPool):
    """Keeps guarded connections open between pages."""

    ConnectionCls = cast(Any, GuardedHTTPS)


def pool(url: Url, guard: Guard) -> HTTPConnectionPool:
    """Return connections to the host of a checked address."""
    kind = GuardedTLSPool if url.scheme == "https" else GuardedPool
    patience = Timeout(connect=guard.limits.connect_seconds, read=guard.limits.read_seconds)
    return kind(
        url.host or "", url.port or PORTS[url.scheme or "http"],
        timeout=patience, maxsize=1, retries=False, guard=guard,
    )  # fmt: skip
