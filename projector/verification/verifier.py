"""Compares some documents with the log, again and again, and has repaired what differs: a small part of the work.

It looks at partitions that this process holds. However much it found to read, it then rests until that was its share.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from pymongo.asynchronous.database import AsyncDatabase

from common.config import Settings
from common.errors import Unavailable
from common.read_models import ORDERS, READ_MODELS
from common.read_models.shapes import ReadModel
from common.read_models.storage import SUMS
from projector.verification.differences import next_to_look_at, note_difference, note_right_again, note_verified
from projector.verification.differing import Finding
from projector.verification.moment import NotNow, moment_of
from projector.verification.repairing import ask_for_repair
from projector.verification.sampling import some_stored, some_told
from projector.verification.sum_checking import verify_user
from projector.verification.verifying import MOST_COMMITS, Checked, Key, verify_documents

ADVICE = "`cqrs projections rebuild orders` makes the sums anew"

log = structlog.get_logger(__name__)
VERIFIED = Counter("leveret_projector_verified_total", "Documents compared with the log", ["projection"])
DIFFERENCES = Counter(
    "leveret_projector_differences_total", "Documents and sums that were not what the log makes of them", ["projection"]
)
VERIFIED_AT = Gauge("leveret_projector_verified_at_seconds", "When a document was last compared, in Unix time")


class Verifier:
    """`held` are the partitions of this process, of so many."""

    def __init__(
        self,
        events: AsyncDatabase,
        views: AsyncDatabase,
        held: Callable[[], frozenset[int]],
        partitions: int,
        settings: Settings,
    ) -> None:
        self._events = events
        self._views = views
        self._held = held
        self._partitions = partitions
        self._seconds = settings.verify_seconds
        self._documents = settings.verify_documents
        self._rest = 1 / settings.verify_share - 1  # times as long as it worked
        self._repairs = settings.repair == "on"
        for model in READ_MODELS:  # a rate is nothing before there is a number
            for counter in (VERIFIED, DIFFERENCES):
                counter.labels(model.collection)

    async def run(self) -> None:
        while True:
            started = time.perf_counter()
            with suppress(NotNow, Unavailable):  # others say so
                await self.look()
            spent = time.perf_counter() - started
            await asyncio.sleep(max(self._seconds, self._rest * spent))

    async def look(self) -> None:
        """Once: some documents, a user's sums if they are orders, and one of the differences that are known."""
        if not (held := self._held()):
            return
        model = random.choice(READ_MODELS)
        choose = random.choice((some_stored, some_told))
        source = self._views if choose is some_stored else self._events
        keys = await choose(source, model, held, self._partitions, self._documents)
        await self._tell(model, await self._verified(model, keys))
        if model is ORDERS and keys:
            await self._tell(model, await self._sums_of_the_user_of(random.choice(keys)))
        if difference := await next_to_look_at(self._views, held):
            await self._look_again(difference)

    async def _verified(self, model: ReadModel[Any], keys: list[Key]) -> Checked:
        checked = await verify_documents(self._events, self._views, model, keys, MOST_COMMITS)
        if checked.count:
            VERIFIED.labels(model.collection).inc(checked.count)
            VERIFIED_AT.set_to_current_time()
            await note_verified(self._views, model.collection)
        return checked

    async def _sums_of_the_user_of(self, order_id: Key) -> Checked:
        async with moment_of(self._views) as moment:
            order = (await moment.documents(ORDERS.collection, [order_id])).get(order_id)
            user_id = order.get("user_id") if order else None
            return await verify_user(moment, user_id) if isinstance(user_id, int) else Checked()

    async def _tell(self, model: ReadModel[Any], checked: Checked) -> None:
        for found in checked.findings:
            DIFFERENCES.labels(model.collection).inc()
            advice = {"advice": ADVICE} if found.collection == SUMS else {}
            told = {"collection": found.collection, "key": found.key, "what": found.what, "fields": list(found.fields)}
            log.error("view_differs", **told, position=found.position, **advice)
            await note_difference(self._views, found)
            await self._repair(found)

    async def _repair(self, found: Finding) -> None:
        """A document; sums are of many, and only made anew all together."""
        if self._repairs and found.collection != SUMS:
            await ask_for_repair(self._views, found.projection, found.key, found.partition)

    async def _look_again(self, difference: Mapping[str, Any]) -> None:
        """It may have been repaired, by whomever; if not, it is asked for again."""
        model = next((m for m in READ_MODELS if m.collection == difference["projection"]), None)
        if model is None:
            return
        if difference["collection"] == SUMS:
            checked = await self._sums_again(str(difference["key"]))
        else:
            checked = await verify_documents(self._events, self._views, model, [difference["key"]], MOST_COMMITS)
        still = [found for found in checked.findings if found.key == difference["key"]]
        for found in still:
            await self._repair(found)
        if not still:
            await note_right_again(self._views, difference)

    async def _sums_again(self, key: str) -> Checked:
        """`users/7`, `user_products/7/456`: what is found here is of a user."""
        async with moment_of(self._views) as moment:
            return await verify_user(moment, int(key.split("/")[1]))
