"""Memory of every process over a long time at half of what the system can do."""

import asyncio
import statistics
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.alone import alone
from bench.fulfilment import MANY_PRODUCTS, bodies_for, fulfilled, stock_products
from bench.http_client import post_requests
from bench.load import Load, Reads, offer
from bench.meter import memory_mib
from bench.servers import Servers
from bench.system import System, running

DATABASE = "bench_memory"
NAMES = ("command", "projector", "saga", "query", "gateway")
SAMPLES = 120
EARLY = 10  # samples: the end of the fifth minute of an hour
AROUND = 3  # samples that are averaged, so that one collection of garbage is no trend
CAPACITY_SECONDS = 10.0  # of full load, to know what half of it is
SHARE = 0.25  # of the orders; each costs as much again when nobody pays and it is cancelled: half of the load
ORDERS_PATH, QUERY_PATH = "/cqrs/commands/orders", "/cqrs/queries/orders/"
READS_PER_SECOND = 10.0
UNPAID = {"PAYMENT_SECONDS": "60"}  # after that they end, so that what is open stays the same from minute 2 on


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident MiB of each process, SAMPLES times in equal steps."""

    minutes: float
    orders_per_second: float  # offered, through the gateway
    errors: dict[str, int]
    samples: dict[str, tuple[float, ...]]

    def ratio(self, name: str) -> float:
        return at_end(self.samples[name]) / early(self.samples[name])


def early(samples: tuple[float, ...]) -> float:
    return statistics.mean(samples[EARLY - AROUND : EARLY])


def at_end(samples: tuple[float, ...]) -> float:
    return statistics.mean(samples[-AROUND:])


async def measure_memory(servers: Servers, folder: Path, minutes: float) -> Memory:
    """Orders at a fixed rate, fulfilled as far as their payment; a few of them are read.

    RuntimeError when a process has no memory to tell of: it ended, or this is no Linux.
    """
    async with running((), servers=servers, database=DATABASE, relay=True, folder=folder) as system:
        system.environment |= UNPAID
        for name in NAMES:
            await system.start(name)
        await stock_products(system)
        capacity = await fulfilled(system, CAPACITY_SECONDS, MANY_PRODUCTS)
        load = _load(system, capacity.per_second * SHARE, 60 * minutes)
        offering = asyncio.create_task(alone(offer, load))
        samples = await _sampled(servers.pids | system.pids, 60 * minutes)
        outcome = await offering
    if gone := [name for name, each in samples.items() if not all(each)]:
        raise RuntimeError(f"no memory was seen of {', '.join(gone)}")
    return Memory(minutes=minutes, orders_per_second=load.rate or 0.0, errors=outcome.errors_by_kind, samples=samples)


def _load(system: System, rate: float, seconds: float) -> Load:
    port = system.ports["gateway"]
    return Load(
        port=port,
        requests=post_requests(port, ORDERS_PATH, bodies_for(MANY_PRODUCTS)),
        seconds=seconds,
        rate=rate,
        reads=Reads(port=port, path=QUERY_PATH, per_second=READS_PER_SECOND),
    )


async def _sampled(pids: dict[str, int], seconds: float) -> dict[str, tuple[float, ...]]:
    samples: dict[str, list[float]] = {name: [] for name in pids}
    started = perf_counter()
    for number in range(1, SAMPLES + 1):
        await asyncio.sleep(max(0.0, started + number * seconds / SAMPLES - perf_counter()))
        for name, pid in pids.items():
            samples[name].append(memory_mib(pid))
    return {name: tuple(each) for name, each in samples.items()}
