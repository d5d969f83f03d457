"""python -m tests.chaos: faults on a system of its own under load, judged in the end; exit code 0 when all is right."""

import random
import sys
from functools import partial
from typing import Annotated

import typer
import uvloop

from tests.chaos.disks import may_mount
from tests.chaos.faults import FAULTS
from tests.chaos.faults.fault import Fault
from tests.chaos.load import CALLS_PER_SECOND
from tests.chaos.trial import chosen, passes
from tests.chaos.world import World, a_world

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


def _chosen(only: str, *, long: bool) -> list[Fault[World]]:
    return chosen(FAULTS, only) if only else [fault for fault in FAULTS if long or fault.is_usual]


async def _run(seed: int, faults: list[Fault[World]], rate: float) -> bool:
    fills_disks = may_mount() and any(fault.fills_disks for fault in faults)
    return await passes(seed, faults, rate, partial(a_world, has_small_disks=fills_disks))


if __name__ == "__main__":
    sys.exit(typer.run(main))
