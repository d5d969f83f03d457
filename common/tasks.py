"""How long-lived tasks are kept alive, and how a start waits for what it needs."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from common.errors import Unavailable

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
CANCEL_AGAIN_SECONDS = 1.0  # long enough for a farewell to the database
T = TypeVar("T")

log = structlog.get_logger(__name__)


class BackOff:
    """Pauses that double, up to LONGEST_PAUSE_SECONDS."""

    def __init__(self, first_seconds: float = FIRST_PAUSE_SECONDS) -> None:
        self._first_seconds = self._next_seconds = first_seconds

    async def pause(self) -> None:
        await asyncio.sleep(self._next_seconds)
        self._next_seconds = min(2 * self._next_seconds, LONGEST_PAUSE_SECONDS)

    def reset(self) -> None:
        """The next pause is the first again."""
        self._next_seconds = self._first_seconds


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until what is needed is there; says so in the log while it is not."""
    back_off = BackOff()
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            log.warning("waiting", reason=error.detail)
            await back_off.pause()


async def supervised(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a task that must not die: what it raises is logged, and it begins again."""
    while True:
        try:
            return await run()
        except Exception:
            log.exception("task_failed", task=name)
            await asyncio.sleep(FIRST_PAUSE_SECONDS)


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Run side by side until one of them ends, or this is cancelled; end the others, then raise what was raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
    for task in ended:
        task.result()


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel until they have ended: a library may swallow a cancellation, as `asyncio.wait_for` does before 3.12.

    The pauses differ, lest it is always just about to do so. Who is cancelled meanwhile ends them all the same: what
    comes afterwards relies on it.
    """
    interrupted: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        try:
            await asyncio.wait(running, timeout=random.uniform(0.5, 1) * CANCEL_AGAIN_SECONDS)
        except asyncio.CancelledError as error:
            interrupted = error
    for task in tasks:
        look_at(task)  # what ended first is what is raised
    if interrupted:
        raise interrupted


def look_at(future: "asyncio.Future[Any]") -> None:
    """See what it raised, so that asyncio does not report it as overlooked when whoever waited for it is gone."""
    if not future.cancelled():
        future.exception()
