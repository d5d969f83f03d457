"""The end of the log, read once for all who follow it."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import islice

from common.envelope import Commit
from common.errors import Unavailable
from common.log import MongoLog

LOOK_SECONDS = 0.1  # how often the log is asked for more while somebody follows
FORGOTTEN_SECONDS = 2.0  # without a look: what was kept is too old to go on from
SAME_SECONDS = 5.0  # how often it is looked whether this is still the same log
PAGE_COMMITS = 50
KEPT_COMMITS = 1000  # who is further behind reads the log,
MOST_BEHIND = 4  # of whom so many at once: who asks for the views is not to wait for them


class Tail:
    """Hands out commits by position, without a hole and without a repeat; nothing is kept for a single follower.

    `open_log` returns None as long as there is no log.
    """

    def __init__(self, open_log: Callable[[], Awaitable[MongoLog | None]]) -> None:
        self.is_closed = False
        self.log_number = 0  # another one after the log was replaced
        self._open_log = open_log
        self._log: MongoLog | None = None
        self._recent: deque[Commit] = deque(maxlen=KEPT_COMMITS)
        self._head = 0  # the last position in `_recent`, or where it begins
        self._looked_at = -FORGOTTEN_SECONDS
        self._has_moved = asyncio.Event()
        self._opened_at = time.monotonic()
        self._behind = asyncio.Semaphore(MOST_BEHIND)
        self._waiting = 0
        self._wanted = asyncio.Event()

    async def head(self) -> int:
        """The last position now; Unavailable if the log cannot be reached."""
        log = await self._opened()
        return await log.head() if log else 0

    async def after(self, position: int, *, seconds: float) -> Sequence[Commit]:
        """The next commits after this position, PAGE_COMMITS at most; wait so long until there are some.

        Nothing then, or where this is closed, or the log was replaced.
        """
        deadline = time.monotonic() + seconds
        while not self.is_closed:
            if self._recent and self._recent[0].position <= position + 1 <= self._head:
                start = position + 1 - self._recent[0].position
                return list(islice(self._recent, start, start + PAGE_COMMITS))
            if position < self._head and (found := await self._read_behind(position)):
                return found
            if not await self._wait(deadline - time.monotonic()):
                break
        return ()

    def close(self) -> None:
        """Let all go who wait."""
        self.is_closed = True
        self._has_moved.set()

    async def run(self) -> None:
        """Read on while somebody waits."""
        while True:
            await self._wanted.wait()
            with suppress(Unavailable):
                await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        now = time.monotonic()
        if now - self._opened_at > SAME_SECONDS:
            await self._require_same_log()
        if now - self._looked_at > FORGOTTEN_SECONDS:  # nobody followed meanwhile: begin at the end, not where it was
            self._recent.clear()
            self._head = await self.head()
            self._tell()
        self._looked_at = now
        while found := await self._read(self._head):
            self._recent.extend(found)
            self._head = found[-1].position
            self._tell()

    async def _require_same_log(self) -> None:
        """Positions of another log mean something else: who follows must begin again, and is told so then."""
        log, self._opened_at = await self._open_log(), time.monotonic()
        if self._log and (log is None or log.info.id != self._log.info.id or await log.head() < self._head):
            self.log_number += 1
            self._recent.clear()
            self._head = 0
        self._log = log
        self._tell()

    def _tell(self) -> None:
        self._has_moved.set()
        self._has_moved = asyncio.Event()

    async def _wait(self, seconds: float) -> bool:
        """Until there is more; False when time is up. Only the wait is cut short, never a read."""
        self._waiting += 1
        self._wanted.set()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._has_moved.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._wanted.clear()
        return True

    async def _read_behind(self, position: int) -> Sequence[Commit]:
        async with self._behind:
            return await self._read(position)

    async def _read(self, position: int) -> Sequence[Commit]:
        log = await self._opened()
        return await log.read_all(position, PAGE_COMMITS) if log else ()

    async def _opened(self) -> MongoLog | None:
        if self._log is None:
            self._log = await self._open_log()
        return self._log
