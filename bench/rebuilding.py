"""How fast a generation of the orders view is built from the log by one process, and what memory that takes."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from bench.alone import alone_in_threads
from bench.lived_orders import EVENTS, seed
from bench.meter import memory_mib
from bench.rebuilding_bare import Bare, measure_bare
from bench.servers import Servers
from common.generations import read_or_make_shown
from common.log import open_log
from common.mongo import open_client
from common.read_models.storage import CHECKPOINTS, GENERATIONS, checkpoint_id
from projector.generations.known import FOLLOWING, GROUP, UNDER_WAY, ask_for_another

EVENTS_DATABASE = "bench_rebuilding_events"
VIEWS_DATABASE = "bench_rebuilding_views"
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """`per_second` until every document and sum is written; `with_indexes` until queries could be shown it.

    `compared_seconds` is how long it then took to compare it with what was shown; None where that was nothing.
    """

    events: int
    documents: int
    per_second: float
    with_indexes: float
    peak_mib: float
    compared_seconds: float | None
    is_identical: bool | None


@dataclass(frozen=True, slots=True)
class Lived:
    """A log whose orders have lived, and views that stand at its head with nothing in them yet."""

    log_id: str
    events: int
    views: AsyncDatabase


async def measure_rebuilding(servers: Servers, orders: int, times: int = 1) -> tuple[Bare, tuple[Rebuilding, ...]]:
    """Every time but the first is compared with the one before; what cannot be passed is measured on the same log."""
    async with lived_log(servers, orders) as lived:
        bare = await alone_in_threads(measure_bare, servers.mongodb_url, EVENTS_DATABASE)
        return bare, tuple([await build(servers, lived, is_first=not number) for number in range(times)])


@asynccontextmanager
async def lived_log(servers: Servers, orders: int) -> AsyncIterator[Lived]:
    """`orders` is a multiple of a thousand; all is dropped in the end."""
    await seed(servers.mongodb_url, EVENTS_DATABASE, orders)
    async with open_client(servers.mongodb_url, name="bench") as client:
        log = await open_log(client[EVENTS_DATABASE], partitions=8)
        views = client[VIEWS_DATABASE]
        await _stand_at_the_head(views, await log.last_positions(orders * EVENTS) or {}, log)
        try:
            yield Lived(log.info.id, orders * EVENTS, views)
        finally:
            for name in (EVENTS_DATABASE, VIEWS_DATABASE):
                await client.drop_database(name)


async def _stand_at_the_head(views: AsyncDatabase, positions: dict[int, int], log: Any) -> None:
    """As if a projector had brought the views there: a generation is built up to where they stand."""
    await read_or_make_shown(views)
    for partition, position in positions.items():
        commit = await log.at(position)
        stand = {"_id": checkpoint_id(GROUP, partition), "group": GROUP, "partition": partition, "partitions": 8}
        stand |= {"position": position, "command_id": commit and commit.command_id, "rev": 0}
        await views[CHECKPOINTS].insert_one(stand)


async def build(servers: Servers, lived: Lived, *, is_first: bool) -> Rebuilding:
    """Have another generation of the orders view built and shown, by a builder as the projector starts it."""
    views = lived.views
    generation = (await ask_for_another(views, lived.log_id, "orders"))["_id"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "projector.generations.builder", generation),
        env={**os.environ, **_environment(servers)},
        stdin=asyncio.subprocess.PIPE,
    )
    started, built_at, peak = perf_counter(), 0.0, 0.0
    while process.returncode is None:
        peak = max(peak, memory_mib(process.pid) or 0.0)
        found = await views[GENERATIONS].find_one({"_id": generation}) or {}
        if not built_at and found.get("state") not in (*UNDER_WAY[:2], None):
            built_at = perf_counter() if found["state"] == FOLLOWING else built_at or perf_counter()
        await asyncio.sleep(POLL_SECONDS)
    ended = perf_counter()
    found = await views[GENERATIONS].find_one({"_id": generation}) or {}
    if process.returncode or found.get("state") != "shown":
        raise RuntimeError(f"the builder ended with {process.returncode}, {found.get('state')}")
    return Rebuilding(
        events=found["events"],
        documents=found["documents"],
        per_second=found["events"] / found["seconds"],
        with_indexes=found["events"] / (built_at - started),
        peak_mib=peak,
        compared_seconds=None if is_first else ended - built_at,
        is_identical=None if is_first else found["difference"]["is_none"],
    )


def _environment(servers: Servers) -> dict[str, str]:
    return {
        "EVENTS_MONGODB_URL": servers.mongodb_url,
        "VIEWS_MONGODB_URL": servers.mongodb_url,
        "EVENTS_DATABASE": EVENTS_DATABASE,
        "VIEWS_DATABASE": VIEWS_DATABASE,
        "LOG_LEVEL": "warning",
    }
