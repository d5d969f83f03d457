"""Keeps the queue of commands consumed: many commands at once, one session after another, while the log answers."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Gauge

from command_service.messages.settling import Settling
from common.command_queue import CommandQueue, Delivery
from common.errors import Unavailable
from common.tasks import BackOff, end, patiently

PREFETCH = 100  # commands at once in one process
LOOK_SECONDS = 2.0  # how often the broker is asked what waits
SILENCE_SECONDS = 10.0  # messages wait, hands are free, and nothing is delivered for so long: a new session
HOLD_SECONDS = 60.0  # a broker cuts off who holds a message for half an hour; who waits for the log lets go before
SHORT_SECONDS = 10.0  # a session that ends sooner may have ended of a message
FAREWELL_SECONDS = 0.8  # for what is nearly done; the rest goes to the next process

log = structlog.get_logger(__name__)
WAITING = Gauge("leveret_command_messages_waiting", "Commands in the queue that no process has in hand")
DEAD = Gauge("leveret_command_messages_dead", "Commands in commands.dead")


class Consuming:
    """Takes commands from RabbitMQ for one process; without a broker it does nothing but try."""

    def __init__(self, url: str, settling: Settling, ask_log: Callable[[], Awaitable[object]]) -> None:
        self._url = url
        self._settling = settling
        self._ask_log = ask_log
        self._in_hand: dict[asyncio.Task[None], float] = {}  # since when
        self._is_careful = False
        self._is_leaving = False
        self._silent_looks = 0

    async def run(self) -> None:
        """Consume until cancelled. After a short session commands are taken one by one: a bad one ends itself alone."""
        back_off = BackOff()
        self._is_leaving = False
        try:
            while True:
                await patiently(self._ask_log)
                try:
                    await self._session()
                    back_off.reset()
                except Unavailable as error:
                    log.warning("commands_wait", reason=error.detail)
                await self._finish()  # so that nothing is in hand twice
                await back_off.pause()
        finally:
            await end(*self._in_hand)

    async def _session(self) -> None:
        """Consume until the session is lost, or better given up."""
        self._silent_looks = 0
        queue = await CommandQueue.open(self._url, self._take, prefetch=1 if self._is_careful else PREFETCH)
        started = time.monotonic()
        try:
            while not (queue.lost.is_set() or self._holds_for_too_long()):
                await self._look(queue)
                if self._is_careful and time.monotonic() - started > SHORT_SECONDS:
                    break
                await _until_set(queue.lost, seconds=LOOK_SECONDS)
        except asyncio.CancelledError:
            self._is_leaving = True
            await self._finish(FAREWELL_SECONDS)
            raise
        finally:
            self._is_careful = time.monotonic() - started < SHORT_SECONDS
            await queue.close()

    def _take(self, delivery: Delivery) -> None:
        if self._is_leaving or delivery.is_lost:
            return
        self._silent_looks = 0
        task = asyncio.create_task(self._settling.settle(delivery))
        self._in_hand[task] = time.monotonic()
        task.add_done_callback(lambda _: self._let_go(task, delivery))

    def _let_go(self, task: asyncio.Task[None], delivery: Delivery) -> None:
        """What failed here without a word to its sender is delivered again, until it is dead."""
        del self._in_hand[task]
        if not task.cancelled() and (error := task.exception()):
            log.error("task_failed", task="command message", exc_info=error)
            delivery.queue.lost.set()

    async def _look(self, queue: CommandQueue) -> None:
        """A queue that lost its leader may answer, and never deliver."""
        waiting = await queue.waiting()
        WAITING.set(waiting.ready)
        DEAD.set(waiting.dead)
        self._silent_looks = self._silent_looks + 1 if waiting.ready and not self._in_hand else 0
        if self._silent_looks * LOOK_SECONDS > SILENCE_SECONDS:
            raise Unavailable("Commands wait and are not delivered.")

    def _holds_for_too_long(self) -> bool:
        return bool(self._in_hand) and time.monotonic() - min(self._in_hand.values()) > HOLD_SECONDS

    async def _finish(self, seconds: float | None = None) -> None:
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=seconds)


async def _until_set(event: asyncio.Event, *, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
