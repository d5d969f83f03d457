"""The raw ceilings: what MongoDB, RabbitMQ and aiohttp do on this machine when nothing stands on them."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from multiprocessing.synchronize import Event
from time import perf_counter
from typing import Any

import aio_pika
from aiohttp import web
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection

from bench.alone import alone, beside, until_set
from bench.http_client import post_requests
from bench.load import Load, offer
from bench.numbers import Figure, latency
from bench.shapes import COMMIT_INDEXES, commit, message_body, message_headers
from stack.ports import free_port

DURABLE = WriteConcern(w="majority", j=True)
DATABASE = "bench_ceilings"
WARM_UP_SECONDS = 1.0
BATCH = 100  # documents of one insert_many
WINDOW = 256  # publishes outstanding before their confirms are awaited
QUEUE_LIMIT = 50_000  # messages; the oldest go, as in the project's own queues
USERS = 2_000
CLIENTS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    insert_one_8: Figure
    insert_one_256: Figure
    insert_many_100: Figure  # documents per second; latency of a whole batch
    publish_256: Figure  # messages per second; latency of a whole window
    http_post_256: Figure

    @property
    def best_insert_one(self) -> float:
        return max(self.insert_one_8.per_second, self.insert_one_256.per_second)


async def measure_ceilings(mongodb_url: str, amqp_url: str, seconds: float) -> Ceilings:
    """All of them one after another, `seconds` each."""
    return Ceilings(
        insert_one_8=await alone(insert_one, mongodb_url, 8, seconds),
        insert_one_256=await alone(insert_one, mongodb_url, 256, seconds),
        insert_many_100=await alone(insert_many, mongodb_url, seconds),
        publish_256=await alone(publish_confirmed, amqp_url, seconds),
        http_post_256=await http_post(seconds),
    )


async def insert_one(mongodb_url: str, in_flight: int, seconds: float) -> Figure:
    """Durable single inserts of commits, `in_flight` at a time."""
    async with AsyncMongoClient(mongodb_url, maxPoolSize=in_flight) as client:
        collection = await _fresh_commits(client)
        positions = count(1)
        clock = _Clock(seconds)

        async def insert_in_a_row() -> None:
            while (started := perf_counter()) < clock.until:
                position = next(positions)
                await collection.insert_one(commit(position, position % USERS))
                clock.note(started)

        await asyncio.gather(*(insert_in_a_row() for _ in range(in_flight)))
        await client.drop_database(DATABASE)
    return clock.figure(seconds)


async def insert_many(mongodb_url: str, seconds: float) -> Figure:
    """Durable ordered batches of commits, one at a time."""
    async with AsyncMongoClient(mongodb_url) as client:
        collection = await _fresh_commits(client)
        clock = _Clock(seconds)
        positions = count(1)
        batch = _batch(positions)
        while (started := perf_counter()) < clock.until:
            inserting = asyncio.ensure_future(collection.insert_many(batch))
            await asyncio.sleep(0)  # the batch leaves before the next one is made
            batch = _batch(positions)
            await inserting
            clock.note(started)
        await client.drop_database(DATABASE)
    return clock.figure(seconds, each=BATCH)


async def publish_confirmed(amqp_url: str, seconds: float) -> Figure:
    """Persistent, mandatory messages into a bound quorum queue: a window is published, then its confirms awaited."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.declare_exchange(f"bench.{os.getpid()}", aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(
            f"bench.{os.getpid()}",
            durable=True,
            arguments={"x-queue-type": "quorum", "x-max-length": QUEUE_LIMIT, "x-overflow": "drop-head"},
        )
        await queue.bind(exchange, "p1.#")
        clock = _Clock(seconds)
        positions = count(1)
        while (started := perf_counter()) < clock.until:
            window = [_message(next(positions)) for _ in range(WINDOW)]
            await asyncio.gather(*(exchange.publish(message, "p1.order.OrderInitiated") for message in window))
            clock.note(started)
        await queue.delete(if_unused=False, if_empty=False)
        await exchange.delete()
    return clock.figure(seconds, each=WINDOW)


async def http_post(seconds: float) -> Figure:
    """An aiohttp handler that reads a JSON body and answers a small one: the floor under every command."""
    port = free_port()
    bodies = tuple(b'{"user_id":%d,"product_id":456,"quantity":1}' % user for user in range(1, USERS + 1))
    async with beside(serve_bare_post, port):
        load = Load(port=port, requests=post_requests(port, "/", bodies), seconds=seconds, connections=CLIENTS)
        return (await alone(offer, load)).sound().figure()


async def serve_bare_post(port: int, ready: Event, stop: Event) -> None:
    """The server of `http_post`, until `stop` is set."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response({"user_id": body["user_id"], "status": "PENDING"}, status=201)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    ready.set()
    await until_set(stop)
    await runner.cleanup()


class _Clock:
    """Counts what ends between the warm-up and the end."""

    def __init__(self, seconds: float) -> None:
        self.counts_from = perf_counter() + WARM_UP_SECONDS
        self.until = self.counts_from + seconds
        self.durations: list[float] = []

    def note(self, started: float) -> None:
        now = perf_counter()
        if self.counts_from <= now <= self.until:
            self.durations.append(now - started)

    def figure(self, seconds: float, *, each: int = 1) -> Figure:
        return Figure(per_second=each * len(self.durations) / seconds, latency=latency(self.durations))


async def _fresh_commits(client: AsyncMongoClient[dict[str, Any]]) -> AsyncCollection[dict[str, Any]]:
    await client.drop_database(DATABASE)
    collection = client[DATABASE].get_collection("commits", write_concern=DURABLE)
    await collection.create_indexes(list(COMMIT_INDEXES))
    return collection


def _batch(positions: Iterator[int]) -> list[dict[str, Any]]:
    return [commit(position, position % USERS) for position in islice(positions, BATCH)]


def _message(position: int) -> aio_pika.Message:
    return aio_pika.Message(
        message_body(position % USERS),
        headers=message_headers(position),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=f"{position}.0",
    )
