"""How long-lived tasks are kept alive, and how a start waits for what it needs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from common.errors import Unavailable

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
T = TypeVar("T")

log = structlog.get_logger(__name__)


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until what is needed is there; says so in the log while it is not."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            log.warning("waiting", reason=error.detail)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


async def supervised(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a task that must not die: what it raises is logged, and it begins again."""
    while True:
        try:
            return await run()
        except Exception:
            log.exception("task_failed", task=name)
            await asyncio.sleep(FIRST_PAUSE_SECONDS)
