"""How often something may be done within a time: by one person, and from one network; counted in Redis.

A limit knows no address and no name, only keyed digests of them (``addresses``). What is to happen
while Redis does not answer is decided by who asks, who gets ``UncountedError``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from .. import config
from . import clock
from .addresses import digest, network

SECONDS = 1
"""How long Redis may keep a visitor waiting."""


class TooOftenError(Exception):
    """Something has been done too often; ``wait`` says in how many seconds it can be done again."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class UncountedError(Exception):
    """Redis does not answer, so nobody knows how often something was done."""


@dataclass(frozen=True)
class Limit:
    """So many times within ``seconds``; ``numbers`` returns how often for a person and for a network."""

    name: str
    seconds: int
    numbers: Callable[[], tuple[int, int]]

    def check(self, person: str, address: str | None) -> None:
        """Refuse what a person or a network has done too often; counts nothing.

        :raises TooOftenError: too often
        :raises UncountedError: Redis does not answer
        """
        try:
            waits = [
                clock.seconds_until(limiter().get_window_stats(item, key).reset_time)
                for item, key in self.counters(person, address)
                if not limiter().test(item, key)
            ]
        except StorageError as error:
            raise UncountedError from error
        if waits:
            raise TooOftenError(max(1, *waits))

    def count(self, person: str, address: str | None) -> None:
        """Count once more.

        :raises UncountedError: Redis does not answer
        """
        try:
            for item, key in self.counters(person, address):
                limiter().hit(item, key)
        except StorageError as error:
            raise UncountedError from error

    def take(self, person: str, address: str | None) -> None:
        """Check, then count.

        :raises TooOftenError: too often
        :raises UncountedError: Redis does not answer
        """
        self.check(person, address)
        self.count(person, address)

    def counters(self, person: str, address: str | None) -> list[tuple[RateLimitItem, str]]:
        """Return what is counted under which key; letter case and blanks make nobody another person."""
        each, together = self.numbers()
        keys = [(each, "person", person.strip().casefold())]
        if address is not None:
            keys.append((together, "network", network(address)))
        return [
            (RateLimitItemPerSecond(most, self.seconds, namespace=self.name), f"{of}-{digest(of, text)}")
            for most, of, text in keys
        ]


MAILS = Limit("mails", 60 * 60, config.mail_limits)
"""Mails that somebody without a login can have sent to an address."""


def limiter() -> MovingWindowRateLimiter:
    """Return the counters of this portal."""
    return MovingWindowRateLimiter(storage())


def storage() -> RedisStorage:
    """Return where the counters lie: CKAN's Redis, under the site's own name."""
    return stored_at(config.redis_url(), f"nmgdata:{config.site_id()}:limits")


@cache
def stored_at(url: str, prefix: str) -> RedisStorage:
    """Return the storage at an address; connecting is left to its first use."""
    return RedisStorage(
        url, key_prefix=prefix, wrap_exceptions=True, socket_timeout=SECONDS, socket_connect_timeout=SECONDS
    )
