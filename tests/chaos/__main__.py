"""python -m tests.chaos: faults on a system of its own under load, judged in the end; exit code 0 when all is right."""

import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tests.chaos import report
from tests.chaos.disks import may_mount
from tests.chaos.faults import FAULTS
from tests.chaos.faults.fault import Fault
from tests.chaos.load import CALLS_PER_SECOND
from tests.chaos.run import run_faults
from tests.chaos.verdict import judged
from tests.chaos.world import a_world

SEEDS_OF_A_LONG_RUN = 3


def main(
    seed: Annotated[
        int | None, typer.Option(help="The order of the faults and what customers do; else by chance.")
    ] = None,
    only: Annotated[str, typer.Option(help="Faults of these numbers, like F9,F12.")] = "",
    rate: Annotated[float, typer.Option(help="Calls a second, however slowly they are answered.")] = CALLS_PER_SECOND,
    long: Annotated[bool, typer.Option("--long", help="All faults, with three seeds.")] = False,
) -> None:
    """Break everything that can break, and see whether anything is lost or doubled."""
    first = random.randrange(10**6) if seed is None else seed
    seeds = range(first, first + SEEDS_OF_A_LONG_RUN) if long else (first,)
    are_good = [uvloop.run(_run(seed, _chosen(only, long=long), rate)) for seed in seeds]
    raise typer.Exit(0 if all(are_good) else 1)


def _chosen(only: str, *, long: bool) -> list[Fault]:
    numbers = only.upper().split(",") if only else []
    unknown = set(numbers) - {fault.id for fault in FAULTS}
    if unknown:
        raise typer.BadParameter(f"there is no fault {', '.join(sorted(unknown))}")
    if numbers:
        return [fault for fault in FAULTS if fault.id in numbers]
    return [fault for fault in FAULTS if long or fault.is_usual]


async def _run(seed: int, faults: list[Fault], rate: float) -> bool:
    """Keep the folder of a run that went wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"leveret-chaos-{seed}-"))
    print(f"seed {seed}, {len(faults)} faults, in {folder}", flush=True)
    random.Random(seed).shuffle(faults)
    fills_disks = may_mount() and any(fault.fills_disks for fault in faults)
    async with a_world(folder, seed, has_small_disks=fills_disks) as world:
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


if __name__ == "__main__":
    sys.exit(typer.run(main))
