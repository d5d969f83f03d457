"""What `cqrs events tail`, `show` and `search` print."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import typer

from cli.tables import instant, plain_table, print_table

Commit = Mapping[str, Any]
HEADINGS = ("position", "recorded at (UTC)", "stream", "version", "events", "actor")
WIDTHS = (10, 23, 42, 7, 24, 0)  # of what comes line by line, and no table can measure


def print_heading() -> None:
    typer.echo(_line(HEADINGS))


def print_commit(commit: Commit) -> None:
    typer.echo(_line(_cells(commit)))


def print_commits(commits: Iterable[Commit]) -> None:
    table = plain_table(*HEADINGS, "correlation id")
    for commit in commits:
        table.add_row(*_cells(commit), commit["correlation_id"] or "")
    print_table(table)


def print_one(commit: Commit) -> None:
    """Field by field, then each event as it is stored, and as it is read today where that differs."""
    table = plain_table("field", "value")
    for name, value in commit.items():
        if name != "events":
            table.add_row(name, "" if value is None else str(value))
    print_table(table)
    for event in commit["events"]:
        typer.echo(f"\n{event['event']}, schema {event['schema']}, as stored\n    {_json(event['data'])}")
        if (event["upcasted_schema"], event["upcasted"]) != (event["schema"], event["data"]):
            typer.echo(f"schema {event['upcasted_schema']}, as rules and views are told it")
            typer.echo(f"    {_json(event['upcasted'])}")
        if event["trouble"]:
            typer.echo(f"cannot be read: {event['trouble']}")
    typer.echo("")


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cells(commit: Commit) -> tuple[str, ...]:
    events = ", ".join(event["event"] for event in commit["events"])
    return (
        str(commit["position"]),
        instant(commit["recorded_at"]),
        commit["stream"],
        str(commit["version"]),
        events,
        commit.get("actor") or "",
    )


def _line(cells: Iterable[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
