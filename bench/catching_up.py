"""How fast one and more projectors bring the views level with a log that is ahead of them."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pymongo import AsyncMongoClient

from bench.alone import alone
from bench.http_client import post_requests
from bench.load import Load, offer
from bench.orders import CLIENTS, ORDERS_PATH, order_bodies, stock
from bench.servers import Servers
from bench.system import System, running
from bench.waiting import drained
from common.read_models.storage import CHECKPOINTS

DATABASE = "bench_catching_up"
PROJECTORS = ("projector", "projector-2", "projector-3", "projector-4")
COUNTS = (1, 2, 4)
POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchingUp:
    """Commits per second, from the first transaction to the last."""

    projectors: int
    per_second: float


async def measure_catching_up(servers: Servers, folder: Path, seconds: float) -> tuple[CatchingUp, ...]:
    """The backlog is what one command service writes in `seconds`; without RabbitMQ's help: it is read from the log."""
    names = ("command", "query", "gateway")
    async with running(names, servers=servers, database=DATABASE, relay=False, folder=folder) as system:
        await stock(system)
        await alone(offer, _load(system.ports["command"], seconds))
        return tuple([await _measure(servers, system, projectors) for projectors in COUNTS])


async def _measure(servers: Servers, system: System, projectors: int) -> CatchingUp:
    async with AsyncMongoClient(servers.mongodb_url) as client:
        views = client[system.environment["VIEWS_DATABASE"]]
        await client.drop_database(views)
        starting = asyncio.gather(*(system.start(name) for name in PROJECTORS[:projectors]))
        while not await views[CHECKPOINTS].find_one({"position": {"$gt": 0}}):  # noqa: ASYNC110 - other processes make it so
            await asyncio.sleep(POLL_SECONDS)
    started = perf_counter()
    await starting
    await drained(system)
    took = perf_counter() - started
    head = (await system.positions())["head"]
    for name in PROJECTORS[:projectors]:
        await system.end(name)
    return CatchingUp(projectors=projectors, per_second=head / took)


def _load(port: int, seconds: float) -> Load:
    return Load(
        port=port, requests=post_requests(port, ORDERS_PATH, order_bodies()), seconds=seconds, connections=CLIENTS
    )
