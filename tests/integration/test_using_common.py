"""The service that docs/using-common.md shows counts each order once, however often it is killed."""

import re
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from tests.support.broker import Broker, virtual_host
from tests.support.client import Client, History
from tests.support.system import ROOT, running_system, until

PAGE = ROOT / "docs/using-common.md"
EXAMPLE = "examples/demand.py"
PRODUCT, QUANTITY, ORDERS, KILLS = 71, 3, 60, 3


async def test_each_order_is_counted_once_whatever_dies(
    mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, database = tmp_path_factory.mktemp("using"), f"demand_{uuid4().hex[:12]}"
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=("command", "query", "gateway")) as system,
        system.http() as http,
        AsyncMongoClient(mongodb_url) as mongodb,
    ):
        system.module_of["projector"] = "docs.examples.demand"
        system.environment_of["projector"] = {"VIEWS_DATABASE": database}
        counts = mongodb[database]["demand"]

        async def counted() -> int:
            found = await counts.find_one({"_id": PRODUCT})
            return found["pieces"] if found else 0

        client = Client(http, system.gateway, History())
        stock = {"product_id": PRODUCT, "product_name": "Lamp", "quantity": 10**6, "unit_price": "9.99"}
        assert await client.command("inventory", stock)
        for number in range(KILLS):
            await system.launch("projector")
            for _ in range(ORDERS // KILLS):
                assert await client.command("orders", {"user_id": 7, "product_id": PRODUCT, "quantity": QUANTITY})
            told = 1 + QUANTITY * number * ORDERS // KILLS
            await until(lambda told=told: at_least(counted, told), seconds=60, what="some of these are counted")
            await system.kill("projector")
        await system.launch("projector")
        await until(lambda: at_least(counted, ORDERS * QUANTITY), seconds=60, what="all of them are counted")
        assert await counted() == ORDERS * QUANTITY
        await mongodb.drop_database(database)


async def at_least(counted: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await counted() >= wanted


def test_the_page_shows_the_file_as_it_is() -> None:
    shown = re.findall(r"\]\(([\w/.]+\.py)\)[^\n]*\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert dict(shown) == {EXAMPLE: (ROOT / "docs" / EXAMPLE).read_text()}
