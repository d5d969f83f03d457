"""`cqrs snapshot`: saves the state of a stream now."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.data import open_events
from cli.options import AsJson, Data
from command_service.sagas.commands import COMMANDS
from command_service.snapshot_store import MongoSnapshots
from command_service.snapshots import Snapshots
from command_service.streams import Streams
from common.log import open_log_as_it_is
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER

DECIDERS = {decider.context: decider for _, decider in COMMANDS.values()}
_TOLD = {
    "saved": "saved",
    "newer_there": "there is one already",
    "too_large": "too large to be saved",
    "unavailable": "MongoDB did not take it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    stream: str
    version: int
    position: int
    events: int
    outcome: str

    @property
    def is_there(self) -> bool:
        return self.outcome in ("saved", "newer_there")


def snapshot(
    stream: Annotated[str, typer.Argument(help="Like inventory-456, or order- and its id")],
    *,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Save the state of a stream beside the log, so that it need not be read from its beginning."""
    made = asyncio.run(_save(data, stream))
    if as_json:
        typer.echo(json.dumps(asdict(made)))
    else:
        counted = f"{made.stream} at version {made.version:,}, position {made.position:,}, {made.events:,} events"
        Console(highlight=False, soft_wrap=True).print(f"{counted}: {_TOLD[made.outcome]}", markup=False)
    raise typer.Exit(0 if made.is_there else 1)


async def _save(data: Path, stream: str) -> Outcome:
    decider = DECIDERS.get(stream.partition("-")[0])
    if decider is None:
        raise StackError(f"there is no stream {stream}; one is called like inventory-456")
    async with open_events(data) as database:
        log = await open_log_as_it_is(database)
        if log is None:
            raise StackError("there is no log here yet; the first command service makes it")
        snapshots = Snapshots(MongoSnapshots(database), log.info.id, every_events=0)
        known = await Streams(log, snapshots).read(stream, decider)
        if known.version == 0:
            raise StackError(f"there is no stream {stream}")
        if known.chain is None:
            raise StackError(f"{stream} was last written by a version without chains; its next command changes that")
        outcome = await snapshots.save(stream, decider, known)
    return Outcome(stream=stream, version=known.version, position=known.position, events=known.events, outcome=outcome)
