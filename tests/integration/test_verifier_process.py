"""The projector as a process finds what differs, repairs it, and tells it in its metrics and over HTTP."""

import re
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from tests.support.broker import Broker, virtual_host
from tests.support.client import Client, History
from tests.support.system import System, running_system, until

SECONDS = 60.0


async def read(system: System, path: str) -> Any:
    async with system.http() as http, http.get(system.gateway + "/cqrs/ops/projections/orders" + path) as answer:
        assert answer.status == 200
        return await answer.json()


async def metric(system: System, name: str) -> float:
    async with system.http() as http, http.get(system.url("projector") + "/metrics") as answer:
        found = re.search(rf"^{re.escape(name)} (\S+)$", await answer.text(), re.MULTILINE)
        return float(found[1]) if found else 0.0


async def test_a_tampered_order_is_repaired_and_told_by_the_running_projector(
    mongodb_url: str, rabbitmq: Broker, tmp_path: Path
) -> None:
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, tmp_path, VERIFY_SECONDS="0.05", VERIFY_SHARE="0.5") as system,
        system.http() as http,
        AsyncMongoClient[Any](mongodb_url) as mongo,
    ):
        client, orders = Client(http, system.gateway, History()), mongo[system.views_database]["orders"]
        await client.command("inventory", {"product_id": 1, "product_name": "Thing", "quantity": 9})
        placed = await client.command("orders", {"user_id": 7, "product_id": 1, "quantity": 2})
        await system.settled()
        assert placed
        order_id = placed.content["order_id"]
        await orders.update_one({"_id": order_id}, {"$set": {"item_count": 3}})

        async def is_repaired() -> bool:
            return any(found["repaired_at"] for found in (await read(system, "/differences"))["data"])

        await until(is_repaired, seconds=SECONDS, what="it is repaired")
        stored = await orders.find_one({"_id": order_id})
        assert stored
        assert stored["item_count"] == 2
        (found,) = (await read(system, "/differences"))["data"]
        assert (found["collection"], found["key"], found["what"], found["fields"]) == (
            *("orders", order_id, "changed"),
            ["item_count"],
        )
        told = await read(system, "")
        assert told["differences"] == 0
        assert told["verified_at"]
        assert await metric(system, 'leveret_projector_differences_total{projection="orders"}') >= 1
        assert await metric(system, 'leveret_projector_verified_total{projection="orders"}') >= 1
        assert await metric(system, "leveret_projector_verified_at_seconds") > 0
        assert "view_differs" in (tmp_path / "projector.log").read_text()
