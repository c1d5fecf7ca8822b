"""What the remote side must know of a source: data only, made by the loading side from its table."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from .formats import Format

CREDENTIALS = re.compile(r"NMGDATA_HARVEST_[A-Z0-9_]{1,60}")
"""Names of environment variables that a source may name: nobody can have another secret sent out."""
PORTS = {"http": 80, "https": 443}
MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """How much of a source is borne. Bytes count after decoding, seconds by the wall unless said."""

    connect_seconds: float = 5
    read_seconds: float = 15
    """Between two pieces of an answer."""
    request_seconds: float = 120
    """For one request from resolution to its last byte; redirects included, retries not."""
    slowest: int = 1000
    """Bytes per second on average, once ``read_seconds`` have passed."""
    page_bytes: int = 32 * MIB
    pages: int = 20_000
    redirects: int = 5
    attempts: int = 4
    """Requests for one page, when the network or the server fails."""
    retry_after_seconds: float = 120
    """How long a server may ask to wait; whoever asks for more is left for another run."""
    parse_seconds: float = 60
    """CPU time for one page; the wall clock may take three times as long."""
    parse_bytes: int = 1024 * MIB
    """Address space of the process that parses."""
    literal_bytes: int = MIB // 4
    record_bytes: int = MIB
    record_triples: int = 5000


@dataclass(frozen=True)
class Spec:
    """A source.

    :param source: its id at the loading side, for messages and for names that differ between sources
    :param address: of the first page, http or https
    :param region: division code of GB/T 2260; what a record says of other places is not believed
    :param organisation: id or name of the local organisation that owns what no department is found for
    :param organisations: what a publisher is called over there (name, title, IRI) → local organisation
    :param feed: address of the source's change feed, None if it has none
    :param allowed_hosts: ``host`` (port 80 or 443) or ``host:port`` that may be connected to; empty stands
        for the address's own and the feed's
    :param private_networks: networks in CIDR that are reached although they are not public
    :param credentials: environment variable (``NMGDATA_HARVEST_…``) that holds the value of the header
        Authorization; sent to the origin of the address and of the feed only
    :param default_class: open class of records that do not state one; None leaves it unknown
    :param classes: what a record's dct:accessRights or accessLevel says → open class
    :param follow: False reads the first page only, also when it names a next one
    """

    source: str
    address: str
    region: str
    organisation: str
    format: Format = Format.AUTO
    organisations: Mapping[str, str] = field(default_factory=dict)
    feed: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    private_networks: tuple[str, ...] = ()
    credentials: str | None = None
    default_class: str | None = None
    classes: Mapping[str, str] = field(default_factory=dict)
    follow: bool = True
    limits: Limits = Limits()

    @property
    def hosts(self) -> frozenset[str]:
        """Return what may be connected to, as ``host:port``."""
        own = [address for address in (self.address, self.feed) if address]
        if not self.allowed_hosts:
            return frozenset(host_and_port(split(address)) for address in own)
        named = (host.strip().lower() for host in self.allowed_hosts)
        return frozenset(each for host in named for each in with_ports(host))


def with_ports(host: str) -> list[str]:
    """Return a named host with its port, or with the two usual ones."""
    if re.search(r":\d+$", host) and not host.endswith("]"):
        return [host]
    return [f"{host}:{port}" for port in PORTS.values()]


def split(address: str) -> Url:
    """Return the parts of a web address, by the very parser that the connection is made by.

    :raises ValueError: it is none, or has a user name in it
    """
    try:
        url = parse_url(address)
    except LocationParseError as error:
        raise ValueError(address) from error
    if url.scheme not in PORTS or not url.host or url.auth:
        raise ValueError(address)
    return url


def host_and_port(url: Url) -> str:
    """Return the host and port of an address as the allow-list writes them."""
    return f"{url.host}:{url.port or PORTS[url.scheme or 'http']}"


def problems(spec: Spec) -> dict[str, str]:
    """Return what can not be right in a source: field → machine code; empty if nothing."""
    found = {}
    for name, address in (("address", spec.address), ("feed", spec.feed)):
        if address is None:
            continue
        try:
            url = split(address)
        except ValueError:
            found[name] = "not_an_address"
            continue
        if spec.allowed_hosts and host_and_port(url) not in spec.hosts:
            found[name] = "host_not_allowed"
    for network in spec.private_networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            found["private_networks"] = "not_a_network"
    if spec.credentials is not None and not CREDENTIALS.fullmatch(spec.credentials):
        found["credentials"] = "not_a_name_of_credentials"
    return found
