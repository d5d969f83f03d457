"""Finds commits by what they say, page by page; a page looks at so many commits and no more.

With `log.py`, a file that knows how a commit is stored.
"""

from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.stored_commits import from_document

LOOKED_AT = 20_000  # commits for one page, where no index leads to those that are wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What all commits of a list have in common; None is no condition. `first` and `last` are positions."""

    stream: str | None = None
    event_type: str | None = None
    correlation_id: str | None = None
    first: int
    last: int

    @property
    def order(self) -> str:
        """What they are looked at by: a stream has an index by its versions."""
        return "_id" if self.stream is None else "version"

    def filter(self) -> dict[str, Any]:
        said = {"stream": self.stream, "events.type": self.event_type, "correlation_id": self.correlation_id}
        return {name: {"$eq": value} for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Found:
    """`following` is where the next page begins: a position, or a version of the stream; None at the end."""

    commits: tuple[Commit, ...]
    following: int | None


async def search(
    database: AsyncDatabase, wanted: Wanted, *, start: int | None, newest_first: bool, limit_commits: int
) -> Found:
    """The first from `start` on, among the LOOKED_AT commits that come there; it may be none, with more behind."""
    low, high = await _ends(database, wanted)
    if start is None:
        start = high if newest_first else low
    near, far = (max(low, start - LOOKED_AT + 1), start) if newest_first else (start, min(high, start + LOOKED_AT - 1))
    commits = await _within(database, wanted, near, far, newest_first=newest_first, limit_commits=limit_commits + 1)
    if len(commits) > limit_commits:
        return Found(tuple(commits[:limit_commits]), _number(commits[limit_commits], wanted))
    if newest_first:
        return Found(tuple(commits), near - 1 if near > low else None)
    return Found(tuple(commits), far + 1 if far < high else None)


async def _ends(database: AsyncDatabase, wanted: Wanted) -> tuple[int, int]:
    """The first and the last number that there is to look at."""
    if wanted.stream is None:
        return wanted.first, wanted.last
    newest = await database["commits"].find_one({"stream": wanted.stream}, {"version": 1}, sort=[("version", -1)])
    return 1, newest["version"] if newest else 0


async def _within(
    database: AsyncDatabase, wanted: Wanted, near: int, far: int, *, newest_first: bool, limit_commits: int
) -> list[Commit]:
    positions = {"$gte": wanted.first, "$lte": wanted.last}
    within = {"_id": positions} | {wanted.order: {"$gte": near, "$lte": far}} | wanted.filter()
    found = database["commits"].find(
        within,
        sort=[(wanted.order, -1 if newest_first else 1)],
        limit=limit_commits,
        hint="_id_" if wanted.stream is None else "stream_version",
    )
    return [from_document(document) async for document in found]


def _number(commit: Commit, wanted: Wanted) -> int:
    return commit.position if wanted.stream is None else commit.version
