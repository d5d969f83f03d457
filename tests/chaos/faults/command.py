"""The command service dies, freezes, or is restarted."""

import asyncio
import signal

from tests.chaos.proxy import Way
from tests.chaos.world import World

MOMENT_SECONDS = 0.4  # so long an answer is held until the service that waits for it is killed
FROZEN_SECONDS = 6.0  # longer than its lease and every deadline

MOMENTS = {
    "before the insert": ("command", "mongodb", Way.THERE),
    "the insert done, unknown": ("command", "mongodb", Way.BACK),
    "the answer on its way": ("gateway", "command", Way.BACK),
}


async def killed_at_every_moment(world: World) -> None:
    """What is held when the service dies never arrives."""
    await _kill_and_start(world)
    for client, server, way in MOMENTS.values():
        link = world.links[client, server]
        link.hold(way)
        await asyncio.sleep(MOMENT_SECONDS)
        await world.system.kill("command")
        link.reset()
        link.release()
        await world.system.start("command")


async def killed_again_and_again(world: World) -> None:
    for _ in range(8):
        await _kill_and_start(world)
        await asyncio.sleep(world.chance.uniform(0.1, 1.5))


async def frozen(world: World) -> None:
    """The relay in it loses its lease and wakes up beside another one."""
    world.system.signal("command", signal.SIGSTOP)
    await asyncio.sleep(FROZEN_SECONDS)
    world.system.signal("command", signal.SIGCONT)


async def _kill_and_start(world: World) -> None:
    await world.system.kill("command")
    await world.system.start("command")
