"""`cqrs projections parked` and `inspect`: which documents stand still, since when and why."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from pymongo.asynchronous.database import AsyncDatabase

from cli.data import an_event_log, open_views
from cli.options import AsJson, Data
from cli.projections.parked_display import show_errors, show_inspected, show_parked, show_skips
from projector.generations.known import model_called
from projector.requests.parked import count_parked, key_called, models_called
from projector.requests.shown import (
    DecidedSkip,
    InspectedDocument,
    ParkedDocument,
    ParkedError,
    all_parked,
    parked_errors,
    show_skip,
)
from projector.requests.shown import inspect as read_inspected
from projector.requests.skipping import find_skips
from stack.folder import DEFAULT_FOLDER

MOST_SHOWN = 100
T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="orders, inventory or products")]
NameIfAny = Annotated[str | None, typer.Argument(help="orders, inventory or products; else all of them")]
Key = Annotated[str, typer.Argument(help="The order's or the product's id")]
Code = Annotated[str | None, typer.Option("--code", help="Only those with this error, like unknown_schema.")]


def parked(
    name: NameIfAny = None,
    *,
    code: Code = None,
    by_error: Annotated[bool, typer.Option("--by-error", help="Count what has the same error.")] = False,
    skipped: Annotated[bool, typer.Option("--skipped", help="What was decided to be skipped instead.")] = False,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """List the documents that stand still, those first that have for longest; at most a hundred."""
    if skipped:
        skips = asyncio.run(of_views(data, _skips))
        return _print_json(skips) if as_json else show_skips(skips)
    if by_error:
        errors = asyncio.run(of_views(data, lambda views: _errors(views, name, code)))
        return _print_json(errors) if as_json else show_errors(errors)
    rows, count = asyncio.run(of_views(data, lambda views: _parked(views, name, code)))
    return _print_json(rows) if as_json else show_parked(rows, count)


def inspect(name: Name, key: Key, *, as_json: AsJson = False, data: Data = DEFAULT_FOLDER) -> None:
    """Show why a document stands still: the commit that cannot be read, as it is stored, and what waits behind it."""

    async def read(views: AsyncDatabase) -> InspectedDocument:
        model = model_called(name)
        async with an_event_log(data) as event_log:
            return await read_inspected(views, event_log, model, key_called(model, key))

    told = asyncio.run(of_views(data, read))
    _print_json(told) if as_json else show_inspected(told)


async def of_views(data: Path, read: Callable[[AsyncDatabase], Awaitable[T]]) -> T:
    async with open_views(data) as views:
        return await read(views)


async def _parked(views: AsyncDatabase, name: str | None, code: str | None) -> tuple[list[ParkedDocument], int]:
    models = models_called(name)
    rows = await all_parked(views, models, MOST_SHOWN, code=code)
    return rows, sum([await count_parked(views, model, code) for model in models])


async def _errors(views: AsyncDatabase, name: str | None, code: str | None) -> list[ParkedError]:
    return await parked_errors(views, models_called(name), code)


async def _skips(views: AsyncDatabase) -> list[DecidedSkip]:
    return [show_skip(skip) for skip in await find_skips(views, 0)]


def _print_json(told: Any) -> None:
    typer.echo(orjson.dumps(told, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2).decode())
