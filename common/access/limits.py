"""How much of a service one client may take: places inside it, and requests per second."""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from common.access.actors import NOBODY, Actor
from common.access.rates import Allowance, Rates
from common.errors import TooManyRequests, Unavailable


class Limits:
    """Without rates everybody may ask as often as they like.

    A network may hold `most_of_address` of the `most_requests` places at once, or all of them without it.
    """

    def __init__(
        self,
        *,
        by_subject: Rates | None = None,
        by_address: Rates | None = None,
        most_requests: int = 1000,
        most_of_address: int | None = None,
    ) -> None:
        self._by_subject = by_subject
        self._by_address = by_address
        self._room = most_requests
        self._most_of_address = most_of_address
        self._inside: Counter[str] = Counter()

    @contextmanager
    def place(self, network: str) -> Iterator[None]:
        """Hold a place; Unavailable where there is none left, TooManyRequests where this network has its share."""
        if not self._room:
            raise Unavailable("This service has its hands full; send the same request again.", code="overloaded")
        if self._most_of_address is not None and self._inside[network] >= self._most_of_address:
            raise TooManyRequests(1.0)
        self._room -= 1
        self._inside[network] += 1
        try:
            yield
        finally:
            self._room += 1
            self._inside[network] -= 1
            if not self._inside[network]:
                del self._inside[network]

    def count_network(self, network: str) -> Allowance | None:
        """TooManyRequests where it asks too often."""
        return self._by_address.take(network) if self._by_address else None

    def count(self, actor: Actor) -> Allowance | None:
        """The same of who has signed in."""
        return self._by_subject.take(actor.name) if self._by_subject and actor is not NOBODY else None


def network_of(address: str | None) -> str:
    """Who counts as one: an IPv4 address, or the /64 that a host has of IPv6."""
    if address is None or ":" not in address:
        return address or ""
    return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
