"""`python -m bench.long`: what a log of millions of commits and hours of load change; printed, and in bench/results."""

import asyncio
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console

from bench.__main__ import EXPECTED, ON_DISK
from bench.goals import judge
from bench.growth import measure_growth
from bench.long_results import GOALS, LongResults, tables
from bench.machine import describe_machine, describe_versions
from bench.memory import measure_memory
from bench.servers import servers
from bench.soak import measure_soak
from bench.tables import print_tables, write_tables
from stack.errors import StackError

COMMITS = 10_000_000
EVENTS = 2_000_000
MINUTES = 60.0
TURN_SECONDS = 30.0
SECTIONS = ("growth", "memory", "soak")

console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Size:
    """Of what is measured: what `main` tells of each."""

    commits: int = COMMITS
    seconds: float = TURN_SECONDS
    minutes: float = MINUTES
    events: int = EVENTS


def main(
    commits: Annotated[int, typer.Option(min=1_000, help="In the long log.")] = COMMITS,
    minutes: Annotated[float, typer.Option(min=0.5, help="How long memory is watched.")] = MINUTES,
    seconds: Annotated[float, typer.Option(min=1, help="Of each turn with a long or a short log.")] = TURN_SECONDS,
    events: Annotated[int, typer.Option(min=5_000, help="Of which views are rebuilt and verified.")] = EVENTS,
    only: Annotated[str, typer.Option(help=f"Comma-separated sections of: {', '.join(SECTIONS)}.")] = "",
) -> None:
    """Measure growth, memory and rebuilds; hours, and tens of gigabytes of disk, unless told less."""
    size = Size(commits, seconds, minutes, events)
    sections = tuple(only.split(",")) if only else SECTIONS
    if unknown := set(sections) - set(SECTIONS):
        raise typer.BadParameter(f"no such section: {', '.join(sorted(unknown))}", param_hint="--only")
    folder = Path(tempfile.mkdtemp(prefix="leveret-bench-", dir=ON_DISK if ON_DISK.is_dir() else None))
    try:
        results = asyncio.run(_measure(folder, sections, size))
    except StackError as error:
        console.print(f"[bold red]{error}[/]")
        sys.exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_tables(results, tables(results), Console())
    name = "long" if set(sections) == set(SECTIONS) else ".".join(("long", *sections))
    path = write_tables(name if size == Size() else f"partial.{name}", results, tables(results), judge(results, GOALS))
    console.print(f"written to {path.parent.name}/{path.name} and .md beside it, after {results.seconds:.0f} s")
    sys.exit(1 if results.failures else 0)


async def _measure(folder: Path, sections: tuple[str, ...], size: Size) -> LongResults:
    started = perf_counter()
    machine = describe_machine(folder)
    async with servers(folder) as ready:
        results = LongResults(
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=machine,
            versions=await describe_versions(ready.mongodb_url, ready.amqp_url),
        )
        for section in sections:
            _tell(f"measuring: {section}")
            try:
                match section:
                    case "growth":
                        results.growth = await measure_growth(ready, folder, size.commits, size.seconds, _tell)
                    case "memory":
                        results.memory = await measure_memory(ready, folder, size.minutes)
                    case "soak":
                        results.soak = await measure_soak(ready, size.events, _tell)
            except EXPECTED as error:
                results.failures[section] = f"{type(error).__name__}: {error}"
    results.seconds = perf_counter() - started
    return results


def _tell(what: str) -> None:
    """What takes hours says now and then where it is."""
    console.print(f"{datetime.now():%H:%M:%S} {what}", style="dim", highlight=False)


if __name__ == "__main__":
    typer.run(main)
