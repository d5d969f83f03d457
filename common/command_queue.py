"""The queue of commands: one for all command services; each command stays in it until it has its outcome."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.abc import AbstractChannel as Underlay
from aiormq.abc import DeliveredMessage

from common.broker import CONNECT_SECONDS, connect, hang_up, reaching
from common.errors import Unavailable

COMMAND_EXCHANGE = "domain.commands"
QUEUE = "commands"
DEAD_QUEUE = "commands.dead"
BINDING = "*.*"
DELIVERY_LIMIT = 20  # so many sessions a command may end, or be held in by one that ended, before it is dead
MAX_QUEUE_MESSAGES = 1_000_000  # then senders are refused; a full disk would stop everything

_DEAD_ARGUMENTS: dict[str, Any] = {"x-queue-type": "quorum"}
_ARGUMENTS: dict[str, Any] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-max-length": MAX_QUEUE_MESSAGES,
    "x-overflow": "reject-publish",  # at-least-once wants it
    "x-dead-letter-strategy": "at-least-once",
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": DEAD_QUEUE,
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as this session brought it; afterwards nobody can say anything about it here."""

    queue: "CommandQueue"
    message: DeliveredMessage

    @property
    def is_lost(self) -> bool:
        return self.queue.lost.is_set()

    def settle(self, *, is_dead: bool = False) -> None:
        """Take it out of the queue, for good or to the dead ones; never waits, what is lost is delivered again."""
        self.queue.settle(self.message.delivery_tag or 0, is_dead=is_dead)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages nobody has in hand, and how many are dead."""

    ready: int
    dead: int


Take = Callable[[Delivery], None]


class CommandQueue:
    """One session: a connection, a channel that consumes, one that asks. `lost` is set when it must be thrown away."""

    def __init__(self, connection: AbstractConnection, consuming: Underlay, asking: AbstractChannel) -> None:
        self._connection = connection
        self._consuming = consuming
        self._asking = asking
        self._settled: deque[tuple[int, bool]] = deque()
        self._settling: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: self.lost.set())
        consuming.on_consumer_cancel_callbacks.add(lambda _: self.lost.set())
        consuming.closing.add_done_callback(lambda _: self.lost.set())

    @classmethod
    async def open(cls, url: str, take: Take, *, prefetch: int) -> "CommandQueue":
        """Declare exchange and queues and consume; `take` must not wait and must not fail."""
        connection = await connect(url, "commands")
        try:
            with reaching(f"The queue {QUEUE} cannot be consumed."):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await cls._consume(connection, take, prefetch)
        except Unavailable as error:
            await hang_up(connection)
            raise Unavailable(f"{error.detail} {error.__cause__}") from error

    async def waiting(self) -> Waiting:
        """Ask the broker; a queue that is gone or does not answer ends the session."""
        try:
            with reaching(f"The queue {QUEUE} does not answer."):
                async with asyncio.timeout(CONNECT_SECONDS):
                    ready, dead = [await self._asking.declare_queue(name, passive=True) for name in (QUEUE, DEAD_QUEUE)]
        except Unavailable:
            self.lost.set()
            raise
        return Waiting(ready.declaration_result.message_count or 0, dead.declaration_result.message_count or 0)

    def settle(self, delivery_tag: int, *, is_dead: bool) -> None:
        self._settled.append((delivery_tag, is_dead))
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._send_settled())

    async def close(self) -> None:
        """What was settled before is told to the broker."""
        if self._settling:
            await asyncio.wait((self._settling,), timeout=CONNECT_SECONDS)
        self.lost.set()
        await hang_up(self._connection)

    @classmethod
    async def _consume(cls, connection: AbstractConnection, take: Take, prefetch: int) -> "CommandQueue":
        asking = await connection.channel(publisher_confirms=False)
        exchange = await asking.declare_exchange(COMMAND_EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        await asking.declare_queue(DEAD_QUEUE, durable=True, arguments=_DEAD_ARGUMENTS)
        queue = await asking.declare_queue(QUEUE, durable=True, arguments=_ARGUMENTS)
        await queue.bind(exchange, BINDING)
        channel = await connection.channel(publisher_confirms=False)
        consuming = await channel.get_underlay_channel()
        await consuming.basic_qos(prefetch_count=prefetch)
        session = cls(connection, consuming, asking)

        async def on_message(message: DeliveredMessage) -> None:
            take(Delivery(session, message))

        await consuming.basic_consume(QUEUE, on_message)
        return session

    async def _send_settled(self) -> None:
        try:
            while self._settled and not self.lost.is_set():
                delivery_tag, is_dead = self._settled.popleft()
                with reaching("RabbitMQ takes no ack."):
                    if is_dead:
                        await self._consuming.basic_reject(delivery_tag, requeue=False, wait=False)
                    else:
                        await self._consuming.basic_ack(delivery_tag, wait=False)
        except Unavailable:
            self.lost.set()
