"""`cqrs projections`: has read models built anew beside what is shown, and the one or the other shown."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pymongo.asynchronous.database import AsyncDatabase

from cli.data import an_event_log, open_views
from cli.options import AsJson, Data
from cli.projections.generations_display import following, show_projections, show_verdict
from projector.generations.known import Document, ask_for_another, ask_to_drop, ask_to_show
from projector.generations.shown import Generation, all_projections, one_generation
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER

POLL_SECONDS = 0.2
SILENT_SECONDS = 30.0  # without anything happening: nobody is there to do it
T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="orders, inventory or products")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Ask only; do not wait until it is done.")]


def list_projections(*, as_json: AsJson = False, data: Data = DEFAULT_FOLDER) -> None:
    """Every read model, which generation of it is shown, and what stands beside it."""
    told = asyncio.run(_of_views(data, all_projections))
    typer.echo(json.dumps(told, default=str)) if as_json else show_projections(told)


def rebuild(
    name: Name,
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Show it only if nothing differs.")] = False,
    switch: Annotated[bool, typer.Option("--switch/--no-switch", help="Show it when it is ready.")] = True,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Build a read model anew from the log, beside what is shown. One that is under way goes on."""

    async def ask(views: AsyncDatabase, log_id: str) -> Document:
        return await ask_for_another(views, log_id, name, is_verified=verify, is_switched=switch)

    _do(data, ask, is_awaited=not no_wait, as_json=as_json)


def rollback(
    name: Name,
    *,
    generation: Annotated[int | None, typer.Option(help="Its number; else the only one there is.")] = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Show what was shown before, or what is ready, brought up to the newest commits."""

    async def ask(views: AsyncDatabase, log_id: str) -> Document:
        return await ask_to_show(views, log_id, name, generation)

    _do(data, ask, is_awaited=not no_wait, as_json=as_json)


def drop(
    name: Name,
    generation: Annotated[int, typer.Argument(help="Its number")],
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Drop a generation that is not shown."""

    async def ask(views: AsyncDatabase) -> None:
        await ask_to_drop(views, name, generation)

    asyncio.run(_of_views(data, ask))
    typer.echo(f"asked; {name}@{generation} is gone in a moment")


async def _of_views(data: Path, read: Callable[[AsyncDatabase], Awaitable[T]]) -> T:
    async with open_views(data) as views:
        return await read(views)


def _do(
    data: Path, ask: Callable[[AsyncDatabase, str], Awaitable[Document]], *, is_awaited: bool, as_json: bool
) -> None:
    told = asyncio.run(_asked(data, ask, is_awaited=is_awaited, is_quiet=as_json))
    if as_json:
        typer.echo(json.dumps(told, default=str))
    else:
        show_verdict(told)
    raise typer.Exit(1 if is_awaited and told["is_verified"] and told["state"] != "shown" else 0)


async def _asked(
    data: Path, ask: Callable[[AsyncDatabase, str], Awaitable[Document]], *, is_awaited: bool, is_quiet: bool
) -> Generation:
    log_id = await _log_id(data)
    async with open_views(data) as views:
        asked = await ask(views, log_id)
        return await _until_done(views, asked["_id"], is_awaited=is_awaited, is_quiet=is_quiet)


async def _log_id(data: Path) -> str:
    async with an_event_log(data) as event_log:
        return event_log.info.id


async def _until_done(views: AsyncDatabase, generation: str, *, is_awaited: bool, is_quiet: bool) -> Generation:
    """Done is what nobody goes on with: it is shown, or ready and not to be shown."""
    loop = asyncio.get_running_loop()
    seen, seen_at = await _told(views, generation), loop.time()
    with following(generation, is_quiet=is_quiet or not is_awaited) as show:
        while is_awaited and not (seen["state"] in ("shown", "ready", "old") and not seen["is_switched"]):
            await asyncio.sleep(POLL_SECONDS)
            now = await _told(views, generation)
            if now != seen:
                seen, seen_at = now, loop.time()
            show(seen)
            if loop.time() - seen_at > SILENT_SECONDS:
                raise StackError(f"nobody goes on with {generation}; does a projector run? `cqrs status` tells")
    return seen


async def _told(views: AsyncDatabase, generation: str) -> Generation:
    told = await one_generation(views, generation)
    if told is None:
        raise StackError(f"{generation} was dropped meanwhile, as somebody asked for another one")
    return told
