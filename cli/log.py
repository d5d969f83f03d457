"""`cqrs log verify`: whether the log is what was written."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.data import open_events
from cli.options import AsJson, Data
from cli.tables import plain_table
from common.log import open_log_as_it_is
from common.log_verification import Verdict, verify
from stack.errors import StackError
from stack.folder import DEFAULT_FOLDER


def verify_log(
    *,
    until: Annotated[int | None, typer.Option(min=1, help="Up to this position; else all of it.")] = None,
    as_json: AsJson = False,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Check positions, versions, partitions and chains of every commit; exit code 1 where something is wrong."""
    verdict = asyncio.run(_verify(data, until))
    if as_json:
        typer.echo(json.dumps(asdict(verdict) | {"is_sound": verdict.is_sound}))
    else:
        _show(verdict)
    raise typer.Exit(0 if verdict.is_sound else 1)


async def _verify(data: Path, until: int | None) -> Verdict:
    console = Console(stderr=True, highlight=False)
    with console.status("reading") as status:
        async with open_events(data) as database:
            log = await open_log_as_it_is(database)
            if log is None:
                raise StackError("there is no log here yet; the first command service makes it")
            return await verify(database, log.info, until, lambda read: status.update(f"{read:,} commits read"))


def _show(verdict: Verdict) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if verdict.faults:
        table = plain_table("position", "stream", "version", "what is wrong")
        for fault in verdict.faults:
            table.add_row(f"{fault.position:,}", fault.stream or "-", str(fault.version or "-"), fault.what)
        console.print(table)
    counted = f"{verdict.commits:,} commits of {verdict.streams:,} streams up to position {verdict.head:,}"
    outcome = {0: "nothing is wrong", 1: "one thing is wrong"}.get(
        verdict.fault_count, f"{verdict.fault_count:,} things are wrong"
    )
    console.print(f"{counted}, {verdict.linked:,} of them linked: {outcome}")
    console.print(f"digest {verdict.digest}")
