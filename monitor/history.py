"""The samples as they are stored, in the database of the views: one document a time slot, gone after a day.

`{_id: <the slot's instant>, …Sample}`. Two monitors that look at once write the same slot, and the second one finds it
taken. A crash between a look and its insert leaves a hole of one slot.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pymongo
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from common.mongo import reaching
from common.read_models.storage import SAMPLES
from monitor.sample import SHOWN, Sample
from monitor.shown import SampleView

KEPT = timedelta(hours=24)
INDEXES = {SAMPLES: [pymongo.IndexModel("at", expireAfterSeconds=int(KEPT.total_seconds()))]}
"""By collection: MongoDB forgets what is older than KEPT."""
MOST_POINTS = 500
_RATES = frozenset({"accepted", "refused", "conflicted", "stored", "published", "projected"})


class History:
    def __init__(self, views: AsyncDatabase) -> None:
        self._samples = views[SAMPLES]

    async def prepare(self) -> None:
        """Make the indexes that are not there yet."""
        with _reaching():
            await self._samples.create_indexes(INDEXES[SAMPLES])

    async def add(self, sample: Sample) -> None:
        """The slot is written once, whoever comes first."""
        document = msgspec.to_builtins(sample, builtin_types=(datetime,))
        with _reaching():
            try:
                await self._samples.insert_one({"_id": sample.at, **document})
            except DuplicateKeyError:
                return

    async def last(self, since: datetime) -> list[Sample]:
        """From then on, oldest first."""
        with _reaching():
            found = await self._samples.find({"at": {"$gte": since}}, sort=[("at", pymongo.ASCENDING)]).to_list()
        return [msgspec.convert(document, Sample, builtin_types=(datetime,)) for document in found]

    async def between(self, begin: datetime, end: datetime, step_seconds: int) -> list[SampleView]:
        """One point for each step in which there was a sample, oldest first; at most MOST_POINTS."""
        at = {"$dateTrunc": {"date": "$at", "unit": "second", "binSize": step_seconds}}
        stages: list[dict[str, Any]] = [
            {"$match": {"at": {"$gte": begin, "$lte": end}}},
            {"$group": {"_id": at} | {name: {_one_of_many(name): f"${name}"} for name in SHOWN}},
            {"$sort": {"_id": 1}},
            {"$limit": MOST_POINTS},
        ]
        with _reaching():
            found = await (await self._samples.aggregate(stages)).to_list()
        return [_shown(document) for document in found]


def slot_of(now: datetime, seconds: float) -> datetime:
    """The beginning of the time slot in which it is now, counted from 1970."""
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def step_for(begin: datetime, end: datetime, wanted_seconds: int) -> int:
    """At least as many seconds as are wanted, so that no more than MOST_POINTS cover the time between."""
    between = (end - begin) // timedelta(seconds=1)
    return max(wanted_seconds, -(-between // (MOST_POINTS - 1)))


def _one_of_many(name: str) -> str:
    """Mean rates and the worst of all else; neither counts what is null."""
    return "$avg" if name in _RATES else "$max"


def _shown(document: dict[str, Any]) -> Any:
    return {name: document["_id"] if name == "at" else _rounded(document[name]) for name in SHOWN}


def _rounded(number: float | None) -> float | None:
    return round(number, 3) if isinstance(number, float) else number


def _reaching() -> reaching:
    return reaching("The samples cannot be reached.")
