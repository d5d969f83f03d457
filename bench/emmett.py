"""The peer in Node: events per second that Emmett appends to new streams, on PostgreSQL and on MongoDB."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.numbers import Latency, latency
from bench.postgres import USER, NotInstalled, private_postgres
from bench.system import ROOT

SOURCE = Path(__file__).parent / "peers_js"
INSTALLED = ROOT / ".leveret" / "peers_js"
WORKERS = (4, 8, 16)  # appends in flight
INSTALL_SECONDS = 180.0
GRACE_SECONDS = 60.0  # for starting, warming up and tidying, beside what is measured
SAID = 300  # characters of what a failed command said that go into the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class EmmettRun:
    """One number of workers."""

    workers: int
    appends_per_second: float
    latency: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Emmett:
    """`why_not` is set when there is no figure."""

    runs: tuple[EmmettRun, ...] = ()
    why_not: str = ""

    @property
    def best(self) -> EmmettRun | None:
        return max(self.runs, key=lambda run: run.appends_per_second, default=None)


async def measure_emmett_on_postgresql(folder: Path, seconds: float) -> Emmett:
    """On a fresh cluster with default settings."""
    try:
        async with private_postgres(folder) as port:
            return await _measure("postgresql", f"postgresql://{USER}:-@127.0.0.1:{port}/postgres", seconds)
    except NotInstalled as error:
        return Emmett(why_not=str(error))


async def measure_emmett_on_mongodb(mongodb_url: str, seconds: float) -> Emmett:
    """On the server that everything else is measured on, in a database of its own."""
    try:
        return await _measure("mongodb", mongodb_url, seconds)
    except NotInstalled as error:
        return Emmett(why_not=str(error))


def versions() -> dict[str, str]:
    """Of the two packages, as the lock file has them."""
    packages = orjson.loads((SOURCE / "package-lock.json").read_bytes())["packages"]
    names = ("emmett-postgresql", "emmett-mongodb")
    return {name: packages[f"node_modules/@event-driven-io/{name}"]["version"] for name in names}


async def _measure(store: str, url: str, seconds: float) -> Emmett:
    await _install()
    return Emmett(runs=tuple([await _append(store, url, workers, seconds) for workers in WORKERS]))


async def _install() -> None:
    """Have the packages of the lock file in a folder that git ignores; a second time this costs nothing."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NotInstalled("no node and npm on PATH")
    lock, installed = SOURCE / "package-lock.json", INSTALLED / "installed.json"
    shutil.copytree(SOURCE, INSTALLED, dirs_exist_ok=True)
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    try:
        await _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", limit_seconds=INSTALL_SECONDS)
    except RuntimeError as error:
        raise NotInstalled(str(error)) from error
    shutil.copy(lock, installed)


async def _append(store: str, url: str, workers: int, seconds: float) -> EmmettRun:
    command = ("node", "emmett.mjs", store, url, str(workers), str(seconds))
    told: dict[str, Any] = orjson.loads(await _run(*command, limit_seconds=seconds + GRACE_SECONDS))
    durations = [milliseconds / 1000 for milliseconds in told["milliseconds"]]
    return EmmettRun(workers=workers, appends_per_second=told["perSecond"], latency=latency(durations))


async def _run(*command: str, limit_seconds: float) -> bytes:
    """Run it in the folder of the packages and return its output; RuntimeError says what went wrong."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=INSTALLED, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, complaints = await asyncio.wait_for(process.communicate(), limit_seconds)
    except TimeoutError as error:
        process.kill()
        raise RuntimeError(f"{command[0]} {command[1]} took longer than {limit_seconds:.0f} s") from error
    if process.returncode:
        raise RuntimeError(f"{command[0]} {command[1]} failed: {complaints.decode(errors='replace')[-SAID:].strip()}")
    return output
