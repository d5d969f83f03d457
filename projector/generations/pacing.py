"""What is served comes first: while commits come in, a builder takes small steps with pauses.

The builder and the projector share MongoDB and, on a small machine, the processors. `nice` orders only the latter.
"""

import asyncio
import time

from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.storage import CHECKPOINTS
from projector.generations.known import GROUP
from projector.views import reaching_views

BUSY_PER_SECOND = 20.0  # commits into the views
STEP_DOCUMENTS = 250  # in one transaction while they come in; its locks and its journal are what others wait for
LEAP_DOCUMENTS = 2_000
MOST_PAUSE_SECONDS = 2.0


class Pace:
    """Of one builder; begins small."""

    def __init__(self, views: AsyncDatabase) -> None:
        self._views = views
        self._stood_at = 0
        self._looked_at = time.monotonic()
        self.is_busy = True

    @property
    def most_documents(self) -> int:
        """In one batch."""
        return STEP_DOCUMENTS if self.is_busy else LEAP_DOCUMENTS

    async def keep(self) -> None:
        """Look, after a batch, whether commits come in; if so pause for as long as the batch took."""
        worked = time.monotonic() - self._looked_at
        stands = await self._positions()
        self.is_busy = self._stood_at > 0 and stands - self._stood_at > BUSY_PER_SECOND * worked
        self._stood_at = stands
        if self.is_busy:
            await asyncio.sleep(min(worked, MOST_PAUSE_SECONDS))
        self._looked_at = time.monotonic()

    async def _positions(self) -> int:
        """Of all partitions together: what moves it is a commit that was applied."""
        with reaching_views():
            stands = await self._views[CHECKPOINTS].find({"group": GROUP}, {"position": 1}).to_list()
        return sum([stand["position"] for stand in stands])
