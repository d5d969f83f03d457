"""`python -m bench`: measure everything in one run, print it, write it to bench/results."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated

import aiohttp
import typer
from pymongo.errors import PyMongoError
from rich.console import Console

from bench.answers import measure_answers
from bench.catching_up import measure_catching_up
from bench.ceilings import measure_ceilings
from bench.door import measure_door
from bench.emmett import measure_emmett_on_mongodb, measure_emmett_on_postgresql, versions
from bench.fulfilment import measure_fulfilment, measure_orders_without_sagas
from bench.goals import GOALS, judge
from bench.imports import measure_import
from bench.into_the_log import measure_log
from bench.machine import describe_machine, describe_versions
from bench.naive import measure_naive
from bench.orders import CLIENTS, USERS, stock
from bench.peers import measure_peer
from bench.pipeline import RATES, measure_sustained, measure_write_to_read
from bench.plan import FULL, QUICK, SECTIONS, Plan
from bench.rebuilding import measure_rebuilding
from bench.rebuilding_live import measure_rebuilding_live
from bench.report import tables
from bench.results import Results
from bench.servers import Servers, servers
from bench.sharing import measure_sharing
from bench.snapshots import measure_snapshots
from bench.startup import measure_start_up
from bench.system import System, running
from bench.tables import print_tables, write_tables
from stack.errors import StackError

DATABASE = "bench_pipeline"
ON_DISK = Path("/var/tmp")  # unlike /tmp never in memory, where syncing would cost nothing
EXPECTED = (RuntimeError, OSError, TimeoutError, StackError, PyMongoError, aiohttp.ClientError)

console = Console(stderr=True)


def main(
    only: Annotated[str, typer.Option(help=f"Comma-separated sections of: {', '.join(SECTIONS)}.")] = "",
    *,
    quick: Annotated[bool, typer.Option("--quick", help="About 4 minutes: for a look, not for a claim.")] = False,
    mongodb_url: Annotated[str, typer.Option(help="Use this MongoDB instead of a private one.")] = "",
    amqp_url: Annotated[str, typer.Option(help="Use this RabbitMQ (a virtual host of its own) instead.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with the services' output.")] = False,
) -> None:
    """Measure the servers, peers and this system in one run; about 12 minutes, at most 15."""
    sections = tuple(only.split(",")) if only else SECTIONS
    if unknown := set(sections) - set(SECTIONS):
        raise typer.BadParameter(f"no such section: {', '.join(sorted(unknown))}", param_hint="--only")
    folder = Path(tempfile.mkdtemp(prefix="leveret-bench-", dir=ON_DISK if ON_DISK.is_dir() else None))
    run = _Run(folder, sections, QUICK if quick else FULL)
    try:
        results = asyncio.run(run.measure(mongodb_url, amqp_url))
    except StackError as error:
        console.print(f"[bold red]{error}[/]")
        sys.exit(1)
    finally:
        if keep:
            console.print(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print_tables(results, tables(results), Console())
    path = write_tables("latest" if run.is_whole else "partial", results, tables(results), judge(results, GOALS))
    console.print(f"written to {path.parent.name}/{path.name} and .md beside it, after {results.seconds:.0f} s")
    sys.exit(1 if results.failures else 0)


class _Run:
    """One run: the sections one after another, never two at a time."""

    def __init__(self, folder: Path, sections: tuple[str, ...], plan: Plan) -> None:
        self.folder = folder
        self.sections = sections
        self.plan = plan

    @property
    def is_whole(self) -> bool:
        return self.plan is FULL and set(self.sections) == set(SECTIONS)

    async def measure(self, mongodb_url: str, amqp_url: str) -> Results:
        started = perf_counter()
        machine = describe_machine(self.folder)
        async with servers(self.folder, mongodb_url=mongodb_url, amqp_url=amqp_url) as ready:
            self.results = Results(
                measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
                machine=machine,
                versions=await describe_versions(ready.mongodb_url, ready.amqp_url) | versions(),
                parameters=asdict(self.plan) | {"clients": CLIENTS, "users": USERS, "sections": self.sections},
            )
            await self._section("ceilings", lambda: self._ceilings(ready))
            await self._section("peers", lambda: self._peers(ready))
            await self._section("naive", lambda: self._naive(ready))
            await self._section("log", lambda: self._log(ready))
            await self._section("door", lambda: self._door(ready))
            await self._section("answers", lambda: self._answers(ready))
            await self._section("sharing", lambda: self._sharing(ready))
            await self._section("catching_up", lambda: self._catching_up(ready))
            await self._section("snapshots", lambda: self._snapshots(ready))
            await self._section("rebuilding", lambda: self._rebuilding(ready))
            if {"pipeline", "reading", "import"} & set(self.sections):
                await self._tried("the whole system", lambda: self._whole_system(ready))
            await self._section("fulfilment", lambda: self._fulfilment(ready))
        await self._section("start", self._start)
        self.results.seconds = perf_counter() - started
        return self.results

    async def _section(self, name: str, measure: Callable[[], Awaitable[None]]) -> None:
        if name in self.sections:
            console.print(f"measuring: {name}", style="dim")
            await self._tried(name, measure)

    async def _tried(self, name: str, measure: Callable[[], Awaitable[None]]) -> None:
        """A part that fails is told in the report; the other parts still count."""
        try:
            await measure()
        except EXPECTED as error:
            self.results.failures[name] = f"{type(error).__name__}: {error}"

    async def _ceilings(self, ready: Servers) -> None:
        seconds = self.plan.ceiling_seconds
        self.results.ceilings = await measure_ceilings(ready.mongodb_url, ready.amqp_url, seconds)

    async def _peers(self, ready: Servers) -> None:
        seconds = self.plan.peer_seconds
        self.results.peer = await measure_peer(self.folder, seconds)
        self.results.emmett_on_postgresql = await measure_emmett_on_postgresql(self.folder, seconds)
        self.results.emmett_on_mongodb = await measure_emmett_on_mongodb(ready.mongodb_url, seconds)

    async def _naive(self, ready: Servers) -> None:
        self.results.naive = await measure_naive(ready.mongodb_url, ready.amqp_url, self.plan.naive_seconds)

    async def _log(self, ready: Servers) -> None:
        self.results.log = await measure_log(ready, self.folder, self.plan.log_seconds)

    async def _door(self, ready: Servers) -> None:
        self.results.door = await measure_door(ready, self.folder, self.plan.door_seconds)

    async def _answers(self, ready: Servers) -> None:
        self.results.answers = await measure_answers(ready, self.folder, self.plan.answers_seconds)

    async def _sharing(self, ready: Servers) -> None:
        self.results.sharing = await measure_sharing(ready, self.folder, self.plan.sharing_seconds)

    async def _catching_up(self, ready: Servers) -> None:
        self.results.catching_up = await measure_catching_up(ready, self.folder, self.plan.backlog_seconds)

    async def _snapshots(self, ready: Servers) -> None:
        self.results.loading = await measure_snapshots(ready)

    async def _rebuilding(self, ready: Servers) -> None:
        orders, seconds = self.plan.rebuilt_orders, self.plan.rebuilding_seconds
        self.results.rebuilding_bare, self.results.rebuilding = await measure_rebuilding(ready, orders, times=2)
        self.results.rebuilding_live = await measure_rebuilding_live(
            ready, self.folder, orders=orders // 4, seconds=seconds
        )

    async def _whole_system(self, ready: Servers) -> None:
        names = ("command", "projector", "query", "gateway")
        async with running(names, servers=ready, database=DATABASE, relay=True, folder=self.folder) as system:
            await stock(system)
            await self._section("pipeline", lambda: self._pipeline(system, ready))
            await self._section("reading", lambda: self._reading(system))
            await self._section("import", lambda: self._import(system, ready))

    async def _pipeline(self, system: System, ready: Servers) -> None:
        self.results.sustained = await measure_sustained(
            system, ready, search_seconds=self.plan.search_seconds, seconds=self.plan.sustained_seconds
        )

    async def _reading(self, system: System) -> None:
        seconds, sustained = self.plan.reading_seconds, self.results.sustained
        for rate in RATES:
            self.results.write_to_read += (await measure_write_to_read(system, rate, seconds),)
        if sustained:
            half = sustained.per_second / 2
            self.results.write_to_read_at_half = await measure_write_to_read(system, half, seconds)

    async def _import(self, system: System, ready: Servers) -> None:
        self.results.orders_import = await measure_import(system, ready, self.folder, self.plan.import_orders)

    async def _fulfilment(self, ready: Servers) -> None:
        names = ("command", "projector", "query", "saga")
        async with running(
            names, servers=ready, database=f"{DATABASE}_sagas", relay=True, folder=self.folder
        ) as system:
            self.results.fulfilment = await measure_fulfilment(system, ready, self.plan.fulfilment_seconds)
        async with running(
            names[:-1], servers=ready, database=f"{DATABASE}_without", relay=True, folder=self.folder
        ) as system:
            self.results.orders_without_sagas = await measure_orders_without_sagas(system, self.plan.fulfilment_seconds)

    async def _start(self) -> None:
        self.results.start_up = await measure_start_up(self.folder)


if __name__ == "__main__":
    typer.run(main)
