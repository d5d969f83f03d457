"""What an import shows: how far it is, the lines that were refused, and what came of it."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from cli.imports.order_files import Rejected
from cli.imports.order_import import Tally
from cli.redrawing import PLAIN_SECONDS, redraw, shown_by


def print_rejected(line: Rejected) -> None:
    """To stderr, so that `2> rejected.txt` keeps them."""
    print(f"line {line.line_number}: {line.code}: {line.detail}", file=sys.stderr)  # noqa: T201


def showing(console: Console, tally: Tally, share_read: Callable[[], float]) -> AbstractAsyncContextManager[None]:
    """Show how the tally grows: two bars on a terminal, else a line now and then."""
    show = _show_bars if console.is_terminal else _show_lines
    return shown_by(show(console, tally, share_read))


async def _show_bars(console: Console, tally: Tally, share_read: Callable[[], float]) -> None:
    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, auto_refresh=False, redirect_stderr=sys.stderr.isatty()) as bars:
        written = bars.add_task("written", total=1.0, text="")
        shown = bars.add_task("visible", total=1.0, text="")

        def draw() -> None:
            share = share_read()
            rate = tally.written / max(time.monotonic() - tally.started_at, 0.001)
            bars.update(written, completed=share, text=f"{tally.written:,} orders, {rate:,.0f}/s")
            is_shown = bool(tally.shown_at)
            bars.update(shown, completed=1.0 if is_shown else share * tally.share_shown, text="")
            bars.refresh()

        await redraw(draw)


async def _show_lines(console: Console, tally: Tally, share_read: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(PLAIN_SECONDS)
        share = share_read()
        console.print(
            f"{tally.written:,} orders written, {share:.0%} of the file; {share * tally.share_shown:.0%} visible"
        )


def summary(tally: Tally) -> str:
    """One sentence each: how many, how fast, what was there before, what was refused."""
    sentences = [f"{tally.written:,} orders are written{' and visible in every view' if tally.shown_at else ''}."]
    if tally.written and tally.written_at:
        rates = [_rate("written", tally.written, tally.written_at - tally.started_at)]
        if tally.shown_at:
            rates.append(_rate("visible", tally.written, tally.shown_at - tally.started_at))
        sentences.append(f"From the first line to the last: {', '.join(rates)}.")
    if tally.replayed:
        sentences.append(f"{tally.replayed:,} of them were written before and stay one order each.")
    if tally.rejected:
        sentences.append(f"{tally.rejected:,} {'line was' if tally.rejected == 1 else 'lines were'} refused.")
    return "\n".join(sentences)


def _rate(what: str, orders: int, seconds: float) -> str:
    return f"{what} in {seconds:.1f} s ({orders / max(seconds, 0.001):,.0f} orders/s)"
