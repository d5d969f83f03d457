"""The payment provider at its worst, a rolling restart, and clocks that are wrong."""

import asyncio
import os
from pathlib import Path

from tests.chaos.faults.fault import Impossible, Strike
from tests.chaos.proxy import Way
from tests.chaos.world import World
from tests.support.system import SERVICES

LATE_SECONDS = 8.0  # longer than a saga waits for an answer
BURN_SECONDS = 6.0
LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")
WITH_CLOCKS = ("command", "saga", "projector", "query")


async def provider_late_gone_and_killed(world: World) -> None:
    """Customers pay with every card meanwhile: declined, slow, flaky, silent ones."""
    link = world.links["saga", "payments"]
    link.hold(Way.BACK)
    await asyncio.sleep(LATE_SECONDS)
    link.release()
    await link.refuse()
    await asyncio.sleep(BURN_SECONDS)
    await link.accept()
    await world.system.kill("payments")
    await world.system.start("payments")


async def rolling_restart(world: World) -> None:
    await world.system.restart(*SERVICES)


async def sagas_killed(world: World) -> None:
    for _ in range(6):
        await world.system.kill("saga")
        await world.system.start("saga")


def clocks_at(fake: str) -> Strike:
    """`fake` is what libfaketime understands: `+1h`, `@2038-01-20 00:00:00`."""

    async def strike(world: World) -> None:
        clock = {"LD_PRELOAD": _library(), "FAKETIME": fake, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        await _restart_with(world, clock)
        await asyncio.sleep(BURN_SECONDS)
        await _restart_with(world, dict.fromkeys(clock, ""))

    return strike


def _library() -> str:
    named = os.environ.get("LIBFAKETIME", "")
    for path in (named, *LIBRARIES):
        if path and Path(path).exists():
            return path
    raise Impossible("libfaketime is not installed (apt-get install libfaketime, or name it in LIBFAKETIME)")


async def _restart_with(world: World, environment: dict[str, str]) -> None:
    for name in WITH_CLOCKS:
        world.system.environment_of.setdefault(name, {}).update(environment)
        await world.system.restart(name)
