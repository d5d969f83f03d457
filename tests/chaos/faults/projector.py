"""The projector dies, freezes and wakes beside its successor, or becomes many."""

import asyncio
import signal

from common.leases import LEASES
from tests.chaos.customer import PLENTY, restock
from tests.chaos.faults.fault import Misbehaved
from tests.chaos.proxy import Way, Weather
from tests.chaos.world import World
from tests.support.system import until

KILLS = 30
IN_COMMIT_SECONDS = 0.1  # so long the answers of MongoDB are held before it dies
ENOUGH_SECONDS = 20.0
BURN_SECONDS = 5.0
SLOW_SECONDS = 600.0
SLOW = Weather(latency_seconds=0.012)  # with one commit a transaction, and five round trips each, some ten a second
WRITERS, WRITES_PER_SECOND = 20, 200
MOST_MEMORY_BYTES = 2**30  # of the broker, who is left with all that is not consumed
LOOK_SECONDS = 5.0
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
    await world.system.leave("projector2")


async def one_four_two(world: World) -> None:
    """And every one of them is restarted in the end, one after another."""
    await world.system.start(*OTHERS)
    await asyncio.sleep(BURN_SECONDS)
    await world.system.leave(*OTHERS[:2])
    await asyncio.sleep(BURN_SECONDS)
    await world.system.restart("projector", OTHERS[2])
    await world.system.leave(OTHERS[2])


async def slow(world: World) -> None:
    """It applies some ten commits a second while two hundred come in; the broker must not burst."""
    settings = world.system.environment_of["projector"]
    settings["BATCH_COMMITS"] = "1"
    await world.system.restart("projector")
    world.links["projector", "mongodb"].weather = SLOW
    over = asyncio.Event()
    writing = [asyncio.create_task(_write(world, over)) for _ in range(WRITERS)]
    try:
        for _ in range(int(SLOW_SECONDS / LOOK_SECONDS)):
            await asyncio.sleep(LOOK_SECONDS)
            if (memory := await world.host.memory_bytes()) > MOST_MEMORY_BYTES:
                raise Misbehaved(f"the broker uses {memory / 2**20:,.0f} MiB")
    finally:
        over.set()
        await asyncio.gather(*writing)
        world.mend()
        del settings["BATCH_COMMITS"]
        await world.system.restart("projector")


async def _write(world: World, over: asyncio.Event) -> None:
    """Like a clerk: a command in every tick, as long as answers come in time."""
    caller, loop = world.load.caller(), asyncio.get_running_loop()
    next_at = loop.time()
    while not over.is_set():
        await caller.command(restock(world.chance.choice(PLENTY), adjust_by=1))
        next_at += WRITERS / WRITES_PER_SECOND
        await asyncio.sleep(next_at - loop.time())


async def _holders(world: World) -> set[str]:
    leases = world.views[LEASES].find({"_id": {"$regex": r"^views/\d+$"}})
    return {lease["holder"] async for lease in leases}
