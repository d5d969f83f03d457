"""How the log stood at a position: which position a moment is, which streams have changed since, what they were then.

With `log.py`, a file that knows how a commit is stored.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.stored_commits import from_document

CLOCKS_DIFFER = timedelta(seconds=10)  # so much earlier than one before it a commit may say it was recorded
PAGE_COMMITS = 500
PAGE_STREAMS = 200
_NEWEST_FIRST = [("_id", -1)]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit; position 0, and no time, of an empty log."""

    position: int = 0
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The commits after one position and up to another; of one partition and one partition key where they are given."""

    after: int
    upto: int
    partition: int | None = None
    partition_key: int | None = None

    def filter(self, context: str) -> dict[str, Any]:
        of = {"partition": self.partition, "partition_key": self.partition_key}
        streams = {"$gte": f"{context}-", "$lt": f"{context}."}  # "." comes next after "-"
        within = {"$gt": self.after, "$lte": self.upto}
        return {name: value for name, value in of.items() if value is not None} | {"_id": within, "stream": streams}

    @property
    def index(self) -> str:
        return "_id_" if self.partition is None else "partition_position"


async def read_head(database: AsyncDatabase) -> Head:
    newest = await database["commits"].find_one({}, {"recorded_at": 1}, sort=_NEWEST_FIRST)
    return Head(newest["_id"], newest["recorded_at"]) if newest else Head()


async def position_at(database: AsyncDatabase, instant: datetime, head: int) -> int:
    """The last commit, up to `head`, that was recorded at this instant or earlier; 0 if none was.

    Nothing is sorted by time: positions are, and times nearly. Several command services have several clocks, and a
    commit may be decided a while before it is written. It is found exactly as long as no commit says that it was
    recorded more than CLOCKS_DIFFER before one that stands before it; beyond that a position near by is found.

    Costs two bisections, and a look at what was recorded within CLOCKS_DIFFER after the instant.
    """
    lowest = await _bisect(database, instant, 0, head)
    highest = await _bisect(database, instant + CLOCKS_DIFFER, lowest, head)
    within = {"_id": {"$gt": lowest, "$lte": highest}, "recorded_at": {"$lte": instant}}
    late = await database["commits"].find_one(within, {"_id": 1}, sort=_NEWEST_FIRST)
    return late["_id"] if late else lowest


async def _bisect(database: AsyncDatabase, instant: datetime, low: int, high: int) -> int:
    """A position that was recorded by then, while the next one was not; `low` counts as one that was."""
    while low < high:
        middle = (low + high + 1) // 2
        commit: Any = await database["commits"].find_one({"_id": middle}, {"recorded_at": 1})
        if commit["recorded_at"] <= instant:
            low = middle
        else:
            high = middle - 1
    return low


async def changed_streams(database: AsyncDatabase, context: str, spans: Iterable[Span]) -> set[str]:
    """The streams of this context with a commit in any of the spans."""
    changed: set[str] = set()
    for span in spans:
        found = database["commits"].find(span.filter(context), {"_id": 0, "stream": 1}, hint=span.index)
        changed.update([document["stream"] async for document in found])
    return changed


async def commits_of(database: AsyncDatabase, streams: Sequence[str], upto: int) -> AsyncIterator[list[Commit]]:
    """Page by page, stream by stream: all their commits up to this position."""
    for start in range(0, len(streams), PAGE_STREAMS):
        wanted = {"stream": {"$in": streams[start : start + PAGE_STREAMS]}, "_id": {"$lte": upto}}
        by_stream = [("stream", 1), ("version", 1)]
        found = database["commits"].find(wanted, sort=by_stream, hint="stream_version", batch_size=PAGE_COMMITS)
        async for page in _pages(found):
            yield page


async def commits_within(database: AsyncDatabase, context: str, span: Span) -> AsyncIterator[list[Commit]]:
    """Page by page, in the order of the log."""
    found = database["commits"].find(span.filter(context), sort=[("_id", 1)], hint=span.index, batch_size=PAGE_COMMITS)
    async for page in _pages(found):
        yield page


async def _pages(found: AsyncCursor[Any]) -> AsyncIterator[list[Commit]]:
    """As they come from the server: between two of them others have their turn."""
    while page := await found.to_list(PAGE_COMMITS):
        yield [from_document(document) for document in page]
