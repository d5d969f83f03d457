"""What clients notice of a rebuild: how long a write takes until it is read, quiet and while a view is built anew."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from pymongo.asynchronous.database import AsyncDatabase

from bench.lived_orders import seed
from bench.orders import stock
from bench.pipeline import WriteToRead, measure_write_to_read
from bench.servers import Servers
from bench.system import System, running
from bench.waiting import drained
from common.log import open_log
from common.mongo import open_client
from common.read_models.storage import GENERATIONS, SHOWN
from projector.generations.known import ask_for_another

DATABASE = "bench_rebuilding_live"
SERVICES = ("command", "projector", "query", "gateway")
RATE = 300.0  # orders per second, each read with its token
POLL_SECONDS = 0.1
BUILT_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildingLive:
    """`times` is how often it was built and shown meanwhile; an error is a command or a query that failed."""

    quiet: WriteToRead
    rebuilding: WriteToRead
    times: int

    @property
    def slower(self) -> float:
        return self.rebuilding.latency.p99 / self.quiet.latency.p99


async def measure_rebuilding_live(servers: Servers, folder: Path, *, orders: int, seconds: float) -> RebuildingLive:
    """On a log of so many orders with five commits each; rebuilt again and again for `seconds`."""
    await seed(servers.mongodb_url, f"{DATABASE}_events", orders)
    async with (
        running(SERVICES, servers=servers, database=DATABASE, relay=True, folder=folder) as system,
        open_client(servers.mongodb_url, name="bench") as client,
    ):
        await stock(system)
        await drained(system)
        quiet = await measure_write_to_read(system, RATE, seconds)
        events = await open_log(client[system.environment["EVENTS_DATABASE"]], partitions=8)
        views = client[system.environment["VIEWS_DATABASE"]]
        rebuilding, times = await _while_rebuilding(system, views, events.info.id, seconds)
    return RebuildingLive(quiet=quiet, rebuilding=rebuilding, times=times)


async def _while_rebuilding(
    system: System, views: AsyncDatabase, log_id: str, seconds: float
) -> tuple[WriteToRead, int]:
    load = asyncio.create_task(measure_write_to_read(system, RATE, seconds))
    times = 0
    while not load.done():
        await _rebuilt(views, log_id)
        times += 1
    return await load, times


async def _rebuilt(views: AsyncDatabase, log_id: str) -> None:
    generation = (await ask_for_another(views, log_id, "orders"))["_id"]
    async with asyncio.timeout(BUILT_SECONDS):
        while not await views[GENERATIONS].find_one({"_id": generation, "state": SHOWN}):  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(POLL_SECONDS)
