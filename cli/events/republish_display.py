"""What `cqrs events republish` shows: how far it is, what came of it, and where to go on."""

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.redrawing import PLAIN_SECONDS, redraw, shown_by
from common.republishing import Selection, Tally


@dataclass(slots=True, kw_only=True)
class Course:
    """One republishing, from when the log has said what the wish means."""

    where: str
    selection: Selection
    is_dry: bool
    tally: Tally = field(init=False)
    started_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tally = Tally(next_position=self.selection.first)

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self.started_at, 0.001)

    @property
    def rate(self) -> float:
        return self.tally.events / self.seconds

    @property
    def positions(self) -> int:
        return max(0, self.selection.last - self.selection.first + 1)

    @property
    def passed(self) -> int:
        return self.tally.next_position - self.selection.first


def verdict(course: Course) -> str:
    """One sentence."""
    what = f"{course.tally.events:,} events of {course.tally.commits:,} commits"
    first, last = course.selection.first, course.selection.last
    where = f"positions {first:,} to {last:,}" if course.positions else "no position lies in the range"
    if course.is_dry:
        return f"{what} would go to {course.where} ({where}); nothing was sent"
    return f"{what} are in {course.where} ({where}), in {course.seconds:.1f} s, {course.rate:,.0f} events/s"


def as_json(course: Course) -> str:
    """`next_position` is where another run would go on."""
    return json.dumps(
        {
            "target": course.where,
            "is_dry": course.is_dry,
            "is_done": course.passed >= course.positions,
            "first": course.selection.first,
            "last": course.selection.last,
            "commits": course.tally.commits,
            "events": course.tally.events,
            "next_position": course.tally.next_position,
            "seconds": round(course.seconds, 3),
        }
    )


def how_to_go_on(course: Course) -> str:
    sent = f"{course.tally.events:,} events are confirmed"
    return f"{sent}; the same command goes on with --from-position {course.tally.next_position}"


def showing(course: Course) -> AbstractAsyncContextManager[None]:
    """On stderr: a bar on a terminal, else a line now and then."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    show = _show_bar if console.is_terminal else _show_lines
    return shown_by(show(console, course))


async def _show_bar(console: Console, course: Course) -> None:
    text, left = TextColumn("{task.fields[text]}"), TimeRemainingColumn()
    with Progress(BarColumn(), TaskProgressColumn(), text, left, console=console, auto_refresh=False) as bars:
        bar = bars.add_task("", total=max(1, course.positions), text="")

        def draw() -> None:
            bars.update(bar, completed=course.passed, text=_numbers(course))
            bars.refresh()

        await redraw(draw)


async def _show_lines(console: Console, course: Course) -> None:
    while True:
        await asyncio.sleep(PLAIN_SECONDS)
        left = (course.positions - course.passed) * course.seconds / max(1, course.passed)
        console.print(f"{course.passed / max(1, course.positions):.0%}: {_numbers(course)}, about {left:,.0f} s left")


def _numbers(course: Course) -> str:
    return f"{course.tally.events:,} events, {course.rate:,.0f}/s"
