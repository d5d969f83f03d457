"""`cqrs partitions`: gives a log at rest another number of partitions."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.data import open_events, open_views
from cli.options import Data
from common.config import MOST_PARTITIONS
from common.repartitioning import Repartitioning, repartition
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER


def partitions(
    number: Annotated[int, typer.Argument(min=1, max=MOST_PARTITIONS, help="How many the log is to have")],
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Renumber the log for so many partitions; views and sagas are made anew. No service may run meanwhile."""
    asyncio.run(_repartition(data, number))


async def _repartition(data: Path, number: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    with console.status("renumbering") as status:
        async with open_events(data) as log, open_views(data) as views:
            try:
                is_new = await repartition(log, views, number, lambda position: status.update(f"commit {position:,}"))
            except Repartitioning as reason:
                raise StackError(str(reason)) from reason
    console.print("start the services: views and sagas are made anew" if is_new else "it has that many already")
