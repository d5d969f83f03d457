"""How often somebody may ask: the generic cell rate algorithm (ITU-T I.371), per key and process."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from common.errors import TooManyRequests

MOST_KEYS = 100_000  # who was not heard of for longest is forgotten first, and begins with a whole burst


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests per second in the long run, and so many at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left: so many requests at once, and all of the burst again after so many seconds."""

    rate: Rate
    left: int
    full_seconds: float


class Rates:
    """One rate for each of many keys."""

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._interval = 1.0 / rate.per_second
        self._tolerance = self._interval * rate.burst
        self._clock = clock
        self._empty_at: LRUCache[str, float] = LRUCache(MOST_KEYS)  # when all that was taken will be made up for

    def take(self, key: str) -> Allowance:
        """Count one request; TooManyRequests says when the next one will do. What is refused is not counted."""
        now = self._clock()
        empty_at = max(self._empty_at.get(key, now), now) + self._interval
        used = empty_at - now
        if used > self._tolerance:
            raise TooManyRequests(used - self._tolerance)
        self._empty_at[key] = empty_at
        return Allowance(self._rate, int((self._tolerance - used) / self._interval + 1e-9), used)
