"""`cqrs migrate`: what a release needs in the databases, made before its services start."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pymongo
import typer
from pymongo.asynchronous.database import AsyncDatabase
from rich.console import Console

from cli.data import open_events, open_views, read_settings
from cli.options import AsJson, Data
from command_service.sagas import store
from common import log
from common.generations import places_shown, read_shown
from common.index_making import Declared, Standing, make, standing
from monitor import history
from projector.views import declared_indexes
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER

Outcome = Literal["made", "was there", "missing", "in the way"]
GOOD: frozenset[Outcome] = frozenset({"made", "was there"})
HOW_TO_GO_ON = "another index has its name or its fields, or documents clash; look, drop it, then run this again"


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a thing, as it is printed."""

    thing: str
    outcome: Outcome
    note: str = ""


def migrate(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only tell; exit code 1 when something is missing.")] = False,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Make the log's settings, and every index that is missing. Run again, it changes nothing.

    It never changes an index that is there, nor the number of partitions.
    Its account must be one that may create indexes.
    """
    lines = asyncio.run(_migrate(data, is_check=check, shows=not as_json))
    if as_json:
        done = [{"thing": line.thing, "outcome": line.outcome, "note": line.note} for line in lines]
        typer.echo(json.dumps({"is_done": _is_good(lines), "things": done}))
    raise typer.Exit(0 if _is_good(lines) else 1)


def _is_good(lines: Iterable[Line]) -> bool:
    return all(line.outcome in GOOD for line in lines)


async def _migrate(data: Path, *, is_check: bool, shows: bool) -> list[Line]:
    lines, console = [], Console(highlight=False, soft_wrap=True)
    async with open_events(data) as events, open_views(data) as views:
        async for line in _lines(events, views, is_check=is_check):
            lines.append(line)
            if shows:
                console.print(f"{line.outcome:<11} {line.thing}{line.note and f': {line.note}'}", markup=False)
    return lines


async def _lines(events: AsyncDatabase, views: AsyncDatabase, *, is_check: bool) -> AsyncIterator[Line]:
    """What stands how is looked at before anything is made: opening a new log makes its indexes, too."""
    found = await standing_of_all(events, views)
    yield await _settings(events, is_check=is_check)
    for database, declared, how in found:
        yield await _index(database, declared, how, is_check=is_check)


async def standing_of_all(
    events: AsyncDatabase, views: AsyncDatabase
) -> list[tuple[AsyncDatabase, Declared, Standing]]:
    """Every index that this release wants, and whether it is there."""
    of_views = declared_indexes(places=places_shown(await read_shown(views))) | history.INDEXES
    return [
        (database, declared, await standing(database, declared))
        for database, indexes in ((events, {"commits": log.INDEXES} | dict(store.INDEXES)), (views, of_views))
        for declared in _declared(indexes)
    ]


def _declared(indexes: Mapping[str, Iterable[pymongo.IndexModel]]) -> Iterable[Declared]:
    return (Declared(collection, index) for collection, models in indexes.items() for index in models)


async def _settings(events: AsyncDatabase, *, is_check: bool) -> Line:
    """An existing log's number of partitions wins, whatever PARTITIONS says."""
    thing, wanted = f"settings of the log {events.name}", read_settings().partitions
    found: Any = await events["settings"].find_one({"_id": "log"})
    if found is None and is_check:
        return Line(thing, "missing")
    if found is None:
        made = await log.open_log(events, partitions=wanted)
        return Line(thing, "made", f"{made.info.partitions} partitions")
    if renumbered := found.get("partitions_wanted"):
        raise StackError(f"the log is being renumbered: run `cqrs partitions {renumbered}` until it ends")
    return Line(thing, "was there", f"{found['partitions']} partitions")


async def _index(database: AsyncDatabase, declared: Declared, how: Standing, *, is_check: bool) -> Line:
    thing = f"index {declared.name} of {database.name}.{declared.collection}"
    if how is Standing.THERE:
        return Line(thing, "was there")
    if how is Standing.MISSING and is_check:
        return Line(thing, "missing")
    if how is Standing.MISSING and await make(database, declared):
        return Line(thing, "made")
    return Line(thing, "in the way", HOW_TO_GO_ON)
