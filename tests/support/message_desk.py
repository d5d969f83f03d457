"""A desk from which commands are sent by message and over HTTP to services whose log one can look into."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient

from tests.support.broker import VirtualHost
from tests.support.sender import DEAD, Sender, a_sender
from tests.support.system import System, until

PRODUCT = 900
ORDER = {"user_id": 81, "product_id": PRODUCT, "quantity": 2}
STOCK = {"product_id": PRODUCT, "product_name": "Lamp", "quantity": 10**6, "unit_price": "5.00"}
SOON_SECONDS = 20.0


class Desk:
    """A command service or two, a sender, and a look into the log."""

    def __init__(self, system: System, sender: Sender, http: aiohttp.ClientSession) -> None:
        self.system = system
        self.sender = sender
        self.http = http

    async def commits(self, **wanted: Any) -> list[dict[str, Any]]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.system.mongodb_url)
        async with client:
            return await client[self.system.events_database]["commits"].find(wanted).sort("_id").to_list()

    async def metric(self, name: str, service: str = "command") -> float:
        async with self.http.get(self.system.url(service) + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        async with self.http.post(
            f"{self.system.url('command')}/commands/{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def stocked(self) -> None:
        status, content = await self.post("inventory", STOCK)
        assert status in (200, 201), content

    async def consumed(self, processes: int = 1) -> None:
        async def is_consumed() -> bool:
            return await self.sender.consumers() == processes

        await until(is_consumed, seconds=SOON_SECONDS, what=f"{processes} processes consume commands")


@asynccontextmanager
async def a_desk(system: System, url: str) -> AsyncIterator[Desk]:
    async with a_sender(url) as sender, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        desk = Desk(system, sender, http)
        yield desk


async def require_nothing_is_left(desk: Desk, host: VirtualHost) -> None:
    """Everything was acked: nothing waits, nothing is in hand, nothing is dead."""

    async def is_empty() -> bool:
        queues = await host.queues()
        return all(queues[name].get("messages") == 0 for name in ("commands", DEAD))

    await until(is_empty, seconds=SOON_SECONDS, what="no message is left in the queues")
