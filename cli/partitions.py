"""`cqrs partitions`: gives a log at rest another number of partitions."""

import asyncio
from typing import Annotated

import typer
from pymongo.asynchronous.database import AsyncDatabase
from rich.console import Console

from cli.data import Data, with_database
from common.config import Settings
from common.repartitioning import MOST_PARTITIONS, Repartitioning, repartition
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER


def partitions(
    number: Annotated[int, typer.Argument(min=1, max=MOST_PARTITIONS, help="How many the log is to have")],
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Renumber the log for so many partitions; views and sagas are made anew. No service may run meanwhile."""
    settings = Settings()

    async def with_views(views: AsyncDatabase) -> None:
        async def with_log(log: AsyncDatabase) -> None:
            await _repartition(log, views, number)

        await with_database(data, settings.events_database, ("EVENTS_MONGODB_URL",), with_log)

    asyncio.run(with_database(data, settings.views_database, ("VIEWS_MONGODB_URL", "EVENTS_MONGODB_URL"), with_views))


async def _repartition(log: AsyncDatabase, views: AsyncDatabase, number: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    with console.status("renumbering") as status:
        try:
            is_new = await repartition(log, views, number, lambda position: status.update(f"commit {position:,}"))
        except Repartitioning as reason:
            raise StackError(str(reason)) from reason
    console.print("start the services: views and sagas are made anew" if is_new else "it has that many already")
