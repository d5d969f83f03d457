"""The relay dies, oversleeps, has company, or finds another cursor than it left."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.leases import LEASES
from tests.chaos.world import World
from tests.support.system import until

BURN_SECONDS = 5.0
RELAY_LEASE = "relay/0"
ENOUGH_SECONDS = 15.0


async def overslept(world: World) -> None:
    """The holder freezes in the middle of publishing, another takes over, the first wakes and goes on."""
    async with _second_relay(world):
        frozen = await _holder(world)
        world.system.signal("command", signal.SIGSTOP)
        try:
            await _taken_over(world, frozen)
        finally:
            world.system.signal("command", signal.SIGCONT)
        await asyncio.sleep(BURN_SECONDS)


async def killed_in_turn(world: World) -> None:
    """Two of them: whoever publishes is killed, again and again."""
    async with _second_relay(world):
        for name in ("command", "relay", "command", "relay"):
            await asyncio.sleep(1)
            await world.system.kill(name)
            await world.system.start(name)


async def cursor_deleted(world: World) -> None:
    await world.events["relay"].delete_many({})
    await asyncio.sleep(BURN_SECONDS)
    await _restart(world)


async def cursor_set_back(world: World) -> None:
    """As a restored backup would; the relay that begins there publishes thousands of old events again."""
    await world.system.kill("command")
    await world.events["relay"].update_one({"_id": "cursor"}, [{"$set": {"position": {"$max": [0, _LESS]}}}])
    await world.system.start("command")


_LESS = {"$subtract": ["$position", 10_000]}


@asynccontextmanager
async def _second_relay(world: World) -> AsyncIterator[None]:
    await world.system.start("relay")
    try:
        yield
    finally:
        await world.system.leave("relay")


async def _holder(world: World) -> str | None:
    lease = await world.events[LEASES].find_one({"_id": RELAY_LEASE})
    return lease["holder"] if lease else None


async def _taken_over(world: World, former: str | None) -> None:
    async def is_another() -> bool:
        return await _holder(world) not in (former, None)

    await until(is_another, seconds=ENOUGH_SECONDS, what="the second relay takes over")


async def _restart(world: World) -> None:
    await world.system.kill("command")
    await world.system.start("command")
