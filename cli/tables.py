"""Tables of which nothing is cut: ids are long, and somebody copies them."""

import orjson
import typer
from rich.console import Console
from rich.table import Table

WIDEST = 1000  # characters; a terminal wraps what is too long for it, and a pipe need not


def plain_table(*headings: str) -> Table:
    """Columns without lines: what every command shows."""
    return Table(*headings, box=None, pad_edge=False)


def print_table(table: Table) -> None:
    """Without the blanks that would fill each line up."""
    console = Console(highlight=False, width=WIDEST)
    with console.capture() as captured:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def instant(text: str) -> str:
    """RFC 3339 in UTC, as people read it: to the millisecond, as the log keeps it."""
    return text.replace("T", " ").removesuffix("Z")[:23]


def print_json(told: object) -> None:
    typer.echo(orjson.dumps(told, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2).decode())
