"""A run as a table for people, with one last line for machines."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.diary import verdicts
from tests.chaos.run import Outcome
from tests.chaos.verdict import Verdict

QUICK_SECONDS = 20.0  # in which a fault of the usual mix heals
COLUMNS = ("commands", "ok", "fail", "info", "lost", "doubled", "views equal", "heals in")
MOST_TOLD = 5
NARROWEST = 130  # columns, also where there is no terminal
console = Console(highlight=False)
console.width = max(console.width, NARROWEST)


def tell(outcome: Outcome) -> None:
    """One line as soon as a fault is over."""
    if outcome.skipped:
        console.print(f"  {outcome.fault}: skipped, {outcome.skipped}")
        return
    healed = "does not heal" if outcome.healed_seconds is None else f"healed in {outcome.healed_seconds:.1f} s"
    console.print(f"  {outcome.fault}: {healed}" + (f"; {outcome.trouble}" if outcome.trouble else ""), markup=False)


def show(outcomes: Sequence[Outcome], verdict: Verdict) -> None:
    table = Table("fault", *COLUMNS)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for outcome, lost, doubled in zip(outcomes, verdict.lost, verdict.doubled, strict=True):
        table.add_row(str(outcome.fault), *_cells(outcome, lost, doubled))
    console.print(table)
    for outcome in outcomes:
        for remark in _remarks(outcome):
            console.print(f"{outcome.fault}: {remark}", markup=False)
    for rule, count in Counter(violation.rule for violation in verdict.violations).items():
        console.print(f"{rule} does not hold, {count} times; the first:")
        first = [violation for violation in verdict.violations if violation.rule == rule][:MOST_TOLD]
        for violation in first:
            console.print(f"  {violation.about}: {violation.detail}", markup=False, soft_wrap=True)


def last_line(outcomes: Sequence[Outcome], verdict: Verdict) -> str:
    struck = [outcome for outcome in outcomes if outcome.skipped is None]
    healed = sum(outcome.healed_seconds is not None for outcome in struck)
    return f"{sum(verdict.lost)} lost, {sum(verdict.doubled)} doubled, {len(struck)} faults, {healed} healed"


def is_good(outcomes: Sequence[Outcome], verdict: Verdict) -> bool:
    none_lost = not any((*verdict.lost, *verdict.doubled, *verdict.violations))
    return none_lost and all(outcome.is_good for outcome in outcomes)


def _remarks(outcome: Outcome) -> Iterator[str]:
    if outcome.trouble:
        yield outcome.trouble
    if outcome.fallen:
        yield f"started again, as a supervisor would: {', '.join(outcome.fallen)}"
    if outcome.wrong_views:
        yield f"not the fold of the log: {', '.join(outcome.wrong_views[:MOST_TOLD])}"


def _cells(outcome: Outcome, lost: int, doubled: int) -> list[str]:
    if outcome.skipped:
        return [f"skipped: {outcome.skipped}"]
    count = verdicts([record for record in outcome.records if not record.is_query])
    seconds = outcome.healed_seconds
    healed = "[red]never" if seconds is None else f"{seconds:.1f} s"
    late = seconds is not None and seconds > QUICK_SECONDS
    return [
        str(count.total()),
        *(str(count[verdict]) for verdict in ("ok", "fail", "info")),
        str(lost),
        str(doubled),
        f"[red]{len(outcome.wrong_views)} differ" if outcome.wrong_views else "yes",
        f"[yellow]{healed}" if late else healed,
    ]
