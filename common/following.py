"""Keeps one consuming session alive: thrown away whole when it is lost, opened again with growing pauses."""

import asyncio
from collections.abc import Callable

import structlog
from prometheus_client import Counter

from common.broker import Consumer, Deliver
from common.errors import Unavailable
from common.tasks import BackOff

LOOK_SECONDS = 0.05  # how soon a partition that was taken is followed

log = structlog.get_logger(__name__)
SESSIONS = Counter("leveret_feed_sessions_total", "Broker sessions begun", ["group"])


class Following:
    """Follows the wanted partitions while there is a broker; without one, everything here does nothing."""

    def __init__(self, url: str, group: str, deliver: Deliver, on_session: Callable[[], None]) -> None:
        self._url = url
        self._group = group
        self._deliver = deliver
        self._on_session = on_session
        self._consumer: Consumer | None = None
        self._suspects: set[int] = set()

    @property
    def is_connected(self) -> bool:
        return self._consumer is not None and not self._consumer.lost.is_set()

    async def run(self, wanted: Callable[[], frozenset[int]]) -> None:
        """Follow what is wanted until cancelled."""
        back_off = BackOff()
        while True:
            try:
                await self._session(wanted)
                back_off.reset()
            except Unavailable as error:
                log.warning("broker_away", group=self._group, reason=error.detail)
            await back_off.pause()

    def ack(self, partition: int, delivery_tag: int) -> None:
        """Ack everything of the partition up to this tag."""
        if self._consumer:
            self._consumer.ack(partition, delivery_tag)

    async def unfollow(self, partition: int) -> None:
        if self._consumer:
            await self._consumer.unfollow(partition)

    def renew(self, suspects: frozenset[int]) -> None:
        """Open another session, and make the queues of these partitions anew in it: they brought nothing.

        A quorum queue that lost its leader takes declarations and publishes, and never delivers or confirms.
        """
        if self._consumer:
            log.info("queues_renewed", group=self._group, partitions=sorted(suspects))
            self._suspects |= suspects
            self._consumer.lost.set()

    async def drop(self) -> None:
        """Throw the session away now."""
        consumer, self._consumer = self._consumer, None
        if consumer:
            await consumer.close()

    async def _session(self, wanted: Callable[[], frozenset[int]]) -> None:
        consumer = await Consumer.open(self._url, self._group, self._deliver)
        SESSIONS.labels(self._group).inc()
        self._on_session()
        self._consumer = consumer
        try:
            while not consumer.lost.is_set():
                for partition in wanted() - consumer.followed:
                    await consumer.follow(partition, anew=partition in self._suspects)
                    self._suspects.discard(partition)
                await _until_set(consumer.lost, seconds=LOOK_SECONDS)
        finally:
            if self._consumer is consumer:
                self._consumer = None
            await consumer.close()


async def _until_set(event: asyncio.Event, *, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
