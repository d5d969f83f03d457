"""The figures to reach: ratios between measurements of one run, so that they mean the same on any machine."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.results import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    name: str
    measure: Callable[[Results], float | None]  # None: not measured
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


def judge(results: Results) -> tuple[Verdict, ...]:
    return tuple(_judge(goal, goal.measure(results)) for goal in GOALS)


def _judge(goal: Goal, measured: float | None) -> Verdict:
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


GOALS = (
    Goal(name="into the log ÷ peer's saves", measure=lambda r: _ratio(r.into_the_log, r.saves), wanted=4),
    Goal(name="into the log ÷ best insert_one", measure=lambda r: _ratio(r.into_the_log, r.insert_one), wanted=3),
    Goal(name="pipeline ÷ peer's saves", measure=lambda r: _ratio(r.pipeline, r.saves), wanted=2.5),
    Goal(name="pipeline ÷ the seeds' way", measure=lambda r: _ratio(r.pipeline, r.seeds_way), wanted=5),
    Goal(
        name="pipeline: lag p99",
        measure=lambda r: r.sustained and r.sustained.trial.lag.p99,
        wanted=500,
        unit="ms",
        at_most=True,
    ),
    Goal(
        name="write-to-read at 200/s: p50",
        measure=lambda r: r.write_to_read and r.write_to_read.latency.p50,
        wanted=15,
        unit="ms",
        at_most=True,
    ),
    Goal(
        name="write-to-read at 200/s: p99",
        measure=lambda r: r.write_to_read and r.write_to_read.latency.p99,
        wanted=60,
        unit="ms",
        at_most=True,
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
    Goal(
        name="POST to VALIDATED at 50/s: p50",
        measure=lambda r: r.fulfilment and r.fulfilment.post_to_validated.p50,
        wanted=60,
        unit="ms",
        at_most=True,
    ),
    Goal(
        name="POST to VALIDATED at 50/s: p99",
        measure=lambda r: r.fulfilment and r.fulfilment.post_to_validated.p99,
        wanted=250,
        unit="ms",
        at_most=True,
    ),
    Goal(name="import", measure=lambda r: r.orders_import and r.orders_import.per_second, wanted=3000, unit="orders/s"),
    Goal(
        name="two services: slower one ÷ offered",
        measure=lambda r: r.log and r.log.two_services.slower_share,
        wanted=0.4,
    ),
    Goal(
        name="two services: total ÷ one",
        measure=lambda r: _ratio(r.log and r.log.two_services.total, r.into_the_log),
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
