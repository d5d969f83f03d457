"""The projector dies, freezes and wakes beside its successor, or becomes many."""

import asyncio
import signal

from tests.chaos.proxy import Way
from tests.chaos.world import World
from tests.support.system import until

KILLS = 10
IN_COMMIT_SECONDS = 0.1  # so long the answers of MongoDB are held before it dies
ENOUGH_SECONDS = 20.0
BURN_SECONDS = 5.0
OTHERS = ("projector2", "projector3", "projector4")


async def killed_again_and_again(world: World) -> None:
    """Every second time it does not learn what became of its last transaction."""
    link = world.links["projector", "mongodb"]
    for number in range(KILLS):
        if number % 2:
            link.hold(Way.BACK)
            await asyncio.sleep(IN_COMMIT_SECONDS)
        await world.system.kill("projector")
        link.reset()
        link.release()
        await world.system.start("projector")
        await asyncio.sleep(world.chance.uniform(0, 1))


async def overslept(world: World) -> None:
    """It freezes with all that it was sent, another one takes over, and it wakes and goes on."""
    former = await _holders(world)
    world.system.signal("projector", signal.SIGSTOP)
    await world.system.start("projector2")

    async def has_all() -> bool:
        return not (await _holders(world) & former)

    await until(has_all, seconds=ENOUGH_SECONDS, what="the second projector takes over")
    world.system.signal("projector", signal.SIGCONT)
    await asyncio.sleep(BURN_SECONDS)
    await _leave(world, "projector2")


async def one_four_two(world: World) -> None:
    """And every one of them is restarted in the end, one after another."""
    await world.system.start(*OTHERS)
    await asyncio.sleep(BURN_SECONDS)
    await _leave(world, *OTHERS[:2])
    await asyncio.sleep(BURN_SECONDS)
    for name in ("projector", OTHERS[2]):
        await world.system.end(name)
        await world.system.start(name)
    await _leave(world, OTHERS[2])


async def _holders(world: World) -> set[str]:
    leases = world.views["leases"].find({"_id": {"$regex": r"^views/\d+$"}})
    return {lease["holder"] async for lease in leases}


async def _leave(world: World, *names: str) -> None:
    for name in names:
        await world.system.end(name)
        world.system.forget(name)
