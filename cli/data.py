"""Where a command finds the data it is about: the folder of the stack, and the databases."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from common.config import Settings
from common.errors import Unavailable
from common.mongo import open_client
from stack.errors import StackError
from stack.folder import DataFolder

Data = Annotated[
    Path, typer.Option("--data", envvar="CQRS_DATA", help="The folder for the databases and logs of the stack.")
]


def open_events(data: Path) -> AbstractAsyncContextManager[AsyncDatabase]:
    """The log's database, of the server in the environment, else of the running stack's; StackError without one."""
    return _opened(data, Settings().events_database, "EVENTS_MONGODB_URL")


def open_views(data: Path) -> AbstractAsyncContextManager[AsyncDatabase]:
    """The views' database, found as the log's is."""
    return _opened(data, Settings().views_database, "VIEWS_MONGODB_URL", "EVENTS_MONGODB_URL")


@asynccontextmanager
async def _opened(data: Path, name: str, *variables: str) -> AsyncIterator[AsyncDatabase]:
    url = next((os.environ[variable] for variable in variables if os.environ.get(variable)), None)
    url = url or str(DataFolder(data).running_state().addresses["mongodb"])
    try:
        async with open_client(url, name="cli") as client:
            yield client[name]
    except (PyMongoError, Unavailable) as error:
        raise StackError("MongoDB does not answer; is it running? `cqrs status` tells") from error
