"""The log stream by stream, as its index has them: what a document is folded from comes at once, whole and in order."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.mongo import patiently, reaching
from common.stored_commits import WITHOUT_METADATA, from_partial_document, to_be_folded

PAGE_COMMITS = 2_000

Upto = Mapping[int, int]
"""Partition → the last position that counts; none counts of a partition that is not named."""
Stream = tuple[str, list[Commit]]
"""A subject and all that counts of its stream."""


def streams_range(context: str, after: str) -> dict[str, str]:
    """The filter on `stream`; "." comes next after "-"."""
    return {"$gt": f"{context}-{after}", "$lt": f"{context}."}


async def read_streams(database: AsyncDatabase, context: str, upto: Upto, after: str = "") -> AsyncIterator[Stream]:
    """The streams of a context whose subjects come after `after`, in the order of their names.

    The commits have no metadata: who folds them needs none, and it is a third of the time to read them.
    """
    stream, commits = "", list[Commit]()
    async for page in _pages(database, context, after):
        for document in page:
            if document["_id"] > upto.get(document["partition"], 0):
                continue
            if document["stream"] != stream:
                if commits:
                    yield commits[0].subject, commits
                stream, commits = document["stream"], []
            commits.append(from_partial_document(document))
    if commits:
        yield commits[0].subject, commits


async def _pages(database: AsyncDatabase, context: str, after: str) -> AsyncIterator[list[dict[str, Any]]]:
    """The next page is on its way while one is worked on."""
    cursor = to_be_folded(database["commits"]).find(
        {"stream": streams_range(context, after)},
        WITHOUT_METADATA,
        sort=[("stream", 1), ("version", 1)],
        hint="stream_version",
        batch_size=PAGE_COMMITS,
    )
    reading = asyncio.create_task(_next_page(cursor))
    try:
        while page := await reading:
            reading = asyncio.create_task(_next_page(cursor))
            yield page
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await cursor.close()


async def _next_page(cursor: AsyncCursor) -> list[dict[str, Any]]:
    with reaching("The event log cannot be reached."), patiently():
        return await cursor.to_list(PAGE_COMMITS)
