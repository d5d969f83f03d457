"""A client of MongoDB outlives calls that are cancelled, however often and whenever."""

import asyncio
import random
import time
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

import common.mongo  # noqa: F401 - the driver as this system uses it
from stack.ports import free_port

CALLS = 40
ENOUGH_SECONDS = 10.0


@pytest.mark.parametrize("seed", range(3))
async def test_calls_cancelled_while_no_server_is_found_leave_no_lock_behind(seed: int) -> None:
    chance = random.Random(seed)
    client: AsyncMongoClient[Any] = AsyncMongoClient(
        f"mongodb://127.0.0.1:{free_port()}/?replicaSet=rs0", serverSelectionTimeoutMS=200, heartbeatFrequencyMS=500
    )

    async def call() -> None:
        while True:
            try:
                await client.admin.command("ping")
            except PyMongoError:
                continue

    async def cancelled_again_and_again() -> None:
        task = asyncio.create_task(call())
        await asyncio.sleep(chance.uniform(0, 0.6))
        deadline = time.monotonic() + ENOUGH_SECONDS
        while not task.done():
            assert time.monotonic() < deadline, "a cancelled call never ends"
            task.cancel()
            await asyncio.wait((task,), timeout=chance.choice((0, 0.001, 0.05)))

    await asyncio.gather(*(cancelled_again_and_again() for _ in range(CALLS)))
    ping = asyncio.create_task(call_once(client))
    await asyncio.wait((ping,), timeout=ENOUGH_SECONDS)
    assert ping.done(), "the client is locked for ever"
    await client.close()


async def call_once(client: AsyncMongoClient[Any]) -> None:
    with pytest.raises(PyMongoError):
        await client.admin.command("ping")
