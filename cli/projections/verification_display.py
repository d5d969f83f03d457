"""What `cqrs projections verify` shows: a bar, and a verdict for each read model."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from projector.verification.full import Tell, Verdict

SHOWN_FIELDS = 5
LEAST_MOMENTS = 2  # one for what the log tells of, one for what is stored


@contextmanager
def progress_of(projection: str, total: int, *, is_quiet: bool) -> Iterator[Tell]:
    """A bar on stderr, so that what is printed may be kept."""
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[text]}")),
        TimeRemainingColumn(compact=True),
    )
    started, events = time.monotonic(), 0
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet, transient=True) as bars:
        bar = bars.add_task(projection, total=total or None, text="")

        def tell(steps: int, events_more: int) -> None:
            nonlocal events
            events += events_more
            rate = events / max(0.001, time.monotonic() - started)
            bars.update(bar, advance=steps, text=f"{events:,} events, {rate:,.0f} events/s" if events else "")

        yield tell


def show_verification(verdicts: Sequence[Verdict]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for verdict in verdicts:
        console.print(f"{verdict.projection}: {_sentence(verdict)}", style="" if verdict.is_identical else "red")
        for example in verdict.examples:
            fields = ", ".join(example["fields"][:SHOWN_FIELDS])
            console.print(f"    {example['what']} {example['collection']} {example['key']}: {fields}", markup=False)
        if any(example["collection"] == "sums" for example in verdict.examples):
            console.print(f"    `cqrs projections rebuild {verdict.projection}` makes the sums anew")


def _sentence(verdict: Verdict) -> str:
    looked_at = f"{verdict.documents:,} documents" + (f" and {verdict.sums:,} sums" if verdict.sums else "")
    upto = f"the fold of the log up to position {verdict.position:,}"
    if verdict.is_full and verdict.moments > LEAST_MOMENTS:
        upto += f"; snapshots ended meanwhile, so they were looked at at {verdict.moments} moments"
    some = "" if verdict.is_full else "a sample of "
    unsaid = f"; the sums could not be compared: {verdict.unsaid}" if verdict.unsaid else ""
    if verdict.differences:
        return f"different: {verdict.differences:,} of {some}{looked_at} are not {upto}{unsaid}"
    return f"identical: {some}{looked_at} are {upto}{unsaid}"
