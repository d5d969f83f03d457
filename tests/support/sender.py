"""Another team's program that sends commands over RabbitMQ, and reads what it is answered."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aio_pika
import orjson
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq import spec

EXCHANGE = "domain.commands"
QUEUE = "commands"
DEAD = "commands.dead"
ANSWER_SECONDS = 15.0
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    content: dict[str, Any]
    content_type: str | None
    correlation_id: str | None
    headers: Mapping[str, Any]


class Sender:
    """Sends as anybody could who has the broker's password; the replies to each message wait under its message."""

    def __init__(
        self,
        connection: AbstractConnection,
        channel: AbstractChannel,
        exchange: AbstractExchange,
        replies: AbstractQueue,
    ) -> None:
        self._connection = connection
        self.channel = channel
        self.exchange = exchange
        self._replies = replies
        self._arrived: dict[str, asyncio.Queue[Reply]] = {}

    async def ask(self, key: str, body: Any, **properties: Any) -> Reply:
        """Send a command and wait for its answer."""
        correlation_id = properties.setdefault("correlation_id", uuid4().hex)
        await self.send(key, body, reply_to=self._replies.name, **properties)
        return await self.answer(correlation_id)

    async def send(self, key: str, body: Any, **properties: Any) -> str:
        """Send, and wait until the broker has it; return the correlation_id. A body that is no bytes goes as JSON."""
        body = body if isinstance(body, bytes) else orjson.dumps(body)
        filled = {"message_id": uuid4().hex, "content_type": JSON, "correlation_id": uuid4().hex} | properties
        self._queue_of(filled["correlation_id"])
        message = aio_pika.Message(body, delivery_mode=2, **filled)
        await self.exchange.publish(message, key, mandatory=False)
        return str(filled["correlation_id"])

    async def send_with_reply(self, key: str, body: Any, **properties: Any) -> str:
        return await self.send(key, body, reply_to=self._replies.name, **properties)

    @property
    def reply_to(self) -> str:
        return self._replies.name

    async def answer(self, correlation_id: str, *, seconds: float = ANSWER_SECONDS) -> Reply:
        """The next reply under this id."""
        async with asyncio.timeout(seconds):
            return await self._queue_of(correlation_id).get()

    def answers(self, correlation_id: str) -> int:
        """How many wait to be read."""
        return self._queue_of(correlation_id).qsize()

    async def ready(self, queue: str = QUEUE) -> int:
        """How many messages of the queue nobody has in hand."""
        declared = await self._declared(queue)
        return (declared and declared.message_count) or 0

    async def consumers(self) -> int:
        declared = await self._declared(QUEUE)
        return (declared and declared.consumer_count) or 0

    async def _declared(self, queue: str) -> spec.Queue.DeclareOk | None:
        """What the broker says of a queue now; None if it is not there. A channel ends of such a question."""
        try:
            async with self._connection.channel() as channel:
                return (await channel.declare_queue(queue, passive=True)).declaration_result
        except ChannelNotFoundEntity:
            return None

    def _queue_of(self, correlation_id: str | None) -> asyncio.Queue[Reply]:
        return self._arrived.setdefault(str(correlation_id), asyncio.Queue())

    async def take(self, message: AbstractIncomingMessage) -> None:
        reply = Reply(
            status=int(str(message.headers["status"])),
            content=orjson.loads(message.body),
            content_type=message.content_type,
            correlation_id=message.correlation_id,
            headers=message.headers,
        )
        self._queue_of(message.correlation_id).put_nowait(reply)


@asynccontextmanager
async def a_sender(url: str) -> AsyncIterator[Sender]:
    """Over a connection of its own; its queue of replies goes with it."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        replies = await channel.declare_queue(exclusive=True)
        sender = Sender(connection, channel, exchange, replies)
        await replies.consume(sender.take, no_ack=True)
        yield sender
