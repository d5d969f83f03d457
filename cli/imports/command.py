"""`cqrs import`: orders from a file, or from the CDNOW data set, through the gateway into the log and every view."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from cli.errors import ImportFailed, UnknownFormat
from cli.gateway import address_of, open_gateway
from cli.imports.cdnow import DOWNLOAD, SOURCE, fetch_cdnow
from cli.imports.display import print_rejected, showing, summary
from cli.imports.order_files import Format, Order, Rejected, read_orders
from cli.imports.order_import import Tally, import_orders
from cli.imports.text_lines import TextLines
from cli.options import Address, Data
from stack.folder import DEFAULT_FOLDER

EXIT_REJECTED = 1
EXIT_INTERRUPTED = 130


Orders = Iterator[Order | Rejected]


class Kind(StrEnum):
    ORDERS = "orders"


def import_file(
    *,
    kind: Annotated[Kind, typer.Argument(help="What the file has.")] = Kind.ORDERS,
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="Plain or gzip.")] = None,
    source: Annotated[str, typer.Option(help="Where the orders come from; with its line it identifies an order.")] = "",
    fetch_cdnow: Annotated[bool, typer.Option("--fetch-cdnow", help="Download the CDNOW data set, import it.")] = False,
    file_format: Annotated[
        Format | None, typer.Option("--format", help="Seen from the first line if not given.")
    ] = None,
    from_line: Annotated[int, typer.Option(min=1, help="Leave out the lines before.")] = 1,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until the views show the orders.")] = False,
    gateway: Address = "",
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Import orders that were completed elsewhere, one a line.

    CSV has a heading: user_id, placed_at, total, optionally currency (else
    EUR), and item_count or product_id and quantity. The CDNOW format is
    customer id, date, number of CDs and dollars, with blanks between.

    The same file may be imported again, after Ctrl-C or with new lines at
    its end: source and line number make an order count once.

    Refused lines are told on stderr. The exit code is 0 when every line is
    an accepted order, and 1 when one was refused or the import gave up.
    """
    with _input(file, source, fetch_cdnow) as (path, name), TextLines(path, from_line) as lines:
        console = Console(highlight=False, soft_wrap=True)
        tally = Tally(on_rejected=print_rejected)
        url = address_of(gateway, data)
        try:
            orders = read_orders(lines, name, file_format)
            display = showing(console, tally, lambda: lines.share_read)
            uvloop.run(_import(url, orders, tally, display, waits=not no_wait))
        except UnknownFormat as error:
            raise UnknownFormat(f"{path}: {error}") from error
        except ImportFailed:
            console.print(_how_to_go_on(tally))
            raise
        except KeyboardInterrupt:
            console.print(_how_to_go_on(tally))
            raise typer.Exit(EXIT_INTERRUPTED) from None
        console.print(summary(tally))
    if tally.rejected:
        raise typer.Exit(EXIT_REJECTED)


async def _import(
    url: str,
    orders: Orders,
    tally: Tally,
    display: AbstractAsyncContextManager[None],
    *,
    waits: bool,
) -> None:
    async with open_gateway(url) as gateway, display:
        await import_orders(gateway, orders, tally, waits_until_shown=waits)


@contextmanager
def _input(file: Path | None, source: str, is_cdnow: bool) -> Iterator[tuple[Path, str]]:
    """Give the file and its source; a downloaded file is there only meanwhile."""
    if is_cdnow == (file is not None):
        raise typer.BadParameter("name a file, or give --fetch-cdnow", param_hint="FILE")
    if file is None:
        with tempfile.TemporaryDirectory(prefix="leveret-") as folder:
            typer.echo(f"downloading the CDNOW data set ({DOWNLOAD})")
            yield fetch_cdnow(Path(folder)), source or SOURCE
    elif source:
        yield file, source
    else:
        raise typer.BadParameter("say where the orders come from, like --source old-shop", param_hint="--source")


def _how_to_go_on(tally: Tally) -> str:
    """Nothing to say where nothing was begun."""
    if not (tally.written or tally.resume_line):
        return "Nothing was imported."
    hint = f", or with --from-line {tally.resume_line}, which is quicker" if tally.resume_line else ""
    return f"{summary(tally)}\nNot finished. The same command goes on where it was{hint}."
