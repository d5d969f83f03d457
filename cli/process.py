"""`cqrs process`: kill -9 a process of the running stack, and start it again."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from cli.options import Data
from stack import asking
from stack.folder import DEFAULT_FOLDER, DataFolder

Name = Annotated[
    str, typer.Argument(help="mongodb, rabbitmq, payments, command, saga, projector, query, monitor or gateway")
]


def kill(name: Name, data: Data = DEFAULT_FOLDER) -> None:
    """Kill -9 a process. It stays down until `cqrs process start`."""
    asyncio.run(asking.kill_process(DataFolder(data).running_state(), name))
    Console(highlight=False).print(f"{name} is killed")


def start(name: Name, data: Data = DEFAULT_FOLDER) -> None:
    """Start a process that is down; return when it is ready."""
    asyncio.run(asking.start_process(DataFolder(data).running_state(), name))
    Console(highlight=False).print(f"{name} is ready")
