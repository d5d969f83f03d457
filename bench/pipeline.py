"""The whole way from a command to the views: the rate that can be sustained, and how long one order takes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.alone import alone
from bench.http_client import post_requests
from bench.load import Load, Outcome, Reads, offer
from bench.meter import Meter, metered
from bench.numbers import Figure, Latency, latency
from bench.orders import CLIENTS, ORDERS_PATH, USERS, order_bodies
from bench.read_back import missing_orders
from bench.servers import Servers
from bench.system import System
from bench.waiting import drained

LAG_P99_MS = 500.0  # the lag counts as bounded below this,
GROWTH_MS = 100.0  # and while it grows by less than this: a short trial ends before a growing lag is long
KEPT_UP = 0.97  # an open loop answered below this share of its rate was too fast for the command service
SAMPLES_PER_SECOND = 40.0  # acknowledged orders that are followed into the views
SEARCH_TRIALS = 6
CLOSE_ENOUGH = 0.94  # the search ends when the highest good rate is this near to the lowest bad one
STEP_DOWN = 0.95  # of what was digested is tried after a rate that was too fast
STEP_UP = 1.12
LONG_TRIALS = 4
WARM_UP_SECONDS = 2.0
OPEN_CONNECTIONS = 256
READ_BACK_USERS_FROM = 1_000_001  # users of the long run only, so that their pages stay short
RATES = (100.0, 200.0, 500.0, 1_000.0, 1_500.0)  # commands per second at which one order is followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One rate offered for some seconds."""

    offered: float | None  # commands per second; None: closed loop
    seconds: float
    answered: Figure
    lag: Latency  # from the command's answer until the order is in the view
    lag_growth_ms: float  # median of the last third of the samples minus that of the first
    errors: dict[str, int]

    @property
    def digested(self) -> float:
        """Commands per second that the views made of it; under overload what to try next."""
        commands = self.answered.per_second * (WARM_UP_SECONDS + self.seconds)
        return commands / (WARM_UP_SECONDS + self.seconds + self.lag.worst / 1000)

    @property
    def is_bounded(self) -> bool:
        kept_up = self.offered is None or self.answered.per_second >= KEPT_UP * self.offered
        is_level = self.lag_growth_ms < GROWTH_MS and self.lag.p99 < LAG_P99_MS
        return kept_up and is_level and self.lag.count > 0 and not self.errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """The long run, and the way to its rate."""

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
    """Find the highest rate at which the lag stays bounded; hold it for `seconds`; read every order back."""
    search, rate = await _search(system, search_seconds)
    too_fast: list[Trial] = []
    while True:
        async with metered(servers.pids | system.pids) as meter:
            trial, outcome = await _try(system, rate, seconds, first_user_id=READ_BACK_USERS_FROM, keep_acks=True)
        if trial.is_bounded or len(too_fast) == LONG_TRIALS - 1:
            break
        too_fast.append(trial)
        rate = STEP_DOWN * min(rate or trial.answered.per_second, trial.digested)
    expected = [order_id for order_id, _ in outcome.acks]
    users = range(READ_BACK_USERS_FROM, READ_BACK_USERS_FROM + USERS)
    missing = await alone(missing_orders, system.ports["query"], users, expected)
    return Sustained(
        per_second=trial.answered.per_second,
        is_bounded=trial.is_bounded,
        trial=trial,
        search=(*search, *too_fast),
        acknowledged=len(expected),
        missing=missing,
        meter=meter,
    )


async def measure_write_to_read(system: System, rate: float, seconds: float) -> WriteToRead:
    """Every order is read as soon as it is acknowledged, at a fixed rate."""
    load = _load(system, rate, seconds, reads_per_second=None)
    outcome = await alone(offer, load)
    await drained(system)
    return WriteToRead(offered=rate, latency=outcome.write_to_read.latency(), errors=outcome.errors_by_kind)


async def _search(system: System, seconds: float) -> tuple[list[Trial], float | None]:
    """Try the closed loop; if the views fall behind, look for the rate at which they do not."""
    closed, _ = await _try(system, None, seconds)
    trials = [closed]
    if closed.is_bounded:
        return trials, None
    low, high = 0.0, closed.answered.per_second
    rate = closed.digested * STEP_DOWN
    while len(trials) < SEARCH_TRIALS and low < CLOSE_ENOUGH * high:
        trial, _ = await _try(system, rate, seconds)
        trials.append(trial)
        if trial.is_bounded:
            low = rate
            rate = min(STEP_UP * low, (low + high) / 2)
        else:
            high = rate
            rate = max(low, min((low + high) / 2, STEP_DOWN * trial.digested))
    return trials, low or rate


async def _try(
    system: System, rate: float | None, seconds: float, *, first_user_id: int = 1, keep_acks: bool = False
) -> tuple[Trial, Outcome]:
    load = _load(
        system, rate, seconds, first_user_id=first_user_id, keep_acks=keep_acks, reads_per_second=SAMPLES_PER_SECOND
    )
    outcome = await alone(offer, load)
    await drained(system)
    trial = Trial(
        offered=rate,
        seconds=seconds,
        answered=outcome.figure(),
        lag=latency(outcome.ack_to_read),
        lag_growth_ms=growth_ms(outcome.ack_to_read),
        errors=outcome.errors_by_kind,
    )
    return trial, outcome


def _load(
    system: System,
    rate: float | None,
    seconds: float,
    *,
    reads_per_second: float | None,
    first_user_id: int = 1,
    keep_acks: bool = False,
) -> Load:
    return Load(
        port=system.ports["command"],
        requests=post_requests(system.ports["command"], ORDERS_PATH, order_bodies(first_user_id)),
        seconds=seconds,
        warm_up_seconds=WARM_UP_SECONDS,
        connections=CLIENTS if rate is None else OPEN_CONNECTIONS,
        rate=rate,
        reads=Reads(port=system.ports["query"], per_second=reads_per_second),
        keep_acks=keep_acks,
    )


def growth_ms(seconds: Sequence[float]) -> float:
    """How much longer the last third of these durations took than the first, by their medians, in milliseconds."""
    third = len(seconds) // 3
    if not third:
        return 0.0
    return 1000 * (statistics.median(seconds[-third:]) - statistics.median(seconds[:third]))
