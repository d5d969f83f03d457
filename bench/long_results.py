"""All figures of one long run, their goals, and the tables that show them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.goals import Goal, judge
from bench.growth import Grown, Growth
from bench.machine import Machine
from bench.memory import Memory, at_end, early
from bench.results import SERVER_PROCESSES
from bench.tables import Row, Table, goals_table


@dataclass(slots=True, kw_only=True)
class LongResults:
    """None: not measured in this run, or it failed; `failures` then says why."""

    measured_at: str
    machine: Machine
    versions: dict[str, str]
    growth: Growth | None = None
    memory: Memory | None = None
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
    yield goals_table(judge(results, GOALS))


def _grown(grown: Grown) -> Row:
    made = f"written in {grown.seed_seconds:,.0f} s, in the views {grown.views_seconds:,.0f} s later"
    remark = f"p99 {grown.query_p99:.1f} ms; {made}"
    return f"{grown.commits:,} commits", f"{grown.commands_per_second:,.0f}", remark


def _process(memory: Memory, name: str) -> Row:
    samples = memory.samples[name]
    return name, f"{at_end(samples):.0f}", f"{early(samples):.0f}, {memory.ratio(name):.2f} ×"
