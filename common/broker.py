"""RabbitMQ: one session for publishing, one for consuming, each thrown away whole when anything goes wrong."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import aio_pika
from aio_pika.abc import AbstractConnection
from aiormq import spec
from aiormq.abc import AbstractChannel, ChannelFrame, DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError, DeliveryError, ProbableAuthenticationError
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from common.addresses import each_address, in_any_order
from common.envelope import EXCHANGE, Message
from common.errors import Unavailable
from common.lenient_frames import read_leniently
from common.tasks import look_at

CONNECT_SECONDS = 5.0
HEARTBEAT_SECONDS = 10  # a frozen broker is noticed after about three of them
PREFETCH = 2000  # messages; at least twice the largest commit (F7)
MAX_QUEUE_MESSAGES = 100_000  # of one partition; what falls out is read from the log
DELIVERY_LIMIT = 3  # a message that ends sessions is soon gone; a true one is read from the log
_BROKER_ERRORS = (AMQPError, OSError, EOFError, RuntimeError, StopAsyncIteration, TimeoutError)
RENEW_SECONDS = 20.0  # deleting a queue without a leader takes a while

Deliver = Callable[[int, DeliveredMessage], None]


class reaching:
    """Turns what the library raises of a lost session into Unavailable with this sentence.

    It then cancels its own tasks, too, and whoever waits for one is told to be cancelled. Who was not cancelled has
    lost the session, and must not end of it. A session that was lost for no reason it knows of is a plain Exception.
    """

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        is_told_so = isinstance(error, asyncio.CancelledError) and not _is_cancelled()
        if is_told_so or isinstance(error, _BROKER_ERRORS) or kind is Exception:
            raise Unavailable(self._sentence) from error


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def queue_name(group: str, partition: int) -> str:
    return f"{group}.p{partition}"


async def connect(urls: str, name: str) -> AbstractConnection:
    """Open a plain connection to the first node that answers."""
    read_leniently()
    failure: Unavailable | None = None
    for url in in_any_order(each_address(urls)):
        try:
            return await _connect_to(url, name)
        except Unavailable as error:
            failure = error
    raise failure or Unavailable("No address of RabbitMQ is known.")


async def _connect_to(url: str, name: str) -> AbstractConnection:
    """The heartbeat is set in the address, the only place where the library looks."""
    separator = "&" if "?" in url else "?"
    with reaching("RabbitMQ cannot be reached."):
        try:
            return await aio_pika.connect(
                f"{url}{separator}heartbeat={HEARTBEAT_SECONDS}&name=leveret-{name}", timeout=CONNECT_SECONDS
            )
        except (AMQPError, OSError) as error:
            if trouble := _trouble_with_trust(error):
                raise Unavailable(trouble) from error
            raise


def _trouble_with_trust(error: Exception) -> str | None:
    """What no waiting helps against: with `amqps:` the host's name is checked, and its CA, that of `cafile=` if set."""
    cause = error.__cause__ or error
    if isinstance(error, ProbableAuthenticationError):
        return "RabbitMQ does not know this account, or its password is another."
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"RabbitMQ's certificate is not trusted: {cause.verify_message}."
    if isinstance(cause, FileNotFoundError | PermissionError):
        return "The file that AMQP_URL names in cafile= cannot be read."
    return None


class Refused(Exception):
    """The broker took the message and said no (a nack)."""


class Publisher:
    """A connection and a channel that confirms, with hundreds of messages on their way at once.

    Many messages go to the socket as one write, through the channel's own queue: a third of the processor time of
    one `basic_publish` each (ADR 3).
    """

    def __init__(self, connection: AbstractConnection, channel: Channel) -> None:
        self._connection = connection
        self._channel = channel
        channel.closing.add_done_callback(self._fail_unconfirmed)

    @classmethod
    async def open(cls, url: str, name: str) -> "Publisher":
        connection = await connect(url, name)
        try:
            with reaching("RabbitMQ does not let us publish."):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return cls(connection, await cls._open_channel(connection))
        except Unavailable:
            await hang_up(connection)
            raise

    @staticmethod
    async def _open_channel(connection: AbstractConnection) -> Channel:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=False)
        await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        return cast(Channel, await channel.get_underlay_channel())

    async def publish(self, messages: Sequence[Message]) -> "list[Confirmation]":
        """Send the messages in this order; return what to wait for, one for each."""
        channel = self._channel
        if channel.is_closed:
            raise Unavailable("RabbitMQ closed the channel.")
        if not messages:
            return []
        confirmations = [self._expect(message) for message in messages]
        frames = [frame for message in messages for frame in _frames(message, channel.max_content_size)]
        with reaching("RabbitMQ does not take messages."):
            await channel.write_queue.put(
                ChannelFrame.marshall(channel_number=channel.number, frames=frames, drain_future=None)
            )
        return confirmations

    async def close(self) -> None:
        await hang_up(self._connection)

    def _expect(self, message: Message) -> "Confirmation":
        """Number the message as the broker will, and note it for confirms and returns."""
        channel = self._channel
        channel.delivery_tag += 1
        confirmed: Confirmation = channel.loop.create_future()
        channel.confirmations[channel.delivery_tag] = confirmed
        channel.message_id_delivery_tag[message.id] = channel.delivery_tag
        confirmed.add_done_callback(lambda _: channel.message_id_delivery_tag.pop(message.id, None))
        confirmed.add_done_callback(_retrieve)  # whoever waits is told; that nobody waits is no news
        return confirmed

    def _fail_unconfirmed(self, _: object) -> None:
        for confirmation in self._channel.confirmations.values():
            if isinstance(confirmation, asyncio.Future) and not confirmation.done():
                confirmation.set_exception(ConnectionError("the channel was closed"))
                look_at(confirmation)


Confirmation = asyncio.Future[object]


async def is_routed(confirmation: Confirmation) -> bool:
    """Wait: True when a queue has the message, False when none is bound; raises Refused, or Unavailable (unknown)."""
    with reaching("RabbitMQ did not confirm a message."):
        try:
            confirmed = await confirmation
        except DeliveryError as error:
            raise Refused from error
    return isinstance(confirmed, spec.Basic.Ack)


def _retrieve(confirmation: Confirmation) -> None:
    if not confirmation.cancelled():
        confirmation.exception()


def _frames(message: Message, most_bytes: int) -> Iterable[spec.Basic.Publish | ContentHeader | ContentBody]:
    """A persistent, mandatory message, its body in frames of a size that the broker takes."""
    properties = spec.Basic.Properties(
        headers=message.headers,
        message_id=message.id,
        delivery_mode=2,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
    )
    yield spec.Basic.Publish(exchange=message.exchange, routing_key=message.routing_key, mandatory=True)
    yield ContentHeader(properties=properties, body_size=len(message.body))
    for start in range(0, len(message.body), most_bytes):
        yield ContentBody(message.body[start : start + most_bytes])


class Consumer:
    """A connection with one channel per followed partition; `lost` is set when the session must be thrown away."""

    def __init__(self, connection: AbstractConnection, group: str, deliver: Deliver) -> None:
        self._connection = connection
        self._group = group
        self._deliver = deliver
        self._channels: dict[int, AbstractChannel] = {}
        self._to_ack: dict[int, int] = {}  # partition → the newest tag
        self._acking: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: self.lost.set())

    @classmethod
    async def open(cls, url: str, group: str, deliver: Deliver) -> "Consumer":
        return cls(await connect(url, group), group, deliver)

    @property
    def followed(self) -> frozenset[int]:
        return frozenset(self._channels)

    async def follow(self, partition: int, *, anew: bool = False) -> None:
        """Declare the partition's queue and consume it (F2); `anew`: delete it first, what it held is in the log."""
        name = queue_name(self._group, partition)
        try:
            with reaching(f"The queue {name} cannot be consumed."):
                async with asyncio.timeout(RENEW_SECONDS if anew else CONNECT_SECONDS):
                    await self._follow(partition, anew=anew)
        except Unavailable as error:
            self.lost.set()
            raise Unavailable(f"{error.detail} {error.__cause__}") from error

    async def unfollow(self, partition: int) -> None:
        """Stop consuming; what was not acked goes to the next consumer."""
        channel = self._channels.pop(partition, None)
        self._to_ack.pop(partition, None)
        if channel:
            await hang_up(channel)

    def ack(self, partition: int, delivery_tag: int) -> None:
        """Ack everything of the partition up to here; never waits, a lost ack is a duplicate later."""
        self._to_ack[partition] = delivery_tag
        if self._acking is None or self._acking.done():
            self._acking = asyncio.create_task(self._send_acks())

    async def close(self) -> None:
        self.lost.set()
        self._channels.clear()
        await hang_up(self._connection)

    async def _follow(self, partition: int, *, anew: bool) -> None:
        channel = await self._connection.channel(publisher_confirms=False)
        if anew:
            await channel.queue_delete(queue_name(self._group, partition))
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

    async def _send_acks(self) -> None:
        """One after another, so that none overtakes a newer one: the broker closes a channel that acks twice."""
        try:
            while self._to_ack:
                partition, delivery_tag = self._to_ack.popitem()
                channel = self._channels.get(partition)
                if channel and not channel.is_closed:
                    with reaching("RabbitMQ takes no ack."):
                        await channel.basic_ack(delivery_tag, multiple=True, wait=False)
        except Unavailable:
            self.lost.set()


_QUEUE_ARGUMENTS: dict[str, Any] = {
    "x-queue-type": "quorum",
    "x-max-length": MAX_QUEUE_MESSAGES,
    "x-overflow": "drop-head",
    "x-delivery-limit": DELIVERY_LIMIT,
}


async def hang_up(closable: "AbstractConnection | AbstractChannel") -> None:
    """What is lost already is closed."""
    with contextlib.suppress(Unavailable), reaching("RabbitMQ is gone."):
        async with asyncio.timeout(CONNECT_SECONDS):
            await closable.close()
