"""How long `cqrs up` takes until everything is ready, on an installed machine and an empty data folder."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.system import ROOT

UP_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    seconds: float


async def measure_start_up(folder: Path) -> StartUp:
    """Start a stack of its own, with its own servers and data, and take it down again."""
    data = folder / "stack"
    started = perf_counter()
    try:
        await _cqrs("up", "--detach", "--fresh", "--data", str(data))
        seconds = perf_counter() - started
    finally:
        await _cqrs("down", "--data", str(data))
    return StartUp(seconds=seconds)


async def _cqrs(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(UP_SECONDS):
        output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"cqrs {arguments[0]} ended with {process.returncode}: {output.decode()[-500:]}")
