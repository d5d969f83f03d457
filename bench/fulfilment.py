"""Order fulfilment: from a POST to VALIDATED, over the saga, the stock of hundreds of products and all views."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from bench.alone import alone
from bench.http_client import post_requests
from bench.load import Load, offer
from bench.meter import Meter, metered
from bench.numbers import Latency, latency
from bench.orders import INVENTORY_PATH, ORDERS_PATH, PLENTY
from bench.servers import Servers
from bench.system import System
from command_service.sagas.errands import Errand
from command_service.sagas.post import ErrandPost
from command_service.sagas.shapes import Want
from common.config import Settings
from common.envelope import Seal
from stack.ports import LOOPBACK

FIRST_PRODUCT = 10_000
PRODUCTS = 500
MANY_PRODUCTS = range(FIRST_PRODUCT, FIRST_PRODUCT + PRODUCTS)
HOT_PRODUCT = 9_999
CLIENTS = 64  # more only make those wait who fulfil the orders
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
    hot_reservations_per_second: float  # the saga's command alone, on one product, as the saga sends it
    post_to_validated: Latency  # at GENTLE_RATE, seen in the view
    meter: Meter


async def measure_fulfilment(system: System, servers: Servers, seconds: float) -> Fulfilment:
    """One line each, priced and in stock; RuntimeError when an order ends otherwise."""
    await stock_products(system)
    waited = await alone(
        post_to_validated, system.ports["command"], servers.mongodb_url, system.environment["VIEWS_DATABASE"], seconds
    )
    async with metered(servers.pids | system.pids) as meter:
        spread = await fulfilled(system, seconds, MANY_PRODUCTS)
    hot = await fulfilled(system, seconds, range(HOT_PRODUCT, HOT_PRODUCT + 1))
    return Fulfilment(
        spread=spread,
        hot=hot,
        hot_reservations_per_second=await alone(reservations, system.ports["command"], await _seal(system), seconds),
        post_to_validated=latency(waited),
        meter=meter,
    )


async def stock_products(system: System) -> None:
    """Make every product that is ordered here, with plenty in stock."""
    for product_id in (HOT_PRODUCT, *MANY_PRODUCTS):
        body = {"product_id": product_id, "product_name": "Thing", "quantity": PLENTY, "unit_price": "10.00"}
        await system.post(INVENTORY_PATH, body)


async def _seal(system: System) -> Seal:
    return Seal(Settings().message_key, (await system.get("command", "/ops/positions"))["log_id"])


async def measure_orders_without_sagas(system: System, seconds: float) -> float:
    """Orders per second that the same load places where nobody fulfils them."""
    await stock_products(system)
    outcome = await alone(offer, _load(system, seconds, MANY_PRODUCTS))
    return outcome.rate


async def fulfilled(system: System, seconds: float, products: range) -> Fulfilled:
    """Place orders for so long, as fast as they are answered, and wait until the last one is VALIDATED."""
    before = await _validated(system)
    started = perf_counter()
    outcome = await alone(offer, _load(system, seconds, products))
    orders = len(outcome.acks)
    async with asyncio.timeout(DECIDED_SECONDS):
        while await _validated(system) - before < orders:  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(0.1)
    took = perf_counter() - started
    return Fulfilled(orders=orders, per_second=orders / took, accepted_per_second=outcome.rate)


def _load(system: System, seconds: float, products: range) -> Load:
    return Load(
        port=system.ports["command"],
        requests=post_requests(system.ports["command"], ORDERS_PATH, bodies_for(products)),
        seconds=seconds,
        warm_up_seconds=0.0,
        connections=CLIENTS,
        keep_acks=True,
    )


def bodies_for(products: range) -> tuple[bytes, ...]:
    """One order for each of USERS users, over these products in turn."""
    return tuple(
        b'{"user_id":%d,"product_id":%d,"quantity":1}' % (user_id, products[user_id % len(products)])
        for user_id in range(1, USERS + 1)
    )


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


async def reservations(command_port: int, seal: Seal, seconds: float) -> float:
    """How many a second are made on HOT_PRODUCT, when CLIENTS sagas at a time want one each."""
    made = 0
    async with ErrandPost(f"http://{LOOPBACK}:{command_port}", seal) as post:
        until = perf_counter() + seconds

        async def reserve() -> None:
            nonlocal made
            while perf_counter() < until:
                done = await post.do(_a_reservation())
                made += done.events[0].type == "StockReserved"

        await asyncio.gather(*(reserve() for _ in range(CLIENTS)))
    return made / seconds


def _a_reservation() -> Errand:
    order_id, command_id = str(uuid4()), str(uuid4())
    body = {"product_id": HOT_PRODUCT, "order_id": order_id, "reservation_id": command_id, "quantity": 1}
    want = Want(step=f"reserve/{HOT_PRODUCT}", command="ReserveStock", subject=str(HOT_PRODUCT), body=body)
    return Errand(saga_id=order_id, command_id=command_id, partition_key=1, want=want)


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
