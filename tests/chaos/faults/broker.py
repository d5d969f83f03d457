"""RabbitMQ dies, forgets, loses what was declared, is alarmed, or has no room."""

import asyncio

from tests.chaos.disks import full
from tests.chaos.faults.fault import Misbehaved
from tests.chaos.world import World
from tests.support.broker import rabbitmqctl

DOWN_SECONDS = 4.0
BURN_SECONDS = 6.0
ALARM_SECONDS = 60.0
FULL_SECONDS = 8.0
NORMAL_MEMORY, NORMAL_DISK = "0.4", "50MB"


async def killed(world: World) -> None:
    await world.rabbitmq.kill()
    await asyncio.sleep(DOWN_SECONDS)
    await _begin(world)


async def wiped(world: World) -> None:
    """A new, empty broker under the old address."""
    await world.rabbitmq.kill()
    world.rabbitmq.wipe()
    await asyncio.sleep(DOWN_SECONDS)
    await _begin(world)


async def queue_deleted(world: World) -> None:
    await world.host.delete_queue("views.p0")
    await world.host.delete_queue("sagas.p1")
    await asyncio.sleep(BURN_SECONDS)


async def binding_deleted(world: World) -> None:
    """The queues are there and stay empty."""
    for partition in (0, 1):
        await world.host.unbind(f"views.p{partition}", f"p{partition}.#")
        await world.host.unbind(f"sagas.p{partition}", f"p{partition}.#")
    await asyncio.sleep(BURN_SECONDS)


async def exchange_deleted(world: World) -> None:
    await world.host.delete_exchange()
    await asyncio.sleep(BURN_SECONDS)


async def connections_closed(world: World) -> None:
    for _ in range(3):
        await rabbitmqctl(world.rabbitmq, "close_all_connections", "chaos")
        await asyncio.sleep(2)


async def out_of_memory(world: World) -> None:
    """An alarm: whoever publishes is no longer read."""
    await rabbitmqctl(world.rabbitmq, "set_vm_memory_high_watermark", "absolute", "1MB")
    await _alarmed(world)
    await rabbitmqctl(world.rabbitmq, "set_vm_memory_high_watermark", NORMAL_MEMORY)


async def short_of_disk(world: World) -> None:
    await rabbitmqctl(world.rabbitmq, "set_disk_free_limit", "100000GB")
    await _alarmed(world)
    await rabbitmqctl(world.rabbitmq, "set_disk_free_limit", NORMAL_DISK)


async def out_of_space(world: World) -> None:
    """It may die of it; then it is started again when there is room."""
    with full(world.rabbitmq.data):
        await asyncio.sleep(FULL_SECONDS)
    if world.rabbitmq.pid is None:
        await _begin(world)


async def _alarmed(world: World) -> None:
    """Commands must still be accepted."""
    seen = len(world.diary.records)
    await asyncio.sleep(ALARM_SECONDS)
    commands = [record for record in world.diary.records[seen:] if not record.is_query]
    if not commands or any(record.type == "info" for record in commands):
        raise Misbehaved("commands were not accepted while the broker was alarmed")


async def _begin(world: World) -> None:
    await world.rabbitmq.start()
    await world.rabbitmq.wait_ready()
