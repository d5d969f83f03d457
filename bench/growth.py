"""What a long log costs: commands and queries with few commits in it, and with very many."""

import random
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from bench.alone import alone
from bench.http_client import get_request, post_requests
from bench.load import Load, offer
from bench.numbers import Latency
from bench.orders import CLIENTS, ORDERS_PATH, order_bodies, stock
from bench.seeding import ORDERS_PER_USER, order_id_at, seed
from bench.servers import Servers
from bench.system import System, running
from bench.waiting import drained

DATABASE = "bench_growth"
NAMES = ("command", "projector", "query", "gateway")
FEW = 10_000  # commits
FIRST_SEEDED = 3  # position; before it stand the two commits of the stock
VIEWS_SECONDS = 6 * 3600.0
QUERIES_PER_SECOND = 50.0
QUERIES = 4_000  # different ones: one order and one user's orders in turn
WARM_UP_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What was measured in one go; the queries come at a fixed rate."""

    commands_per_second: float
    queries: Latency


@dataclass(slots=True, kw_only=True)
class Grown:
    """A log of this many commits, the time it took to make it and its views, and each turn with it."""

    commits: int
    seed_seconds: float
    views_seconds: float
    turns: list[Turn] = field(default_factory=list)

    @property
    def commands_per_second(self) -> float:
        return statistics.mean(turn.commands_per_second for turn in self.turns)

    @property
    def query_p99(self) -> float:
        """Milliseconds."""
        return statistics.mean(turn.queries.p99 for turn in self.turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    few: Grown
    many: Grown

    @property
    def commands_ratio(self) -> float:
        return self.many.commands_per_second / self.few.commands_per_second

    @property
    def query_ratio(self) -> float:
        """How quick a query is with many commits, as a part of how quick it is with few."""
        return self.few.query_p99 / self.many.query_p99


async def measure_growth(
    servers: Servers, folder: Path, commits: int, seconds: float, tell: Callable[[str], None]
) -> Growth:
    """`seconds` for each turn: few, many, many, few. Without a broker: it would have to carry every seeded order."""
    servers = replace(servers, amqp_url="")
    async with (
        _grown(servers, folder, FEW, tell) as (few, few_system),
        _grown(servers, folder, commits, tell) as (many, system),
    ):
        for grown, its_system in ((few, few_system), (many, system), (many, system), (few, few_system)):
            grown.turns.append(await _turn(its_system, grown.commits, seconds))
            tell(f"a turn with {grown.commits:,} commits: {grown.turns[-1].commands_per_second:,.0f} commands/s")
    return Growth(few=few, many=many)


@asynccontextmanager
async def _grown(
    servers: Servers, folder: Path, commits: int, tell: Callable[[str], None]
) -> AsyncIterator[tuple[Grown, System]]:
    """A system whose log has so many orders, all of them in its views."""
    database = f"{DATABASE}_{commits}"
    async with running(NAMES[:1], servers=servers, database=database, relay=False, folder=folder) as system:
        await stock(system)
        await system.stop()
        started = perf_counter()
        await seed(servers.mongodb_url, system.environment["EVENTS_DATABASE"], FIRST_SEEDED, commits)
        seed_seconds = perf_counter() - started
        tell(f"{commits:,} commits written in {seed_seconds:,.0f} s")
        for name in NAMES:
            await system.start(name)
        views_seconds = await drained(system, VIEWS_SECONDS)
        tell(f"all of them in the views {views_seconds:,.0f} s later")
        yield Grown(commits=commits, seed_seconds=seed_seconds, views_seconds=views_seconds), system


async def _turn(system: System, commits: int, seconds: float) -> Turn:
    ports = system.ports
    commands = Load(
        port=ports["command"],
        requests=post_requests(ports["command"], ORDERS_PATH, order_bodies()),
        seconds=seconds,
        warm_up_seconds=WARM_UP_SECONDS,
        connections=CLIENTS,
    )
    accepted = (await alone(offer, commands)).sound()
    await drained(system)
    queries = Load(
        port=ports["query"],
        requests=_queries(ports["query"], commits),
        seconds=seconds,
        warm_up_seconds=WARM_UP_SECONDS,
        connections=CLIENTS,
        rate=QUERIES_PER_SECOND,
    )
    answered = (await alone(offer, queries)).sound()
    return Turn(commands_per_second=accepted.rate, queries=answered.latencies.latency())


def _queries(port: int, commits: int) -> tuple[bytes, ...]:
    """Single orders and users' lists in turn, from anywhere in the log."""
    dice = random.Random(commits)
    paths: list[str] = []
    for position in (dice.randrange(FIRST_SEEDED, FIRST_SEEDED + commits) for _ in range(QUERIES // 2)):
        user_id = position // ORDERS_PER_USER + 1
        paths += (f"/queries/orders/{order_id_at(position)}", f"/queries/users/{user_id}/orders")
    return tuple(get_request(port, path) for path in paths)
