"""All figures of one long run, their goals, and the tables that show them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.goals import Goal, judge
from bench.growth import Grown, Growth
from bench.machine import Machine
from bench.memory import Memory, at_end, early
from bench.results import SERVER_PROCESSES
from bench.soak import Soak
from bench.tables import Row, Table, goals_table


@dataclass(slots=True, kw_only=True)
class LongResults:
    """None: not measured in this run, or it failed; `failures` then says why."""

    measured_at: str
    machine: Machine
    versions: dict[str, str]
    growth: Growth | None = None
    memory: Memory | None = None
    soak: Soak | None = None
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def most_grown(self) -> float | None:
        """The highest ratio of memory at the end to early memory, of the Python processes."""
        memory = self.memory
        names = [name for name in memory.samples if name not in SERVER_PROCESSES] if memory else []
        return max((memory.ratio(name) for name in names), default=None) if memory and not memory.errors else None


GOALS: tuple[Goal[LongResults], ...] = (
    Goal(
        name="commands/s with many commits ÷ with few",
        measure=lambda r: r.growth and r.growth.commands_ratio,
        wanted=0.9,
    ),
    Goal(
        name="query p99 with few commits ÷ with many",
        measure=lambda r: r.growth and r.growth.query_ratio,
        wanted=0.9,
    ),
    Goal(name="memory at the end ÷ early", measure=lambda r: r.most_grown, wanted=1.1, at_most=True),
    Goal(
        name="the orders view rebuilt by one process",
        measure=lambda r: r.soak and max(built.per_second for built in r.soak.builds),
        wanted=30_000,
        unit="events/s",
    ),
    Goal(
        name="memory of that process",
        measure=lambda r: r.soak and max(built.peak_mib for built in r.soak.builds),
        wanted=200,
        unit="MiB",
        at_most=True,
    ),
    Goal(
        name="documents and sums that differ",
        measure=lambda r: r.soak and float(r.soak.verified.differences + (not r.soak.is_identical)),
        wanted=0,
        at_most=True,
    ),
)


def tables(results: LongResults) -> Iterator[Table]:
    """Without what was not measured."""
    if results.growth:
        rows = [_grown(results.growth.few), _grown(results.growth.many)]
        yield Table("Growth of the log", ("", "commands per second", "queries, remarks"), rows)
    if memory := results.memory:
        title = f"Memory over {memory.minutes:g} minutes, {memory.orders_per_second:,.0f} orders per second"
        header = ("process", "MiB at the end", "at a twelfth of the time, ratio")
        errors = [(kind, f"{count:,}", "requests that failed") for kind, count in memory.errors.items()]
        yield Table(title, header, [_process(memory, name) for name in memory.samples] + errors)
    if soak := results.soak:
        title = f"{soak.events:,} events, rebuilt {len(soak.builds)} times and verified"
        yield Table(title, ("", "seconds", "remarks"), list(_soaked(soak)))
    yield goals_table(judge(results, GOALS))


def _grown(grown: Grown) -> Row:
    made = f"written in {grown.seed_seconds:,.0f} s, in the views {grown.views_seconds:,.0f} s later"
    remark = f"p99 {grown.query_p99:.1f} ms; {made}"
    return f"{grown.commits:,} commits", f"{grown.commands_per_second:,.0f}", remark


def _soaked(soak: Soak) -> Iterator[Row]:
    yield "the log written", f"{soak.seed_seconds:,.0f}", ""
    for built in soak.builds:
        speeds = f"{built.per_second:,.0f} events/s, with indexes {built.with_indexes:,.0f}"
        seconds = f"{built.events / built.with_indexes:,.0f}"
        yield "the orders view built", seconds, f"{speeds}; at most {built.peak_mib:.0f} MiB"
        if built.compared_seconds is not None:
            verdict = "identical" if built.is_identical else "DIFFERENT"
            yield "compared with the one before", f"{built.compared_seconds:,.0f}", verdict
    seen = soak.verified
    verdict = "identical" if seen.is_identical else f"{seen.differences:,} DIFFERENCES"
    what = f"{seen.documents:,} documents and {seen.sums:,} sums, at most {seen.peak_mib:.0f} MiB"
    yield "all of it verified", f"{seen.seconds:,.0f}", f"{verdict}; {what}"


def _process(memory: Memory, name: str) -> Row:
    samples = memory.samples[name]
    return name, f"{at_end(samples):.0f}", f"{early(samples):.0f}, {memory.ratio(name):.2f} ×"
