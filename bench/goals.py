"""The figures to reach: ratios between measurements of one run, so that they mean the same on any machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bench.numbers import Latency
from bench.results import Results

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal(Generic[R]):
    name: str
    measure: Callable[[R], float | None]  # None: not measured
    wanted: float
    unit: str = "×"
    at_most: bool = False

    def is_reached(self, measured: float) -> bool:
        return measured <= self.wanted if self.at_most else measured >= self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`reached` None: there was nothing to judge."""

    name: str
    measured: float | None
    wanted: float
    unit: str
    at_most: bool
    reached: bool | None


def judge(results: R, goals: tuple[Goal[R], ...]) -> tuple[Verdict, ...]:
    return tuple(_judge(goal, goal.measure(results)) for goal in goals)


def _judge(goal: Goal[R], measured: float | None) -> Verdict:
    return Verdict(
        name=goal.name,
        measured=measured,
        wanted=goal.wanted,
        unit=goal.unit,
        at_most=goal.at_most,
        reached=None if measured is None else goal.is_reached(measured),
    )


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _p50(latency: Latency | None) -> float | None:
    return latency and latency.p50


def _p99(latency: Latency | None) -> float | None:
    return latency and latency.p99


def _at_most_ms(name: str, wanted: float, measure: Callable[[Results], float | None]) -> Goal[Results]:
    return Goal(name=name, measure=measure, wanted=wanted, unit="ms", at_most=True)


GOALS: tuple[Goal[Results], ...] = (
    Goal(name="into the log ÷ Emmett on PostgreSQL", measure=lambda r: _ratio(r.into_the_log, r.emmett), wanted=2.5),
    Goal(name="into the log ÷ eventsourcing's saves", measure=lambda r: _ratio(r.into_the_log, r.saves), wanted=5),
    Goal(name="into the log ÷ best insert_one", measure=lambda r: _ratio(r.into_the_log, r.insert_one), wanted=3),
    Goal(name="pipeline ÷ eventsourcing's saves", measure=lambda r: _ratio(r.pipeline, r.saves), wanted=2.5),
    Goal(name="pipeline ÷ the seeds' way", measure=lambda r: _ratio(r.pipeline, r.seeds_way), wanted=6),
    Goal(name="pipeline ÷ raw confirmed publish", measure=lambda r: _ratio(r.pipeline, r.publish), wanted=0.7),
    _at_most_ms("pipeline: lag p99", 500, lambda r: r.sustained and r.sustained.trial.lag.p99),
    _at_most_ms("write-to-read at 200/s: p50", 15, lambda r: _p50(r.write_to_read_at(200))),
    _at_most_ms("write-to-read at 200/s: p99", 60, lambda r: _p99(r.write_to_read_at(200))),
    _at_most_ms("write-to-read at 500/s: p50", 10, lambda r: _p50(r.write_to_read_at(500))),
    _at_most_ms("write-to-read at 500/s: p99", 50, lambda r: _p99(r.write_to_read_at(500))),
    Goal(
        name="commands on one stream",
        measure=lambda r: r.log and r.log.hot_product.per_second,
        wanted=3000,
        unit="commands/s",
    ),
    Goal(
        name="tokens and limits: share of a command's processor time",
        measure=lambda r: r.door and r.door.share,
        wanted=10,
        unit="%",
        at_most=True,
    ),
    Goal(
        name="an order by its id ÷ a bare handler with one find_one",
        measure=lambda r: r.answers and r.answers.by_id / r.answers.bare,
        wanted=0.7,
    ),
    Goal(
        name="304 ÷ the full answer", measure=lambda r: r.answers and r.answers.unchanged / r.answers.by_id, wanted=1.5
    ),
    Goal(name="2 services: one log ÷ separate logs", measure=lambda r: r.sharing_of(2), wanted=0.8),
    Goal(name="4 services: one log ÷ separate logs", measure=lambda r: r.sharing_of(4), wanted=0.8),
    _at_most_ms(
        "a stream of 10,000 events, through its snapshot: p50",
        5,
        lambda r: _p50(r.loading and r.loading.through_snapshot),
    ),
    Goal(
        name="the orders view rebuilt by one process",
        measure=lambda r: max((built.per_second for built in r.rebuilding), default=None),
        wanted=30_000,
        unit="events/s",
    ),
    Goal(
        name="memory of that process",
        measure=lambda r: max((built.peak_mib for built in r.rebuilding), default=None),
        wanted=200,
        unit="MiB",
        at_most=True,
    ),
    Goal(
        name="write-to-read p99: during rebuilds ÷ quiet",
        measure=lambda r: r.rebuilding_live and r.rebuilding_live.slower,
        wanted=3,
        at_most=True,
    ),
    _at_most_ms(
        "the longest write-to-read during rebuilds",
        1000,
        lambda r: r.rebuilding_live and r.rebuilding_live.rebuilding.latency.worst,
    ),
    Goal(
        name="orders validated by the saga",
        measure=lambda r: r.fulfilment and r.fulfilment.spread.per_second,
        wanted=800,
        unit="orders/s",
    ),
    Goal(
        name="one hot product: reservations",
        measure=lambda r: r.fulfilment and r.fulfilment.hot_reservations_per_second,
        wanted=1000,
        unit="commands/s",
    ),
    _at_most_ms("POST to VALIDATED at 50/s: p50", 60, lambda r: _p50(r.fulfilment and r.fulfilment.post_to_validated)),
    _at_most_ms("POST to VALIDATED at 50/s: p99", 250, lambda r: _p99(r.fulfilment and r.fulfilment.post_to_validated)),
    Goal(name="import", measure=lambda r: r.orders_import and r.orders_import.per_second, wanted=3000, unit="orders/s"),
    Goal(
        name="two services: slower one ÷ offered",
        measure=lambda r: r.log and r.log.two_services.slower_share,
        wanted=0.4,
    ),
    Goal(
        name="two services: total ÷ one",
        measure=lambda r: _ratio(r.log and r.log.two_services.total, r.log and r.log.orders.per_second),
        wanted=0.6,
    ),
    Goal(
        name="largest Python process",
        measure=lambda r: r.largest_process[1] if r.largest_process else None,
        wanted=150,
        unit="MiB",
        at_most=True,
    ),
    Goal(
        name="cqrs up until ready",
        measure=lambda r: r.start_up and r.start_up.seconds,
        wanted=15,
        unit="s",
        at_most=True,
    ),
)
