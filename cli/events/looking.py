"""`cqrs events show` and `search`: commits of the log, through the gateway."""

import asyncio
from typing import Annotated

import typer

from cli.events.display import counted, print_commits, print_one
from cli.gateway import address_of, ask
from cli.options import Address, AsJson, Cursor, Data, Limit
from cli.tables import print_json
from stack.folder import DEFAULT_FOLDER


def show(
    position: Annotated[int, typer.Argument(min=1)],
    *,
    as_json: AsJson = False,
    gateway: Address = "",
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Show one commit: its events as they are stored and as rules and views are told them, who did it, and why.

    What is personal is left out. Exit code 1 where an event cannot be read.
    """
    commit = asyncio.run(ask(address_of(gateway, data), "GET", f"/cqrs/ops/events/{position}"))
    unreadable = sum(event["trouble"] is not None for event in commit["events"])
    if as_json:
        print_json(commit)
    else:
        print_one(commit)
        cause = commit["correlation_id"] or commit["command_id"]
        said = f"{unreadable:,} of which cannot be read" if unreadable else "all of it can be read"
        typer.echo(f"{counted(len(commit['events']), 'event')}, {said}; what followed: /cqrs/ops/correlations/{cause}")
    raise typer.Exit(1 if unreadable else 0)


def search(
    *,
    stream: Annotated[str | None, typer.Option(help="Only of this one, like order-57410cad-….")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only commits with such an event.")] = None,
    correlation: Annotated[str | None, typer.Option(metavar="ID", help="Only with this correlation id.")] = None,
    beginning: Annotated[str | None, typer.Option("--from", metavar="POSITION|TIME", help="Not before.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="POSITION|TIME", help="Not behind.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    gateway: Address = "",
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Find commits that fulfil every filter, the newest first; both ends belong to it."""
    wanted = {"stream": stream, "type": event_type, "correlation_id": correlation, "from": beginning, "to": end}
    query = {name: value for name, value in (wanted | {"cursor": cursor, "limit": str(limit)}).items() if value}
    found = asyncio.run(ask(address_of(gateway, data), "GET", "/cqrs/ops/events", query))
    if as_json:
        return print_json(found)
    if found["data"]:
        print_commits(found["data"])
    return typer.echo(f"{counted(len(found['data']), 'commit')}{_rest(found['next_cursor'])}")


def _rest(cursor: str | None) -> str:
    return f"; there may be more: the same with --cursor {cursor}" if cursor else ", and no more"
