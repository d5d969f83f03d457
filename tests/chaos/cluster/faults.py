"""What strikes the clusters, in one table."""

import asyncio

from tests.chaos.cluster.mongodb import MEMBERS
from tests.chaos.cluster.rabbitmq import NODES
from tests.chaos.cluster.world import PROJECTORS, ClusterWorld
from tests.chaos.faults.fault import Fault, Misbehaved
from tests.support.system import until

BURN_SECONDS = 5.0
FROZEN_SECONDS = CUT_SECONDS = 30.0
ENOUGH_SECONDS = 60.0
ANOTHER_PROJECTOR = "projector4"


async def primary_killed(world: ClusterWorld) -> None:
    primary = await world.mongodb.primary()
    await world.mongodb.kill(primary)
    await world.mongodb.primary(other_than=primary)
    await asyncio.sleep(BURN_SECONDS)
    await world.mongodb.start(primary)


async def primary_steps_down(world: ClusterWorld) -> None:
    primary = await world.mongodb.primary()
    await world.mongodb.step_down(primary)
    await world.mongodb.primary(other_than=primary)


async def primary_frozen(world: ClusterWorld) -> None:
    """It wakes up as a primary, in a set that has another one."""
    primary = await world.mongodb.primary()
    world.mongodb.freeze(primary)
    await asyncio.sleep(FROZEN_SECONDS)
    world.mongodb.thaw(primary)
    await world.mongodb.primary(other_than=primary)


async def primary_cut_off(world: ClusterWorld) -> None:
    """Clients still reach it, and it takes itself for the primary until it has missed the others for long."""
    primary = await world.mongodb.primary()
    world.mongodb.cut_off(primary)
    await world.mongodb.primary(other_than=primary)
    await asyncio.sleep(BURN_SECONDS)
    world.mongodb.mend()


async def mongods_restarted(world: ClusterWorld) -> None:
    for number in range(MEMBERS):
        await world.mongodb.kill(number)
        await world.mongodb.start(number)


async def one_four_two_projectors(world: ClusterWorld) -> None:
    await world.system.leave(*PROJECTORS[1:])
    await asyncio.sleep(BURN_SECONDS)
    await world.system.start(*PROJECTORS[1:], ANOTHER_PROJECTOR)
    await asyncio.sleep(BURN_SECONDS)
    await world.system.leave(PROJECTORS[2], ANOTHER_PROJECTOR)
    await asyncio.sleep(BURN_SECONDS)
    await world.system.restart(*PROJECTORS[:2])
    await world.system.start(PROJECTORS[2])


async def leaders_killed(world: ClusterWorld) -> None:
    """Of every queue, one node after another."""
    for node in sorted(set((await world.rabbitmq.leaders()).values())):
        await world.rabbitmq.kill(node)
        await _have_leaders_beside(world, node)
        await asyncio.sleep(BURN_SECONDS)
        await world.rabbitmq.start(node)


async def node_cut_off(world: ClusterWorld) -> None:
    """The minority pauses, and comes back by itself."""
    node = world.chance.randrange(len(NODES))
    await world.rabbitmq.cut_off(node)
    try:
        await asyncio.sleep(CUT_SECONDS)
    finally:
        await world.rabbitmq.join(node)
    await world.rabbitmq.whole()


async def nodes_restarted(world: ClusterWorld) -> None:
    for node in range(len(NODES)):
        await world.rabbitmq.stop(node)
        await world.rabbitmq.start(node)


async def services_restarted(world: ClusterWorld) -> None:
    """One after another: no command may fail but by a connection that the gateway closes.

    A query may have to wait for the next holder of a partition, and be told so (Q1).
    """
    seen = len(world.diary.records)
    await world.system.restart(*world.system.running)
    failed = [r for r in world.diary.records[seen:] if not r.is_query and (r.status or 0) >= 500]
    if failed:
        raise Misbehaved(f"{len(failed)} commands failed, the first: {failed[0].status} {failed[0].body}")


async def _have_leaders_beside(world: ClusterWorld, node: int) -> None:
    async def have() -> bool:
        leaders = await world.rabbitmq.leaders()
        return bool(leaders) and node not in leaders.values()

    await until(have, seconds=ENOUGH_SECONDS, what="every queue has a new leader")


FAULTS = (
    Fault("F2", "primary killed", primary_killed),
    Fault("F2", "primary steps down", primary_steps_down),
    Fault("F2", "primary frozen for 30 s", primary_frozen),
    Fault("F2", "every mongod killed in turn", mongods_restarted),
    Fault("F4", "primary cut off from the others", primary_cut_off),
    Fault("F16", "1, 4, 2 projectors", one_four_two_projectors),
    Fault("F22", "every queue's leader killed", leaders_killed),
    Fault("F22", "a node cut off for 30 s", node_cut_off),
    Fault("F22", "nodes restarted in turn", nodes_restarted),
    Fault("F27", "services restarted in turn", services_restarted),
)
