"""Links that are slow, lossy, silent, cut, or open at one end only. The world mends them."""

import asyncio

from tests.chaos.faults.fault import Strike
from tests.chaos.proxy import Weather
from tests.chaos.world import World

BURN_SECONDS = 10.0
SILENT_SECONDS = 8.0
SLOW = Weather(latency_seconds=0.2)
LOSSY = Weather(loss=0.01)
DRIPPING = Weather(drip_bytes=400, drip_seconds=0.02)


def every_link(weather: Weather) -> Strike:
    async def strike(world: World) -> None:
        for link in world.links.values():
            link.weather = weather
        await asyncio.sleep(BURN_SECONDS)

    return strike


async def every_link_half_open(world: World) -> None:
    """Who holds a connection finds out when it uses it: nothing is mended here."""
    for link in world.links.values():
        link.lose_servers()
    await asyncio.sleep(BURN_SECONDS)


async def every_link_cut(world: World) -> None:
    for _ in range(5):
        for link in world.links.values():
            link.reset()
        await asyncio.sleep(1)


def half_open(client: str, server: str) -> Strike:
    async def strike(world: World) -> None:
        world.links[client, server].lose_servers()
        await asyncio.sleep(BURN_SECONDS)

    return strike


def silent(client: str, server: str) -> Strike:
    """A partition: what was sent meanwhile arrives when it is over."""

    async def strike(world: World) -> None:
        world.links[client, server].hold()
        await asyncio.sleep(SILENT_SECONDS)

    return strike
