"""Bring one generation as far as it was asked for: built, compared with what is shown, shown. `orders@2` is its name.

A process of its own, so that the projector's loop stays free; it is told to end by the end of its standard input.
Whatever it is killed in, the next one goes on from what stands in the databases.
"""

import asyncio
import gc
import os
import sys

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from common.config import Settings
from common.generations import places_shown, read_or_make_shown
from common.log import MongoLog, open_log
from common.mongo import open_client
from common.process import run_process
from common.read_models.storage import CHECKPOINTS, GENERATIONS
from common.sink import Fenced
from common.skips import read_skips
from common.tasks import together
from projector.generations.building import Builder
from projector.generations.comparing import Comparison, Difference
from projector.generations.following import Follower
from projector.generations.known import ASKED, BUILDING, FOLLOWING, READY, Building, Document, building_of
from projector.generations.switching import holding, show
from projector.views import reaching_views

POLITE = 10  # what is served comes first
COLLECTED_AT = 1_000_000  # objects; a batch is many that live until it is written, and none makes a cycle

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    os.nice(POLITE)
    gc.set_threshold(COLLECTED_AT)
    events = open_client(settings.events_mongodb_url, name="builder")
    views = open_client(settings.views_url, name="builder")
    try:
        event_log = await open_log(events[settings.events_database], partitions=settings.partitions)
        work = Work(event_log, events[settings.events_database], views[settings.views_database], settings)
        await together(work.do(sys.argv[1]), _until_told_to_end())
    except Fenced:
        log.warning("generation_left", generation=sys.argv[1], reason="somebody else is at it, or the views moved on")
    finally:
        await views.close()
        await events.close()


class Work:
    """The steps, each of which begins where the one before it ended."""

    def __init__(self, event_log: MongoLog, events: AsyncDatabase, views: AsyncDatabase, settings: Settings) -> None:
        self._log = event_log
        self._events = events
        self._views = views
        self._fresh_seconds = settings.fresh_seconds

    async def do(self, generation: str) -> None:
        found = await self._read(generation)
        building = building_of(found)
        if found["state"] in (ASKED, BUILDING):
            skips = await read_skips(self._views, self._log)
            await Builder(self._events, self._views, building, found, skips).build()
            found = await self._read(generation)
        follower = Follower(self._views, self._log, building, self._log.info.partitions)
        await follower.begin()
        if found["state"] == FOLLOWING:
            difference = await self._difference(follower, building)
            found = await self._ready(found, difference)
        if found["is_switched"]:
            await show(self._views, follower, building, found, self._fresh_seconds)

    async def _difference(self, follower: Follower, building: Building) -> Difference:
        """Taken at one moment at which both stand at the same commits, or at several; compared at leisure."""
        comparison = Comparison(self._views, building.places)
        while not comparison.is_done:
            async with self._views.client.start_session(snapshot=True) as session:
                async with holding(self._views, follower):
                    shown = places_shown(await read_or_make_shown(self._views))
                    await self._views[CHECKPOINTS].find_one({}, session=session)  # the snapshot is of now
                await comparison.go_on(session, shown)
        return comparison.difference

    async def _ready(self, found: Document, difference: Difference) -> Document:
        """One that was to be verified is shown only if nothing differs."""
        report = {**difference.as_dict(), "is_none": difference.is_none}
        is_switched = found["is_switched"] and (difference.is_none or not found["is_verified"])
        change = {"state": READY, "difference": report, "is_switched": is_switched}
        with reaching_views():
            done = await self._views[GENERATIONS].update_one(
                {"_id": found["_id"], "rev": found["rev"]}, {"$set": change, "$inc": {"rev": 1}}
            )
        if not done.modified_count:
            raise Fenced
        return await self._read(found["_id"])

    async def _read(self, generation: str) -> Document:
        with reaching_views():
            found = await self._views[GENERATIONS].find_one({"_id": generation})
        if found is None:
            raise Fenced
        return found


async def _until_told_to_end() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


if __name__ == "__main__":
    run_process("builder", run)
