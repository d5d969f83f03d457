"""`cqrs state`: what a stream has come to after so many commits, as the rules see it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from cli.data import open_events
from cli.options import AsJson, Data
from cli.tables import plain_table
from command_service.aggregates import state_of
from command_service.shown import AggregateState
from common.errors import BadRequest, NotFound
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER


def show_state(
    stream: Annotated[str, typer.Argument(help="order-<uuid>, inventory-456 …")],
    *,
    version: Annotated[int | None, typer.Option(min=0, help="After so many commits; else after all.")] = None,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Fold a stream as its decider does and show the state; what is personal is left out."""
    state = asyncio.run(_state(data, stream, version))
    if as_json:
        typer.echo(orjson.dumps(state, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2).decode())
    else:
        _print(state)


async def _state(data: Path, stream: str, version: int | None) -> AggregateState:
    async with open_events(data) as database:
        try:
            return await state_of(database, stream, version)
        except (BadRequest, NotFound) as error:
            raise StackError(error.detail) from error


def _print(state: AggregateState) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if at := state["recorded_at"]:
        written = f"position {state['position']:,}, {at:%Y-%m-%d %H:%M:%S} UTC"
    else:
        written = "before its first commit"
    console.print(f"{state['stream']}, version {state['version']}: {written}", markup=False)
    table = plain_table("field", "value")
    for name, value in (state["state"] or {}).items():
        table.add_row(name, _text(value))
    console.print(table if state["state"] else "its rules keep no state")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
