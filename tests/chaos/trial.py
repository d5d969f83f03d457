"""A run from its empty folder to its last line."""

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import typer

from tests.chaos import report
from tests.chaos.faults.fault import Fault, S
from tests.chaos.run import run_faults
from tests.chaos.verdict import judged

Open = Callable[[Path, int], AbstractAsyncContextManager[S]]
"""Sets up a world in this folder, with this seed."""


def chosen(faults: Sequence[Fault[S]], numbers: str) -> list[Fault[S]]:
    """Those with these numbers, like `F9,F12`."""
    wanted = set(numbers.upper().split(","))
    if unknown := wanted - {fault.id for fault in faults}:
        raise typer.BadParameter(f"there is no fault {', '.join(sorted(unknown))}")
    return [fault for fault in faults if fault.id in wanted]


async def passes(seed: int, faults: list[Fault[S]], rate: float, a_world: Open[S]) -> bool:
    """Keep the folder of a run that went wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"leveret-chaos-{seed}-"))
    print(f"seed {seed}, {len(faults)} faults, in {folder}", flush=True)
    random.Random(seed).shuffle(faults)
    async with a_world(folder, seed) as world:
        outcomes = await run_faults(world, faults, tell=report.tell, calls_per_second=rate)
        verdict = await judged(world, outcomes)
    report.show(outcomes, verdict)
    is_good = report.is_good(outcomes, verdict)
    if is_good:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"seed {seed} went wrong; logs and history are in {folder}")
    print(report.last_line(outcomes, verdict), flush=True)
    return is_good
