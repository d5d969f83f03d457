"""python -m tests.chaos.cluster: faults on clusters under load, judged in the end; exit code 0 when all is right."""

import random
import sys
from typing import Annotated

import typer
import uvloop

from tests.chaos.cluster.faults import FAULTS
from tests.chaos.cluster.world import a_cluster_world
from tests.chaos.trial import chosen, passes

CALLS_PER_SECOND = 20.0  # 19 processes share the machine


def main(
    seed: Annotated[
        int | None, typer.Option(help="The order of the faults and what customers do; else by chance.")
    ] = None,
    only: Annotated[str, typer.Option(help="Faults of these numbers, like F2,F22.")] = "",
    rate: Annotated[float, typer.Option(help="Calls a second, however slowly they are answered.")] = CALLS_PER_SECOND,
) -> None:
    """Kill, freeze and cut off nodes of clusters, and see whether anything is lost or doubled."""
    first = random.randrange(10**6) if seed is None else seed
    faults = chosen(FAULTS, only) if only else list(FAULTS)
    raise typer.Exit(0 if uvloop.run(passes(first, faults, rate, a_cluster_world)) else 1)


if __name__ == "__main__":
    sys.exit(typer.run(main))
