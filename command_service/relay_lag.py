"""How far the relay is behind the log: two gauges, told by every process that may publish, whoever does."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Gauge

from common.errors import Unavailable
from common.log import Log

LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)
COMMITS = Gauge("leveret_relay_lag_commits", "Commits of the log that the broker has not confirmed")
SECONDS = Gauge("leveret_relay_lag_seconds", "How long ago the oldest of them was recorded")


async def watch_lag(log_: Log, confirmed: Callable[[], Awaitable[int]]) -> None:
    """Look until cancelled; two small reads each time, a third while something waits."""
    while True:
        try:
            await _look(log_, await confirmed())
        except Unavailable as error:
            log.warning("relay_lag_unknown", reason=error.detail)
        await asyncio.sleep(LOOK_SECONDS)


async def _look(log_: Log, confirmed: int) -> None:
    lag_commits = max(0, await log_.head() - confirmed)
    oldest = await log_.at(confirmed + 1) if lag_commits else None
    COMMITS.set(lag_commits)
    SECONDS.set(max(0.0, time.time() - oldest.recorded_at.timestamp()) if oldest else 0)
