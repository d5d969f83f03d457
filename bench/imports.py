"""Importing a real-size file of orders through the command line, until the last one is visible in every view."""

import asyncio
import random
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

from bench.meter import Meter, metered
from bench.servers import Servers
from bench.system import ROOT, System
from bench.waiting import drained
from stack.ports import LOOPBACK

ORDERS = 69_659  # as many as in the CDNOW data set, by as many users, over as many days
QUICK_ORDERS = 10_000
USERS = 23_570
FIRST_DAY = date(1997, 1, 1)
DAYS = 546
VISIBLE_SECONDS = 120.0
POLL_SECONDS = 0.2  # adding up the statistics is work for the server that is measured
HEADING = " customer_id  date number_of_cds  dollar_value\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Counted from the start of the command to the last order visible."""

    orders: int
    per_second: float
    seconds: float
    command_seconds: float  # of these, until the command itself ended
    meter: Meter


async def measure_import(system: System, servers: Servers, folder: Path, orders: int) -> Import:
    """Import generated purchases; RuntimeError when not every one counts in the statistics afterwards."""
    file = folder / "purchases.txt"
    await asyncio.to_thread(write_purchases, file, orders)
    before = await _total_orders(system)
    async with metered(servers.pids | system.pids) as meter:
        started = perf_counter()
        await _import(system, file)
        command_seconds = perf_counter() - started
        await _counted(system, before + orders)
        seconds = perf_counter() - started
    await drained(system)
    if (counted := await _total_orders(system) - before) != orders:
        raise RuntimeError(f"{orders} orders were imported, the statistics count {counted}")
    return Import(
        orders=orders,
        per_second=orders / seconds,
        seconds=seconds,
        command_seconds=command_seconds,
        meter=meter,
    )


def write_purchases(file: Path, orders: int) -> None:
    """Made-up purchases in the CDNOW format, the same every time: customer, day, pieces, dollars."""
    dice = random.Random(1997)
    with file.open("w", encoding="ascii", newline="") as lines:
        lines.write(HEADING)
        for user_id in sorted(dice.randint(1, USERS) for _ in range(orders)):
            day = FIRST_DAY + timedelta(days=dice.randrange(DAYS))
            pieces = min(99, 1 + int(dice.expovariate(0.7)))
            cents = pieces * dice.randint(600, 1900)
            lines.write(f" {user_id:05d} {day:%Y%m%d} {pieces:2d} {cents // 100:4d}.{cents % 100:02d}\r\n")


async def _import(system: System, file: Path) -> None:
    gateway = f"http://{LOOPBACK}:{system.ports['gateway']}/cqrs"
    command = ("-m", "cli", "import", "orders", str(file), "--source", "bench", "--gateway", gateway)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        env=system.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the import ended with {process.returncode}: {output.decode(errors='replace')[-500:]}")


async def _counted(system: System, orders: int) -> None:
    """Wait until the statistics, and with them every view, know this many orders."""
    async with asyncio.timeout(VISIBLE_SECONDS):
        while True:
            if await _total_orders(system) >= orders:
                return
            await asyncio.sleep(POLL_SECONDS)


async def _total_orders(system: System) -> int:
    return (await system.get("query", "/queries/statistics/orders"))["total_orders"]
