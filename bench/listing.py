"""`python -m bench.listing`: how long a page of orders takes among very many; printed, and in bench/results."""

import asyncio
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from yarl import URL

from bench.__main__ import EXPECTED, ON_DISK
from bench.alone import alone
from bench.filling import fill
from bench.goals import Goal, judge
from bench.http_client import get_request
from bench.lists import LISTS, requests_of
from bench.load import Load, offer
from bench.machine import Machine, describe_machine, describe_versions
from bench.numbers import Latency
from bench.servers import Servers, servers
from bench.system import System, running
from bench.tables import Table, goals_table, print_tables, write_tables
from stack.errors import StackError

ORDERS = 1_000_000
SECONDS = 10.0  # of each list
PER_SECOND = 20.0  # so few that no page waits for another
CONNECTIONS = 8
DATABASE = "bench_listing"
WANTED_MS = 20.0

console = Console(stderr=True)


@dataclass(slots=True, kw_only=True)
class Results:
    """`lists`: what is listed → how long its pages took."""

    measured_at: str
    machine: Machine
    versions: dict[str, str]
    orders: int
    filled_in_seconds: float = 0.0
    lists: dict[str, Latency] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def slowest(self) -> float | None:
        return max((latency.p99 for latency in self.lists.values()), default=None)


GOALS: tuple[Goal[Results], ...] = (
    Goal(name="slowest list: p99", measure=lambda results: results.slowest, wanted=WANTED_MS, unit="ms", at_most=True),
)


def main(
    orders: Annotated[int, typer.Option(min=1_000, help="In the views.")] = ORDERS,
    seconds: Annotated[float, typer.Option(min=1, help="Of each list.")] = SECONDS,
    per_second: Annotated[float, typer.Option(min=1, help="Pages asked for.")] = PER_SECOND,
) -> None:
    """Fill the views, ask for pages of every kind of list, one kind after the other."""
    folder = Path(tempfile.mkdtemp(prefix="leveret-bench-", dir=ON_DISK if ON_DISK.is_dir() else None))
    try:
        results = asyncio.run(_measure(folder, orders, seconds, per_second))
    except StackError as error:
        console.print(f"[bold red]{error}[/]")
        sys.exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    verdicts = judge(results, GOALS)
    tables = (_table(results), goals_table(verdicts))
    print_tables(results, tables, Console())
    is_whole = (orders, seconds, per_second) == (ORDERS, SECONDS, PER_SECOND)
    path = write_tables("lists" if is_whole else "partial.lists", results, tables, verdicts)
    console.print(f"written to {path.parent.name}/{path.name} and .md beside it, after {results.seconds:.0f} s")
    sys.exit(1 if results.failures else 0)


async def _measure(folder: Path, orders: int, seconds: float, per_second: float) -> Results:
    started = perf_counter()
    machine = describe_machine(folder)
    async with servers(folder) as ready:
        results = Results(
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=machine,
            versions=await describe_versions(ready.mongodb_url, ready.amqp_url),
            orders=orders,
        )
        async with running(("query",), servers=ready, database=DATABASE, relay=False, folder=folder) as system:
            await _measure_lists(ready, system, results, seconds, per_second)
    results.seconds = perf_counter() - started
    return results


async def _measure_lists(servers: Servers, system: System, results: Results, seconds: float, per_second: float) -> None:
    began = perf_counter()
    await fill(servers.mongodb_url, system.environment["VIEWS_DATABASE"], results.orders)
    results.filled_in_seconds = perf_counter() - began
    console.print(f"filled with {results.orders:,} orders in {results.filled_in_seconds:.0f} s", style="dim")
    for name in LISTS:
        try:
            load = await _load(system, name, results.orders, seconds, per_second)
            outcome = (await alone(offer, load)).sound()
        except EXPECTED as error:
            results.failures[name] = f"{type(error).__name__}: {error}"
            continue
        results.lists[name] = outcome.latencies.latency()
        console.print(f"{name}: {results.lists[name].line()}", style="dim", highlight=False)


async def _load(system: System, name: str, orders: int, seconds: float, per_second: float) -> Load:
    """First pages, and those that follow them."""
    port = system.ports["query"]
    paths = requests_of(name, orders)
    following = [path for path in [await _following(system, path) for path in paths] if path]
    return Load(
        port=port,
        requests=tuple(get_request(port, path) for path in (*paths, *following)),
        seconds=seconds,
        connections=CONNECTIONS,
        rate=per_second,
    )


async def _following(system: System, path: str) -> str | None:
    cursor = (await system.get("query", path)).get("next_cursor")
    return cursor and str(URL(path).update_query(cursor=cursor))


def _table(results: Results) -> Table:
    rows = [
        (name, f"{each.p99:.1f} ms", f"p50 {each.p50:.1f} ms, worst {each.worst:.1f} ms, {each.count} pages")
        for name, each in results.lists.items()
    ]
    return Table(f"Pages of 50 among {results.orders:,} orders", ("list", "p99", "of which"), rows)


if __name__ == "__main__":
    typer.run(main)
