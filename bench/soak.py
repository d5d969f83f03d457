"""A log of millions of events: the orders view built from it twice, compared, and every document of it verified."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from bench.alone import alone
from bench.lived_orders import EVENTS
from bench.rebuilding import EVENTS_DATABASE, VIEWS_DATABASE, Rebuilding, build, lived_log
from bench.servers import Servers
from common.mongo import open_client
from common.read_models.orders import ORDERS
from projector.verification.full import FullVerification

KIB_PER_MIB = 1024
TIMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What `cqrs projections verify orders --full` does, in a process of its own."""

    documents: int
    sums: int
    differences: int
    is_identical: bool
    seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """Every build but the first was compared with the one before."""

    events: int
    seed_seconds: float
    builds: tuple[Rebuilding, ...]
    verified: Verified

    @property
    def is_identical(self) -> bool:
        return self.verified.is_identical and all(built.is_identical for built in self.builds[1:])


async def measure_soak(servers: Servers, events: int, tell: Callable[[str], None]) -> Soak:
    """`events` is rounded down to whole thousands of orders."""
    orders = events // (EVENTS * 1000) * 1000
    started, builds = perf_counter(), list[Rebuilding]()
    async with lived_log(servers, orders) as lived:
        seed_seconds = perf_counter() - started
        for number in range(TIMES):
            tell(f"{lived.events:,} events are written; build {number + 1} of {TIMES}")
            builds.append(await build(servers, lived, is_first=not number))
        tell("every document and every sum is verified")
        verified = await alone(_verify, servers.mongodb_url)
    return Soak(events=orders * EVENTS, seed_seconds=seed_seconds, builds=tuple(builds), verified=verified)


async def _verify(mongodb_url: str) -> Verified:
    started = perf_counter()
    async with open_client(mongodb_url, name="verifying") as client:
        verdict = await FullVerification(client[EVENTS_DATABASE], client[VIEWS_DATABASE], ORDERS).run()
    return Verified(
        documents=verdict.documents,
        sums=verdict.sums,
        differences=verdict.differences,
        is_identical=verdict.is_identical,
        seconds=perf_counter() - started,
        peak_mib=_peak_mib(),
    )


def _peak_mib() -> float:
    """Of this process; the unit is the system's (getrusage(2))."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / KIB_PER_MIB if sys.platform == "linux" else peak / KIB_PER_MIB**2
