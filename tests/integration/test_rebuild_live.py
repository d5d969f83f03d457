"""Read models are built anew on whole processes, under load: no query fails, nothing goes back (Q3; F16, F17)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from pymongo import AsyncMongoClient

from common.read_models.orders import ORDERS
from tests.support import naive
from tests.support.broker import Broker, virtual_host
from tests.support.client import Client, History, shop
from tests.support.system import System, running_system, until

PRODUCTS = range(1, 6)
USERS = range(1, 4)
SOON_SECONDS = 60.0
LOOK_SECONDS = 0.005  # between two looks for what was accepted


@dataclass(slots=True)
class Readers:
    """What queries answered meanwhile: orders read with their tokens, and how far the views were said to be."""

    system: System
    http: aiohttp.ClientSession
    reads: int = 0
    faults: list[str] = field(default_factory=list)
    _position: int = 0

    async def read(self, order: dict[str, Any]) -> None:
        """Once more where the views are behind: three who never pause may be faster than two cores."""
        url = f"{self.system.gateway}/cqrs/queries/orders/{order['order_id']}"
        async with self.http.get(url, headers={"Consistency-Token": order["token"]}) as answer:
            content = await answer.json(content_type=None)
            position = int(answer.headers.get("Projection-Position", 0))
            is_late = answer.status == 503 and content["code"] == "projection_lag"
            if is_late:
                pass
            elif answer.status != 200:
                self.faults.append(f"{answer.status} {content}")
            elif content["version"] < order["version"] or position < self._position:
                self.faults.append(f"it went back: {content['version']} of {order['version']}, {position}")
            self._position = max(self._position, position)
            self.reads += 1
        if is_late:
            await self.read(order)


@dataclass(frozen=True, slots=True)
class Shopping:
    system: System
    http: aiohttp.ClientSession
    client: Client
    readers: Readers

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self.system.gateway}/cqrs/ops/projections{path}"
        async with self.http.request(method, url, json=body) as answer:
            told = await answer.json(content_type=None)
            assert answer.status == 200, told
            return told

    async def is_shown(self, generation: str) -> bool:
        return (await self.ask("GET", f"/{generation.partition('@')[0]}"))["shown"] == generation

    async def until_shown(self, generation: str) -> None:
        await until(lambda: self.is_shown(generation), seconds=SOON_SECONDS, what=f"{generation} is shown")

    async def check(self) -> None:
        await self.system.settled()
        databases = self.system.events_database, self.system.views_database
        await asyncio.to_thread(naive.check, self.system.mongodb_url, *databases)


@pytest.fixture
async def shopping(
    mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shopping]:
    folder = tmp_path_factory.mktemp("rebuilds")
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder) as system,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http,
    ):
        client = Client(http, system.gateway, History())
        for product_id in PRODUCTS:
            await client.command("inventory", {"product_id": product_id, "product_name": "Thing", "quantity": 10**6})
        yield Shopping(system, http, client, Readers(system, http))


@asynccontextmanager
async def customers(shopping: Shopping) -> AsyncIterator[None]:
    """They order and cancel, and look at each order as soon as it is accepted."""
    stop, seen = asyncio.Event(), 0

    async def look() -> None:
        nonlocal seen
        while not stop.is_set():
            acks = shopping.client.history.acks
            for ack in acks[seen:]:
                if "order_id" in ack.content:
                    await shopping.readers.read(ack.content)
            seen = len(acks)
            await asyncio.sleep(LOOK_SECONDS)

    async with asyncio.TaskGroup() as group:
        for user_id in USERS:
            chance = random.Random(user_id)
            group.create_task(shop(shopping.client, chance, stop, user_id=user_id, products=PRODUCTS))
        group.create_task(look())
        try:
            yield
        finally:
            stop.set()


async def more(shopping: Shopping, count: int) -> None:
    """Wait until so many more commands were accepted."""
    enough = len(shopping.client.history.acks) + count

    async def are_there() -> bool:
        return len(shopping.client.history.acks) >= enough

    await until(are_there, seconds=SOON_SECONDS, what=f"{count} more commands are accepted")


async def test_Q3_nobody_notices_a_rebuild_and_a_rollback(shopping: Shopping) -> None:
    async with customers(shopping):
        await more(shopping, 30)
        for name in ("orders", "inventory", "orders"):
            asked = await shopping.ask("POST", f"/{name}/rebuild", {"verify": True})
            await shopping.until_shown(asked["generation"])
        told = await shopping.ask("POST", "/orders/rollback", {})
        await shopping.until_shown(told["generation"])
        await more(shopping, 10)
    assert not shopping.readers.faults, shopping.readers.faults[:5]
    assert shopping.readers.reads > 0
    await shopping.check()


async def test_F17_a_projector_killed_while_it_builds_leaves_nothing_half_done(shopping: Shopping) -> None:
    async with customers(shopping):
        await more(shopping, 50)
        asked = await shopping.ask("POST", "/orders/rebuild")
        for _ in range(3):
            await shopping.system.kill("projector")
            await shopping.system.start("projector")
        await shopping.until_shown(asked["generation"])
    assert [fault for fault in shopping.readers.faults if "went back" in fault] == []
    await shopping.check()


async def test_F16_newer_rules_take_over_without_a_gap_and_older_ones_write_no_more(shopping: Shopping) -> None:
    """A rolling deployment: the new projector builds its generation while the old one serves."""
    shopping.system.module_of["projector"] = "tests.support.newer_rules"
    async with customers(shopping):
        await more(shopping, 30)
        await shopping.system._spawn("projector2")
        await shopping.until_shown("orders@2")
        await shopping.system.wait_ready("projector2")
        await more(shopping, 10)
    assert shopping.readers.faults == []
    async with AsyncMongoClient(shopping.system.mongodb_url) as client:
        shown = await client[shopping.system.views_database]["generations"].find_one({"_id": "shown"})
    assert shown
    assert shown["models"]["orders"] == {"generation": 2, "rules": ORDERS.rules + 1}
    await shopping.system.kill("projector")
    await shopping.check()
