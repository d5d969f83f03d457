"""The same work done the plain way: per event one awaited insert, one awaited publish, one view update."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from time import perf_counter
from typing import Any

import aio_pika
import orjson
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection

from bench.alone import alone, beside, until_set
from bench.shapes import order_placed

DURABLE = WriteConcern(w="majority", j=True)
DATABASE = "bench_naive"
EXCHANGE = "bench.naive"
IN_FLIGHT = (1, 8, 64, 256)  # commands handled at a time
USERS = 2_000
VISIBLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveRun:
    """Events per second from the first command to the last view updated."""

    in_flight: int
    events: int
    per_second: float


async def measure_naive(mongodb_url: str, amqp_url: str, seconds: float) -> tuple[NaiveRun, ...]:
    """One run per number of commands in flight: a command process and a projection process, as in the seeds."""
    runs: list[NaiveRun] = []
    for in_flight in IN_FLIGHT:
        await _clean(mongodb_url, amqp_url)
        async with beside(project, mongodb_url, amqp_url):
            runs.append(await alone(command, mongodb_url, amqp_url, in_flight, seconds))
    await _clean(mongodb_url, amqp_url)
    return tuple(runs)


async def command(mongodb_url: str, amqp_url: str, in_flight: int, seconds: float) -> NaiveRun:
    """Handle commands for `seconds`, then wait for the last view: insert the event, await; publish it, await."""
    connection = await aio_pika.connect(amqp_url)
    async with AsyncMongoClient(mongodb_url) as client, connection:
        database = client.get_database(DATABASE, write_concern=DURABLE)
        exchange = await (await connection.channel()).get_exchange(EXCHANGE)
        started = perf_counter()
        events = 0

        async def handle_in_a_row() -> None:
            nonlocal events
            while perf_counter() < started + seconds:
                event = _event(events % USERS)
                events += 1
                await database["events"].insert_one(event)
                await exchange.publish(_message(event), "order.created")

        await asyncio.gather(*(handle_in_a_row() for _ in range(in_flight)))
        await until_all_visible(database["views"], events)
        return NaiveRun(in_flight=in_flight, events=events, per_second=events / (perf_counter() - started))


async def until_all_visible(views: AsyncCollection[dict[str, Any]], events: int) -> None:
    """Wait for the projection; its pace is the figure, so looking must cost it little."""
    deadline = perf_counter() + VISIBLE_SECONDS
    while (seen := await views.estimated_document_count()) < events:
        if perf_counter() > deadline:
            raise TimeoutError(f"{seen} of {events} views after {VISIBLE_SECONDS:.0f} s")
        await asyncio.sleep(0.05)


async def project(mongodb_url: str, amqp_url: str, ready: Event, stop: Event) -> None:
    """The projection service: one event, one update, one acknowledgement, in order."""
    connection = await aio_pika.connect(amqp_url)
    async with AsyncMongoClient(mongodb_url) as client, connection:
        views = client.get_database(DATABASE, write_concern=DURABLE)["views"]
        channel = await connection.channel()
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(EXCHANGE, durable=True)
        await queue.bind(exchange, "order.#")

        async def update_in_a_row() -> None:
            async with queue.iterator() as messages:
                async for message in messages:
                    event = orjson.loads(message.body)
                    view = {"status": "PENDING", "updated_at": datetime.now(UTC), **event["data"]}
                    await views.update_one({"_id": event["aggregate_id"]}, {"$set": view}, upsert=True)
                    await message.ack()

        updating = asyncio.create_task(update_in_a_row())
        ready.set()
        await until_set(stop)
        updating.cancel()
        await asyncio.gather(updating, return_exceptions=True)


def _event(user_id: int) -> dict[str, Any]:
    order_id = str(uuid.uuid4())
    return {
        "_id": str(uuid.uuid4()),
        "event_type": "OrderCreated",
        "aggregate_id": order_id,
        "version": 1,
        "timestamp": datetime.now(UTC),
        "data": order_placed(order_id, user_id),
    }


def _message(event: dict[str, Any]) -> aio_pika.Message:
    return aio_pika.Message(
        orjson.dumps(event), content_type="application/json", delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )


async def _clean(mongodb_url: str, amqp_url: str) -> None:
    async with AsyncMongoClient(mongodb_url) as client:
        await client.drop_database(DATABASE)
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(EXCHANGE)
        await channel.exchange_delete(EXCHANGE)
