"""MongoDB dies, lies, or has no room."""

import asyncio
from contextlib import suppress
from typing import Any

from pymongo.errors import PyMongoError

from tests.chaos.disks import full
from tests.chaos.proxy import Way
from tests.chaos.world import World
from tests.support.failing import WRITE_CONCERN_FAILED, WRITE_CONFLICT, failing

DOWN_SECONDS = 4.0
LYING_SECONDS = 3.0
NOT_PRIMARY = 10107  # NotWritablePrimary
HELD_SECONDS = 0.5
LIES: tuple[dict[str, Any], ...] = (
    {"errorCode": NOT_PRIMARY},
    {"closeConnection": True},
    {"writeConcernError": {"code": WRITE_CONCERN_FAILED, "errmsg": "waiting for replication timed out"}},
)


async def killed(world: World) -> None:
    await world.mongod.kill()
    await asyncio.sleep(DOWN_SECONDS)
    await world.mongod.start()


async def frozen(world: World) -> None:
    """It answers nobody, and keeps every connection."""
    for (_, server), link in world.links.items():
        if server == "mongodb":
            link.hold()
    await asyncio.sleep(DOWN_SECONDS * 2)
    world.mend()


async def inserts_fail(world: World) -> None:
    """Refused, not begun, and done but not confirmed; at last done, and the answer lost."""
    for lie in LIES:
        async with failing(world.mongod.url, "insert", client="command", times=20, **lie):
            await asyncio.sleep(LYING_SECONDS)
    await _lose_answers(world, "command", times=4)


async def commits_fail(world: World) -> None:
    """Of the transactions that write views and sagas."""
    for client in ("projector", "sagas"):
        for lie in ({"errorCode": WRITE_CONFLICT}, *LIES):
            times = 50 if lie.get("errorCode") == WRITE_CONFLICT else 10
            async with failing(world.mongod.url, "commitTransaction", client=client, times=times, **lie):
                await asyncio.sleep(LYING_SECONDS)
    for client in ("projector", "saga"):
        await _lose_answers(world, client, times=4)


async def out_of_space(world: World) -> None:
    """A checkpoint finds no room, and it dies of that; it is started again when there is room."""
    with full(world.mongod.data):
        with suppress(PyMongoError):
            await world.mongo.admin.command("fsync")  # else it lives on in its preallocated files for a minute
        await asyncio.sleep(DOWN_SECONDS * 2)
    if world.mongod.pid is None:
        await world.mongod.start()


async def _lose_answers(world: World, client: str, *, times: int) -> None:
    link = world.links[client, "mongodb"]
    for _ in range(times):
        link.hold(Way.BACK)
        await asyncio.sleep(HELD_SECONDS)
        link.reset()
        link.release()
        await asyncio.sleep(HELD_SECONDS)
