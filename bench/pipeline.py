"""The whole way from a command to the views: the rate that can be sustained, and how long one order takes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.alone import alone
from bench.http_client import post_requests
from bench.load import Load, Outcome, Reads, offer
from bench.meter import Meter, metered
from bench.numbers import Figure, Latency, latency
from bench.orders import ORDERS_PATH, USERS, order_bodies
from bench.read_back import missing_orders
from bench.servers import Servers
from bench.system import System
from bench.waiting import drained

LAG_P99_MS = 500.0  # the lag counts as bounded below this,
GROWTH_MS = 100.0  # and while it grows by less than this: a short trial ends before a growing lag is long
SAMPLES_PER_SECOND = 10.0  # acknowledged orders that are followed into the views
NUMBERS_OF_CLIENTS = (32, 64, 128, 192, 256)  # few leave the batches small, many leave the views behind
WARM_UP_SECONDS = 2.0
OPEN_CONNECTIONS = 256
READ_BACK_USERS_FROM = 1_000_001  # users of the long run only, so that their pages stay short
RATES = (100.0, 200.0, 500.0, 1_000.0, 1_500.0)  # commands per second at which one order is followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """So many clients for some seconds."""

    clients: int  # each sends its next command when the last one is answered
    seconds: float
    answered: Figure
    lag: Latency  # from the command's answer until the order is in the view
    lag_growth_ms: float  # median of the last third of the samples minus that of the first
    errors: dict[str, int]

    @property
    def is_bounded(self) -> bool:
        is_level = self.lag_growth_ms < GROWTH_MS and self.lag.p99 < LAG_P99_MS
        return is_level and self.lag.count > 0 and not self.errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """The long run, and the trials before it."""

    per_second: float
    is_bounded: bool
    trial: Trial
    search: tuple[Trial, ...]
    acknowledged: int
    missing: int  # acknowledged orders that could not be read back
    meter: Meter


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteToRead:
    """From the moment a POST is due to the GET with its token being answered 200."""

    offered: float
    latency: Latency
    errors: dict[str, int]


async def measure_sustained(system: System, servers: Servers, *, search_seconds: float, seconds: float) -> Sustained:
    """Take as many clients as are served fastest with a bounded lag, for `seconds`; read every order back."""
    search = [(await _try(system, clients, search_seconds))[0] for clients in NUMBERS_OF_CLIENTS]
    by_rate = _by_rate(search)
    for clients in by_rate:
        async with metered(servers.pids | system.pids) as meter:
            trial, outcome = await _try(system, clients, seconds, first_user_id=READ_BACK_USERS_FROM, keep_acks=True)
        if trial.is_bounded or clients == by_rate[-1]:
            break
        search.append(trial)
    expected = [order_id for order_id, _ in outcome.acks]
    users = range(READ_BACK_USERS_FROM, READ_BACK_USERS_FROM + USERS)
    missing = await alone(missing_orders, system.ports["query"], users, expected)
    return Sustained(
        per_second=trial.answered.per_second,
        is_bounded=trial.is_bounded,
        trial=trial,
        search=tuple(search),
        acknowledged=len(expected),
        missing=missing,
        meter=meter,
    )


async def measure_write_to_read(system: System, rate: float, seconds: float) -> WriteToRead:
    """Every order is read as soon as it is acknowledged, at a fixed rate."""
    load = _load(system, seconds, rate=rate, reads_per_second=None)
    outcome = await alone(offer, load)
    await drained(system)
    return WriteToRead(offered=rate, latency=outcome.write_to_read.latency(), errors=outcome.errors_by_kind)


def _by_rate(search: Sequence[Trial]) -> list[int]:
    """The numbers of clients whose lag was bounded, the fastest first; the fewest when it never was."""
    bounded = sorted((trial for trial in search if trial.is_bounded), key=lambda trial: -trial.answered.per_second)
    return [trial.clients for trial in bounded] or [min(NUMBERS_OF_CLIENTS)]


async def _try(
    system: System, clients: int, seconds: float, *, first_user_id: int = 1, keep_acks: bool = False
) -> tuple[Trial, Outcome]:
    load = replace(
        _load(system, seconds, rate=None, reads_per_second=SAMPLES_PER_SECOND, first_user_id=first_user_id),
        connections=clients,
        keep_acks=keep_acks,
    )
    outcome = await alone(offer, load)
    await drained(system)
    trial = Trial(
        clients=clients,
        seconds=seconds,
        answered=outcome.figure(),
        lag=latency(outcome.ack_to_read),
        lag_growth_ms=growth_ms(outcome.ack_to_read),
        errors=outcome.errors_by_kind,
    )
    return trial, outcome


def _load(
    system: System, seconds: float, *, rate: float | None, reads_per_second: float | None, first_user_id: int = 1
) -> Load:
    return Load(
        port=system.ports["command"],
        requests=post_requests(system.ports["command"], ORDERS_PATH, order_bodies(first_user_id)),
        seconds=seconds,
        warm_up_seconds=WARM_UP_SECONDS,
        connections=OPEN_CONNECTIONS,
        rate=rate,
        reads=Reads(port=system.ports["query"], per_second=reads_per_second),
    )


def growth_ms(seconds: Sequence[float]) -> float:
    """How much longer the last third of these durations took than the first, by their medians, in milliseconds."""
    third = len(seconds) // 3
    if not third:
        return 0.0
    return 1000 * (statistics.median(seconds[-third:]) - statistics.median(seconds[:third]))
