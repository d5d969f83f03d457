"""Where events are told again: a queue or an exchange of somebody else's, never one of ours (ADR 27).

AMQP does not tell what is bound to an exchange. That a replay which comes to our queues all the same changes nothing
is the feed's own rule (common/envelope.py:unsealed), and no command has an event's routing key.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aio_pika
from aio_pika.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity
from msgspec.structs import replace

from common.broker import CONNECT_SECONDS, Publisher, connect, hang_up, queue_name, reaching
from common.command_queue import COMMAND_EXCHANGE, DEAD_QUEUE, QUEUE
from common.envelope import EXCHANGE, Message
from common.errors import LeveretError, Unavailable

GROUPS = ("views", "sagas")
_OURS = frozenset({EXCHANGE, COMMAND_EXCHANGE, QUEUE, DEAD_QUEUE})
_OUR_PREFIXES = tuple(queue_name(group, 0).removesuffix("0") for group in GROUPS)
_QUEUE_ARGUMENTS: dict[str, Any] = {"x-queue-type": "quorum"}
MOST_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class Target:
    """LeveretError for a name that cannot be, or is ours."""

    name: str
    is_queue: bool

    def __post_init__(self) -> None:
        if not 1 <= len(self.name.encode()) <= MOST_NAME_BYTES:
            raise LeveretError("bad_target", f"A name has 1 to {MOST_NAME_BYTES} bytes.")
        if self.name in _OURS or self.name.startswith(_OUR_PREFIXES):
            raise LeveretError("our_own", f"{self.name} is this system's own; name a queue or an exchange of yours.")

    def __str__(self) -> str:
        return f"the {'queue' if self.is_queue else 'exchange'} {self.name}"

    def address(self, message: Message) -> Message:
        """For a queue by RabbitMQ's BCC, which it takes out again: so the routing key stays the event's."""
        if not self.is_queue:
            return replace(message, exchange=self.name)
        return replace(message, exchange="", headers=message.headers | {"BCC": [self.name]})

    def no_queue_for(self, message: Message) -> str:
        if self.is_queue:
            return f"{self} is gone: event {message.id} came back"
        return f"no queue is bound to {self} for {message.routing_key}: event {message.id} came back"


@dataclass(frozen=True, slots=True)
class Outlet:
    """The way to a target that is there."""

    publisher: Publisher
    target: Target


@asynccontextmanager
async def open_outlet(url: str, target: Target, *, may_declare: bool) -> AsyncIterator[Outlet]:
    """Connect, and find the target, or make it if that may be; LeveretError when it is not there."""
    connection = await connect(url, "republish")
    try:
        with reaching("RabbitMQ does not let us publish."):
            async with asyncio.timeout(CONNECT_SECONDS):
                if not await _is_there(connection, target):
                    await _make(connection, target, may_declare=may_declare)
                channel = await connection.channel(publisher_confirms=True, on_return_raises=False)
                publisher = Publisher(connection, cast(Channel, await channel.get_underlay_channel()))
        yield Outlet(publisher, target)
    finally:
        await hang_up(connection)


async def _is_there(connection: AbstractConnection, target: Target) -> bool:
    """On a channel of its own: the broker closes it when the answer is no."""
    channel = await connection.channel(publisher_confirms=False)
    try:
        if target.is_queue:
            await channel.declare_queue(target.name, passive=True)
        else:
            await channel.declare_exchange(target.name, passive=True)
    except ChannelNotFoundEntity:
        return False
    except ChannelAccessRefused as error:
        raise Unavailable(f"RabbitMQ does not let this account look at {target}.") from error
    await channel.close()
    return True


async def _make(connection: AbstractConnection, target: Target, *, may_declare: bool) -> None:
    if not may_declare:
        raise LeveretError("no_target", f"RabbitMQ does not have {target}; make it, or add --declare.")
    async with connection.channel(publisher_confirms=False) as channel:
        if target.is_queue:
            await channel.declare_queue(target.name, durable=True, arguments=_QUEUE_ARGUMENTS)
        else:
            await channel.declare_exchange(target.name, aio_pika.ExchangeType.TOPIC, durable=True)
