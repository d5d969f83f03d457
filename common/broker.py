"""RabbitMQ: one session for publishing, one for consuming, each thrown away whole when anything goes wrong."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import aio_pika
import aiormq
from aio_pika.abc import AbstractConnection
from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError, DeliveryError

from common.envelope import Message
from common.errors import Unavailable

EXCHANGE = "domain.events"
CONNECT_SECONDS = 5.0
HEARTBEAT_SECONDS = 10  # a frozen broker is noticed after about three of them
PREFETCH = 2000  # messages; at least twice the largest commit (F7)
MAX_QUEUE_MESSAGES = 100_000  # of one partition; what falls out is read from the log
DELIVERY_LIMIT = 50
_BROKER_ERRORS = (AMQPError, OSError, RuntimeError, TimeoutError)

Deliver = Callable[[int, DeliveredMessage], None]


def queue_name(group: str, partition: int) -> str:
    return f"{group}.p{partition}"


async def _connect(url: str, name: str) -> AbstractConnection:
    """Open a plain connection; its heartbeat is set in the address, the only place where the library looks."""
    separator = "&" if "?" in url else "?"
    try:
        return await aio_pika.connect(
            f"{url}{separator}heartbeat={HEARTBEAT_SECONDS}&name=leveret-{name}", timeout=CONNECT_SECONDS
        )
    except _BROKER_ERRORS as error:
        raise Unavailable("RabbitMQ cannot be reached.") from error


class Refused(Exception):
    """The broker took the message and said no (a nack)."""


class Publisher:
    """A connection and a channel that confirms; `publish` may be called hundreds of times at once.

    The channel's own `basic_publish` is used because the exchange's costs a fifth more per message (ADR 3).
    """

    def __init__(self, connection: AbstractConnection, channel: Channel) -> None:
        self._connection = connection
        self._channel = channel

    @classmethod
    async def open(cls, url: str, name: str) -> "Publisher":
        connection = await _connect(url, name)
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=False)
            await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True, timeout=CONNECT_SECONDS)
            return cls(connection, cast(Channel, await channel.get_underlay_channel()))
        except _BROKER_ERRORS as error:
            await connection.close()
            raise Unavailable("RabbitMQ does not let us publish.") from error

    async def publish(self, message: Message) -> bool:
        """Return True when a queue has it, False when none is bound; raises Refused, or Unavailable (nobody knows)."""
        properties = spec.Basic.Properties(
            headers=message.headers, message_id=message.id, delivery_mode=2, content_type="application/json"
        )
        try:
            confirmed = await self._channel.basic_publish(
                message.body,
                exchange=EXCHANGE,
                routing_key=message.routing_key,
                properties=properties,
                mandatory=True,
                wait=False,
            )
        except DeliveryError as error:
            raise Refused(message.id) from error
        except _BROKER_ERRORS as error:
            raise Unavailable("RabbitMQ did not confirm a message.") from error
        return isinstance(confirmed, spec.Basic.Ack)

    async def close(self) -> None:
        await _close(self._connection)


class Consumer:
    """A connection with one channel per followed partition; `lost` is set when the session must be thrown away."""

    def __init__(self, connection: AbstractConnection, group: str, deliver: Deliver) -> None:
        self._connection = connection
        self._group = group
        self._deliver = deliver
        self._channels: dict[int, AbstractChannel] = {}
        self.lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: self.lost.set())

    @classmethod
    async def open(cls, url: str, group: str, deliver: Deliver) -> "Consumer":
        return cls(await _connect(url, group), group, deliver)

    @property
    def followed(self) -> frozenset[int]:
        return frozenset(self._channels)

    async def follow(self, partition: int) -> None:
        """Declare the partition's queue and consume it (F2)."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._follow(partition)
        except _BROKER_ERRORS as error:
            self.lost.set()
            raise Unavailable(f"The queue {queue_name(self._group, partition)} cannot be consumed: {error}") from error

    async def unfollow(self, partition: int) -> None:
        """Stop consuming; what was not acked goes to the next consumer."""
        channel = self._channels.pop(partition, None)
        if channel:
            await _close(channel)

    def ack(self, partition: int, delivery_tag: int) -> None:
        """Ack everything of the partition up to here; never waits, a lost ack is a duplicate later."""
        channel = self._channels.get(partition)
        if channel and not channel.is_closed:
            task = asyncio.ensure_future(channel.basic_ack(delivery_tag, multiple=True, wait=False))
            task.add_done_callback(self._note_failure)

    async def close(self) -> None:
        self.lost.set()
        self._channels.clear()
        await _close(self._connection)

    async def _follow(self, partition: int) -> None:
        channel = await self._connection.channel(publisher_confirms=False)
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(
            queue_name(self._group, partition), durable=True, arguments=_QUEUE_ARGUMENTS
        )
        await queue.bind(exchange, f"p{partition}.#")
        underlay = await channel.get_underlay_channel()
        await underlay.basic_qos(prefetch_count=PREFETCH)
        underlay.on_consumer_cancel_callbacks.add(lambda _: self.lost.set())
        underlay.closing.add_done_callback(lambda _: self.lost.set() if partition in self._channels else None)
        self._channels[partition] = underlay

        async def on_message(message: DeliveredMessage) -> None:
            if self._channels.get(partition) is underlay:  # a late message of a closed channel cannot be acked here
                self._deliver(partition, message)

        await underlay.basic_consume(queue.name, on_message)

    def _note_failure(self, task: "asyncio.Future[Any]") -> None:
        if not task.cancelled() and task.exception():
            self.lost.set()


_QUEUE_ARGUMENTS: dict[str, Any] = {
    "x-queue-type": "quorum",
    "x-max-length": MAX_QUEUE_MESSAGES,
    "x-overflow": "drop-head",
    "x-delivery-limit": DELIVERY_LIMIT,
}


async def _close(closable: "AbstractConnection | AbstractChannel") -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await closable.close()
    except (*_BROKER_ERRORS, aiormq.exceptions.ChannelInvalidStateError):
        return
