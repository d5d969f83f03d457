"""Messages that are doubled, swapped, lost, late or poisonous."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from common.envelope import Seal, to_messages
from common.log import open_log
from tests.chaos.world import World
from tests.support.broker import EXCHANGE
from tests.support.system import MESSAGE_KEY

BURN_SECONDS = 15.0
LATE_SECONDS = 5.0
LOST, LATE = 0.01, 0.02  # chances
GROUPS = ("views", "sagas")
FAR = 10**12
MEGABYTE = 1024 * 1024


async def garbled(world: World) -> None:
    """All queues are fed by somebody who doubles every third message, swaps neighbours, loses some and delays some."""
    partitions = range((await open_log(world.events, partitions=1)).info.partitions)
    async with _channel(world) as channel, AsyncExitStack() as stack:
        for partition in partitions:
            await stack.enter_async_context(_garbling(world, channel, partition))
        await asyncio.sleep(BURN_SECONDS)


async def poisoned(world: World) -> None:
    """Into every queue; what is not ours, what is not sense, and what is ours and not true."""
    log = await open_log(world.events, partitions=1)
    seal = Seal(MESSAGE_KEY, log.info.id)
    known = await log.at(1)
    assert known is not None
    true = to_messages(known, 0, seal)[0]

    def sealed(body: bytes, **changes: Any) -> aio_pika.Message:
        headers = true.headers | changes
        return aio_pika.Message(body, headers=headers | {"mac": seal.mac(headers, body)})

    unknown = {"ce-type": "OrderTeleported", "schema": 99, "position": FAR, "prev": FAR - 1}
    poison = (
        aio_pika.Message(b""),
        aio_pika.Message(os.urandom(4096), headers={"log_id": log.info.id}),
        aio_pika.Message(true.body, headers=true.headers | {"position": FAR}),
        sealed(true.body),
        sealed(b"{}", index=7),
        sealed(b"[1, 2", position=FAR, prev=FAR - 1),
        sealed(b'{"nonsense": true}', **unknown),
    )
    giants = (
        aio_pika.Message(os.urandom(5 * MEGABYTE), headers=true.headers),
        sealed(b"x" * 5 * MEGABYTE, position=FAR, prev=0),
    )
    async with _channel(world) as channel:
        for partition in range(log.info.partitions):
            for message in (*poison, *(giants if partition == 0 else ())):
                await _feed(channel, partition, message)


@asynccontextmanager
async def _channel(world: World) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(world.rabbitmq.url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=200)
        yield channel


@asynccontextmanager
async def _garbling(world: World, channel: AbstractChannel, partition: int) -> AsyncIterator[None]:
    """While inside, the partition's queues are fed from one of ours instead of the exchange."""
    key = f"p{partition}.#"
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(EXCHANGE, key)
    for group in GROUPS:
        await world.host.unbind(f"{group}.p{partition}", key)
    mischief = Mischief(channel, partition, world.chance)
    consumer = await queue.consume(mischief.take, no_ack=True)
    try:
        yield
    finally:
        for group in GROUPS:
            await world.host.bind(f"{group}.p{partition}", key)
        await queue.cancel(consumer)
        await asyncio.gather(*mischief.late)


class Mischief:
    """Hands messages on, not as they came."""

    def __init__(self, channel: AbstractChannel, partition: int, chance: random.Random) -> None:
        self._channel = channel
        self._partition = partition
        self._chance = chance
        self._count = 0
        self._held: aio_pika.Message | None = None  # goes after the next one
        self.late: set[asyncio.Task[None]] = set()

    async def take(self, arrived: AbstractIncomingMessage) -> None:
        message = aio_pika.Message(arrived.body, headers=arrived.headers, message_id=arrived.message_id)
        self._count += 1
        draw = self._chance.random()
        if draw < LOST:
            return
        if draw < LOST + LATE:
            task = asyncio.create_task(self._send_late(message))
            self.late.add(task)
            task.add_done_callback(self.late.discard)
        elif self._count % 4 == 0 and self._held is None:
            self._held = message
        else:
            held, self._held = self._held, None
            for sent in (message, *([message] if self._count % 3 == 0 else []), *([held] if held else [])):
                await _feed(self._channel, self._partition, sent)

    async def _send_late(self, message: aio_pika.Message) -> None:
        await asyncio.sleep(LATE_SECONDS)
        await _feed(self._channel, self._partition, message)


async def _feed(channel: AbstractChannel, partition: int, message: aio_pika.Message) -> None:
    for group in GROUPS:
        await channel.default_exchange.publish(message, routing_key=f"{group}.p{partition}")
