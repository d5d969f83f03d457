"""Looks at the whole system every few seconds, and keeps what it saw: the last hour in hand, a day in MongoDB."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import aiohttp
import structlog

from common.errors import Unavailable
from monitor.history import History, slot_of
from monitor.sample import Sample
from monitor.sampling import sample
from monitor.scrape import Scrape
from monitor.scraping import Targets, scrape
from monitor.shown import Queue

IN_HAND_SECONDS = 3600.0  # how far back alerts look
EARLY_SECONDS = 0.01  # a timer may go off so much before its time, in the slot that was looked at already

log = structlog.get_logger(__name__)


class Watch:
    """What is in hand is told while MongoDB is away, too; samples of that time are in no history."""

    def __init__(self, history: History, targets: Targets, *, seconds: float) -> None:
        self._history = history
        self._targets = targets
        self._seconds = seconds
        self._before: Scrape | None = None
        self._samples: deque[Sample] = deque(maxlen=int(IN_HAND_SECONDS / seconds) + 1)
        self._is_prepared = False

    @property
    def samples(self) -> Sequence[Sample]:
        """Oldest first."""
        return tuple(self._samples)

    @property
    def queues(self) -> Sequence[Queue] | None:
        """None where RabbitMQ did not tell when it was asked last."""
        return self._before.queues if self._before else None

    async def run(self) -> None:
        """Look until cancelled, once in each time slot."""
        async with aiohttp.ClientSession() as http:
            while True:
                await self._look(http)
                await asyncio.sleep(self._seconds - time.time() % self._seconds + EARLY_SECONDS)

    async def _look(self, http: aiohttp.ClientSession) -> None:
        now = await scrape(http, self._targets)
        taken = sample(slot_of(datetime.now(UTC), self._seconds), self._before, now)
        self._before = now
        self._samples.append(taken)  # before it is stored: who waits for MongoDB is told that it is away
        try:
            await self._prepare()
            await self._history.add(taken)
        except Unavailable as error:
            log.warning("sample_not_stored", reason=error.detail)

    async def _prepare(self) -> None:
        """Once MongoDB answers: what was seen before this process began is in hand, too."""
        if self._is_prepared:
            return
        await self._history.prepare()
        now = datetime.now(UTC)
        earlier = await self._history.last(now - timedelta(seconds=IN_HAND_SECONDS))
        known = {taken.at: taken for taken in (*earlier, *self._samples)}
        self._samples = deque((known[at] for at in sorted(known)), self._samples.maxlen)
        self._is_prepared = True
