"""Has generations built, shown and dropped as they were asked for, in a process of their own beside the projector's.

Of several projectors the one with the lease does it. One whose rules are newer than those of what is shown asks by
itself: until its generation is shown, the projectors with the older rules go on.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from uuid import uuid4

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import Unavailable
from common.generations import read_or_make_shown
from common.leases import Leases
from common.read_models import READ_MODELS
from projector.generations.known import DROPPING, Document, ask_for_another, drop, generations_of, to_be_done
from projector.views import reaching_views

GROUP = "generations"
LOOK_SECONDS = 0.5
END_SECONDS = 5.0
MOST_REST_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Keeper:
    def __init__(self, views: AsyncDatabase, log_id: str, *, lease_seconds: float) -> None:
        self._views = views
        self._log_id = log_id
        self._leases = Leases(views, group=GROUP, parts=1, holder=str(uuid4()), seconds=lease_seconds)
        self._process: Process | None = None
        self._failures = 0  # of builders, one after another
        self._rests_until = 0.0

    async def run(self) -> None:
        try:
            while True:
                with suppress(Unavailable), reaching_views():  # others say so
                    await self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._end()

    async def _look(self) -> None:
        await self._ask_by_itself()
        wanted = await to_be_done(self._views)
        if not (wanted or self._is_building):
            return
        await self._leases.renew()
        if not self._leases.held:
            await self._end()
        elif not self._is_building and wanted and not self._rests():
            await self._do(wanted[0])

    async def _ask_by_itself(self) -> None:
        """Newer rules replace older ones, never the other way round: two of them would not come to an end."""
        shown = await read_or_make_shown(self._views)
        for model in READ_MODELS:
            if model.rules > shown[model.collection]["rules"]:
                others = await generations_of(self._views, model.collection)
                if not any(other["rules"] == model.rules for other in others):
                    log.info("newer_rules", projection=model.collection, rules=model.rules)
                    await ask_for_another(self._views, self._log_id, model.collection)

    async def _do(self, wanted: Document) -> None:
        if wanted["state"] == DROPPING:
            await drop(self._views, wanted)
            return
        command = (sys.executable, "-m", "projector.generations.builder", wanted["_id"])
        self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE)
        log.info("builder_started", generation=wanted["_id"], pid=self._process.pid)

    def _rests(self) -> bool:
        """After a builder that failed, twice as long each time; what it failed by may pass."""
        ended, now = self._process, time.monotonic()
        if ended is not None:
            self._process = None
            self._failures = self._failures + 1 if ended.returncode else 0
            rest_seconds = min(MOST_REST_SECONDS, LOOK_SECONDS * 2**self._failures) if self._failures else 0.0
            self._rests_until = now + rest_seconds
        return now < self._rests_until

    @property
    def _is_building(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _end(self) -> None:
        """It ends by itself when nobody holds its standard input any more."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
