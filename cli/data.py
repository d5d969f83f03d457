"""Where a command finds the data it is about: the folder of the stack, and the databases."""

import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from common.errors import Unavailable
from common.mongo import open_client
from stack.errors import StackError
from stack.folder import DataFolder

Data = Annotated[
    Path, typer.Option("--data", envvar="CQRS_DATA", help="The folder for the databases and logs of the stack.")
]


async def with_database(
    data: Path, name: str, variables: Sequence[str], do: Callable[[AsyncDatabase], Awaitable[None]]
) -> None:
    """Open this database of the first server that one of the variables names, else of the running stack's."""
    url = next((os.environ[variable] for variable in variables if os.environ.get(variable)), None)
    url = url or str(DataFolder(data).running_state().addresses["mongodb"])
    try:
        async with open_client(url, name="cli") as client:
            await do(client[name])
    except (PyMongoError, Unavailable) as error:
        raise StackError("MongoDB does not answer; is it running? `cqrs status` tells") from error
