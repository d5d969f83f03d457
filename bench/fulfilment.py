"""Order fulfilment: from a POST to VALIDATED, over the saga, the stock of hundreds of products and all views."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import aiohttp
import orjson
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from bench.alone import alone
from bench.load import Load, offer
from bench.meter import Meter, metered
from bench.numbers import Latency, latency
from bench.orders import CLIENTS, INVENTORY_PATH, ORDERS_PATH, PLENTY
from bench.servers import Servers
from bench.system import System
from stack.ports import LOOPBACK

FIRST_PRODUCT = 10_000
PRODUCTS = 500
HOT_PRODUCT = 9_999
GENTLE_RATE = 50.0  # orders per second
WATCH_SECONDS = 0.005
DECIDED_SECONDS = 180.0
USERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilled:
    """Counted from the first POST to the last order VALIDATED in the views."""

    orders: int
    per_second: float
    accepted_per_second: float  # POSTs answered while they were offered


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    spread: Fulfilled  # over PRODUCTS products
    hot: Fulfilled  # all on one product
    post_to_validated: Latency  # at GENTLE_RATE, seen in the view
    meter: Meter


async def measure_fulfilment(system: System, servers: Servers, seconds: float) -> Fulfilment:
    """One line each, priced and in stock; RuntimeError when an order ends otherwise."""
    for product_id in (HOT_PRODUCT, *range(FIRST_PRODUCT, FIRST_PRODUCT + PRODUCTS)):
        body = {"product_id": product_id, "product_name": "Thing", "quantity": PLENTY, "unit_price": "10.00"}
        await system.post(INVENTORY_PATH, body)
    waited = await alone(
        post_to_validated, system.ports["command"], servers.mongodb_url, system.environment["VIEWS_DATABASE"], seconds
    )
    async with metered(servers.pids | system.pids) as meter:
        spread = await _fulfilled(system, seconds, range(FIRST_PRODUCT, FIRST_PRODUCT + PRODUCTS))
    hot = await _fulfilled(system, seconds, range(HOT_PRODUCT, HOT_PRODUCT + 1))
    return Fulfilment(spread=spread, hot=hot, post_to_validated=latency(waited), meter=meter)


async def _fulfilled(system: System, seconds: float, products: range) -> Fulfilled:
    bodies = tuple(
        b'{"user_id":%d,"product_id":%d,"quantity":1}' % (user_id, products[user_id % len(products)])
        for user_id in range(1, USERS + 1)
    )
    before = await _validated(system)
    load = Load(
        port=system.ports["command"],
        path=ORDERS_PATH,
        bodies=bodies,
        seconds=seconds,
        warm_up_seconds=0.0,
        connections=CLIENTS,
        keep_acks=True,
    )
    started = perf_counter()
    outcome = await alone(offer, load)
    orders = len(outcome.acks)
    async with asyncio.timeout(DECIDED_SECONDS):
        while await _validated(system) - before < orders:  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(0.1)
    took = perf_counter() - started
    return Fulfilled(orders=orders, per_second=orders / took, accepted_per_second=outcome.rate)


async def _validated(system: System) -> int:
    by_status = (await system.get("query", "/queries/statistics/orders"))["by_status"]
    if by_status.get("REJECTED"):
        raise RuntimeError("an order was rejected")
    return by_status.get("VALIDATED", 0)


async def post_to_validated(command_port: int, mongodb_url: str, database: str, seconds: float) -> list[float]:
    """Seconds from each POST until its view says VALIDATED, at a fixed rate.

    One watcher looks for all of them in the read store: hundreds of readers would be most of what is measured.
    """
    async with aiohttp.ClientSession() as http, AsyncMongoClient(mongodb_url) as client, asyncio.TaskGroup() as tasks:
        watch = _Watch(client[database]["orders"])
        watching = tasks.create_task(watch.run())
        started = perf_counter()
        posts = []
        for number in range(int(GENTLE_RATE * seconds)):
            await asyncio.sleep(max(0.0, started + number / GENTLE_RATE - perf_counter()))
            posts.append(tasks.create_task(_post(http, command_port, number, watch)))
        await asyncio.wait(posts)
        async with asyncio.timeout(DECIDED_SECONDS):
            while watch.posted:  # noqa: ASYNC110 - another process makes it so
                await asyncio.sleep(WATCH_SECONDS)
        watching.cancel()
    return watch.waited


@dataclass(slots=True)
class _Watch:
    orders: AsyncCollection[dict[str, Any]]
    posted: dict[str, float] = field(default_factory=dict)  # order id → when it was sent
    waited: list[float] = field(default_factory=list)

    async def run(self) -> None:
        while True:
            wanted = {"_id": {"$in": list(self.posted)}, "status": "VALIDATED"}
            for found in await self.orders.find(wanted, {"_id": 1}).to_list() if self.posted else ():
                self.waited.append(perf_counter() - self.posted.pop(found["_id"]))
            await asyncio.sleep(WATCH_SECONDS)


async def _post(http: aiohttp.ClientSession, command_port: int, number: int, watch: _Watch) -> None:
    body = {"user_id": number % USERS + 1, "product_id": FIRST_PRODUCT + number % PRODUCTS, "quantity": 1}
    sent = perf_counter()
    async with http.post(f"http://{LOOPBACK}:{command_port}{ORDERS_PATH}", json=body) as answer:
        watch.posted[orjson.loads(await answer.read())["order_id"]] = sent
