"""How far a group has come, and the wait until the views have come far enough (PROTOCOL Q1, Q2)."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.config import MOST_PARTITIONS
from common.errors import ProjectionLag
from common.generations import Shown, mark_of, places_shown, read_shown_of
from common.mongo import reaching
from common.primary import Primary
from common.read_models import IN_THE_FIRST
from common.read_models.generations import Places
from common.read_models.storage import CHECKPOINTS, PROGRESS

POLL_SECONDS = 0.004
LONGEST_POLL_SECONDS = 0.02
VIEWS = "views"
SAGAS = "sagas"


@dataclass(frozen=True, slots=True)
class Reading:
    """The checkpoints at one moment: partition → position, rev; a little older: partition → seen, and the worst lag."""

    positions: Mapping[int, int] = field(default_factory=dict)
    revs: Mapping[int, int] = field(default_factory=dict)  # of the same checkpoints
    seen: Mapping[int, int] = field(default_factory=dict)
    lag_ms: int = 0
    partitions: int = 0  # how many there are, of which some may have no checkpoint yet
    places: Places = field(default_factory=lambda: IN_THE_FIRST)  # where the views stand that are shown
    mark: str = ""  # which views these are

    @property
    def position(self) -> int:
        """Everything in the log up to here is in the views."""
        if len(self.positions) < self.partitions:
            return 0
        return min((self.seen_in(partition) for partition in self.positions), default=0)

    def seen_in(self, partition: int) -> int:
        return max(self.positions.get(partition, 0), self.seen.get(partition, 0))

    def covers(self, wanted: Mapping[int, int]) -> bool:
        return all(self.positions.get(partition, 0) >= position for partition, position in wanted.items())


_CHECKPOINTS = {
    "find": CHECKPOINTS,
    "projection": {"partition": 1, "position": 1, "rev": 1, "partitions": 1},
    "singleBatch": True,
    "batchSize": MOST_PARTITIONS,
    "readConcern": {"level": "majority"},
}
"""As a command, at half the price of a cursor: it is sent hundreds of times a second while somebody waits."""
_WITH_AGE = {"partition": 1, "seen": 1, "lag_ms": 1, "age_ms": {"$subtract": ["$$NOW", "$noted_at"]}}
SILENT_MS = 3000  # a projector that has noted nothing for so long is not there


def _positions(checkpoints: list[dict[str, int]]) -> dict[str, dict[int, int]]:
    return {
        "positions": {c["partition"]: c["position"] for c in checkpoints},
        "revs": {c["partition"]: c["rev"] for c in checkpoints},
    }


def _lag_ms(progress: Mapping[str, int]) -> int:
    """What the projector noted; when it has gone silent, at least how long ago that was."""
    age_ms = progress.get("age_ms") or 0
    return progress["lag_ms"] + age_ms if age_ms > SILENT_MS else progress["lag_ms"]


def reaching_views() -> reaching:
    return reaching("The read store cannot be reached; ask again in a moment.")


class Freshness:
    """Reads the checkpoints once for all who wait.

    A reading may be `fresh_seconds` old where nobody waits for more. With 0 none began before it was asked for, so
    that several of these never contradict each other.
    """

    def __init__(
        self,
        database: AsyncDatabase,
        primary: Primary,
        *,
        group: str = VIEWS,
        wait_seconds: float = 0.0,
        fresh_seconds: float = 0.1,
    ) -> None:
        self._database = database
        self._primary = primary
        self._of_group = {"group": group}
        self._wait_seconds = wait_seconds
        self._fresh_seconds = fresh_seconds
        self._reading = Reading()
        self._read_at = self._polled_at = -math.inf
        self._polling: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def current(self) -> Reading:
        oldest = time.monotonic() - self._fresh_seconds
        while self._read_at < oldest:
            await self._one_at_a_time(self._renew)
        return self._reading

    async def reach(self, wanted: Mapping[int, int]) -> Reading:
        """Wait until the views have passed these positions; raises ProjectionLag after `wait_seconds`."""
        deadline = time.monotonic() + self._wait_seconds
        reading = await self.current()
        while not reading.covers(wanted):
            if time.monotonic() > deadline:
                raise ProjectionLag("The views have not yet reached your Consistency-Token; ask again in a moment.")
            if self._polling is None or self._polling.done():
                self._polling = asyncio.create_task(self._poll())
            await asyncio.shield(self._polling)
            reading = self._reading
        return await self.current()  # while it was waited for, another generation may have been shown (Q3)

    async def read(self) -> Reading:
        """Read the checkpoints and the progress now."""
        with reaching_views():
            checkpoints, progress, (shown, views_id) = await self._primary.steadily(self._all_of_it)
        return Reading(
            places=places_shown(shown),
            mark=mark_of(shown, views_id),
            **_positions(checkpoints),
            seen={p["partition"]: p["seen"] for p in progress},
            partitions=max((c.get("partitions", 0) for c in checkpoints), default=0),
            lag_ms=max(map(_lag_ms, progress), default=0),
        )

    async def _poll(self) -> None:
        """Look at the checkpoints, for all who wait together; less often where the wait will be long."""
        pause_seconds = min(max(POLL_SECONDS, self._reading.lag_ms / 8000), LONGEST_POLL_SECONDS)
        await asyncio.sleep(self._polled_at + pause_seconds - time.monotonic())
        self._polled_at = time.monotonic()
        await self._one_at_a_time(self._renew_positions)

    async def _one_at_a_time(self, renew: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the renewal under way, or begin this one: else an older reading could replace a newer one."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(renew())
        await asyncio.shield(self._renewing)

    async def _renew(self) -> None:
        began_at = time.monotonic()
        self._reading, self._read_at = await self.read(), began_at

    async def _renew_positions(self) -> None:
        with reaching_views():
            checkpoints = await self._primary.steadily(self._checkpoints)
        self._reading = replace(self._reading, **_positions(checkpoints))

    async def _checkpoints(self) -> list[dict[str, int]]:
        answer = await self._database.command({**_CHECKPOINTS, "filter": self._of_group})
        return answer["cursor"]["firstBatch"]

    async def _all_of_it(self) -> tuple[list[dict[str, int]], list[dict[str, int]], tuple[Shown, str]]:
        checkpoints = await self._checkpoints()
        progress = await self._database[PROGRESS].find(self._of_group, _WITH_AGE).to_list()
        is_of_views = self._of_group == {"group": VIEWS}
        return checkpoints, progress, await read_shown_of(self._database) if is_of_views else ({}, "")
