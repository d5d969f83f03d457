"""Memory and processor time of processes, sampled while a load runs (Linux; elsewhere nothing is told)."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

SAMPLE_SECONDS = 0.5
PROC = Path("/proc")
HAS_PROC = sys.platform == "linux"


@dataclass(slots=True)
class Use:
    """Of one process and, for servers, of nothing it started."""

    peak_memory_mib: float = 0.0  # highest resident set seen
    cpu_seconds: float = 0.0
    cores: float = 0.0  # processor seconds per second


@dataclass(slots=True)
class Meter:
    """Filled in when the measured block ends."""

    uses: dict[str, Use] = field(default_factory=dict)


@asynccontextmanager
async def metered(pids: Mapping[str, int]) -> AsyncIterator[Meter]:
    """Sample these processes until the block ends."""
    meter = Meter()
    if not HAS_PROC:
        yield meter
        return
    meter.uses = {name: Use() for name in pids}
    started = perf_counter()
    spent = {name: _cpu_seconds(pid) for name, pid in pids.items()}
    sampling = asyncio.create_task(_sample(meter, pids))
    try:
        yield meter
    finally:
        sampling.cancel()
        seconds = perf_counter() - started
        for name, pid in pids.items():
            use = meter.uses[name]
            use.cpu_seconds = round(_cpu_seconds(pid) - spent[name], 2)
            use.cores = round(use.cpu_seconds / seconds, 2)


async def _sample(meter: Meter, pids: Mapping[str, int]) -> None:
    while True:
        for name, pid in pids.items():
            meter.uses[name].peak_memory_mib = max(meter.uses[name].peak_memory_mib, memory_mib(pid))
        await asyncio.sleep(SAMPLE_SECONDS)


def memory_mib(pid: int) -> float:
    """0 for a process that is gone."""
    try:
        resident_pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return round(resident_pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def _cpu_seconds(pid: int) -> float:
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, proc(5)
