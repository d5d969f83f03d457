"""When a system is healed: all that was in the log has arrived, and every partition takes a command and shows it."""

import asyncio
import time
from collections.abc import Sequence

import aiohttp
import orjson

from tests.chaos.customer import restock
from tests.chaos.stage import Stage
from tests.support.system import until

HEAL_SECONDS = 60.0
PROBES = range(9001, 9065)  # products that nobody sells; every partition has some of them
GROUPS = ("views", "sagas")
TIMEOUT = aiohttp.ClientTimeout(total=10)


async def seconds_to_heal(world: Stage) -> float | None:
    """Wait; None when it takes more than HEAL_SECONDS."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(HEAL_SECONDS):
            await world.revive()
            await _everything_arrives(world)
            await _commands_come_back(world)
    except TimeoutError:
        return None
    return time.monotonic() - began


async def _everything_arrives(world: Stage) -> None:
    """What is in the log now is published, in the views, and known to the sagas."""
    newest = await world.events["commits"].find_one({}, {"_id": 1}, sort=[("_id", -1)])
    head = newest["_id"] if newest else 0

    async def has_arrived() -> bool:
        return all(reached >= head for reached in await _reached(world))

    await until(has_arrived, seconds=2 * HEAL_SECONDS, what="everything arrives")


async def _reached(world: Stage) -> Sequence[int]:
    try:
        async with world.http.get(f"{world.system.gateway}/cqrs/ops/positions", timeout=TIMEOUT) as answer:
            told = orjson.loads(await answer.read())
        return [told["relay"]["position"], *(told["groups"][group]["position"] for group in GROUPS)]
    except (aiohttp.ClientError, TimeoutError, TypeError, KeyError):  # the side that knows it is down
        return [-1]


async def _commands_come_back(world: Stage) -> None:
    """A command in every partition, and one read with the token of all of them."""
    log = await world.events["settings"].find_one({"_id": "log"})
    assert log is not None
    probe = world.load.caller()
    reached: set[int | None] = set()
    for product_id in PROBES:
        wish = restock(product_id, product_name="Probe", unit_price="1.00", quantity=1)
        reached.add((await probe.insist(wish)).partition)
        if len(reached) == log["partitions"]:
            break

    async def is_shown() -> bool:
        return (await probe.query("inventory")).type == "ok"

    await until(is_shown, seconds=2 * HEAL_SECONDS, what="the commands are shown")
