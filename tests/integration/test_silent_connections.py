"""Connections to MongoDB that went silent all at once cost one call its time, not each of them one."""

import asyncio

from yarl import URL

from common.errors import Unavailable
from common.mongo import Client, open_client, reaching
from tests.chaos.proxy import Link

CONNECTIONS = 10
MOST_FAILED = 2  # the one that waited, and one that was on its way when the rest was dropped


async def test_silent_connections_are_dropped_together(mongodb_url: str) -> None:
    async with (
        Link(URL(mongodb_url).port or 0) as link,
        open_client(f"mongodb://127.0.0.1:{link.port}/?directConnection=true", name="test") as client,
    ):
        calls = client["silent"]["calls"]
        await calls.insert_one({})
        await asyncio.gather(*(calls.find_one({"$where": "sleep(200) || true"}) for _ in range(CONNECTIONS)))
        link.lose_servers()
        failed = 0
        while not await _answers(client):
            failed += 1
            assert failed <= MOST_FAILED


async def _answers(client: Client) -> bool:
    try:
        with reaching("It is silent."):
            await client.admin.command("ping")
    except Unavailable:
        return False
    return True
