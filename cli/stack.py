"""`cqrs up` and `cqrs down`."""

import asyncio
import os
from typing import Annotated

import typer
from rich.console import Console

from cli.data import read_settings
from cli.detached import report_to, start_detached
from cli.options import Data
from stack.box import box
from stack.folder import DEFAULT_FOLDER, DataFolder
from stack.install import ensure_mongodb, ensure_rabbitmq
from stack.run import Wish, run_stack
from stack.stopping import stop_stack


def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Return when ready; the stack lives on.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the databases of the data folder first.")] = False,
    no_sample: Annotated[bool, typer.Option("--no-sample", help="Start without the product 456 in stock.")] = False,
    auth: Annotated[bool, typer.Option("--auth", help="Ask for tokens; `cqrs token issue` makes them.")] = False,
    data: Data = DEFAULT_FOLDER,
    report_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start MongoDB, RabbitMQ and all services on this machine, for development."""
    wish = Wish(data=data.resolve(), is_fresh=fresh, has_sample=not no_sample, has_auth=auth)
    console = Console(highlight=False)
    if report_fd is not None:
        with report_to(report_fd) as on_ready:
            asyncio.run(run_stack(wish, read_settings(), os.environ, None, on_ready))
        return
    _ensure_servers(console)
    if detach:
        with console.status("starting the stack ..."):
            ready = start_detached(wish)
        console.print(box(ready, is_detached=True))
    else:
        asyncio.run(run_stack(wish, read_settings(), os.environ, console, lambda ready: console.print(box(ready))))


def down(data: Data = DEFAULT_FOLDER) -> None:
    """Stop the stack; its data stay."""
    folder = DataFolder(data)
    was_running = stop_stack(folder)
    text = "the stack is stopped" if was_running else f"no stack runs on {folder.path}"
    Console(highlight=False, soft_wrap=True).print(text)


def _ensure_servers(console: Console) -> None:
    """What the environment gives a URL for is not installed."""
    if not os.environ.get("EVENTS_MONGODB_URL"):
        ensure_mongodb(console.print)
    if "AMQP_URL" not in os.environ:
        ensure_rabbitmq(console.print)
