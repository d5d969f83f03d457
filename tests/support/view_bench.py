"""A log and a views database on a real MongoDB, with the projector's writers on them in this process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.errors import Unavailable
from common.log import open_log
from common.mongo import open_client
from common.sink import Fenced
from projector.writer import ViewWriter
from tests.support import naive
from tests.support.ledger import Ledger
from tests.support.real_log import a_database

TRIES = 50
MOST_COMMITS = 400


class ViewBench:
    def __init__(self, url: str, ledger: Ledger, views: AsyncDatabase[dict[str, Any]], events_database: str) -> None:
        self.url = url
        self.ledger = ledger
        self.log = ledger.log
        self.views = views
        self.events_database = events_database

    @property
    def all_partitions(self) -> frozenset[int]:
        return frozenset(range(self.log.info.partitions))

    def writer(self) -> ViewWriter:
        return ViewWriter(self.views, self.log)

    @asynccontextmanager
    async def writer_called(self, name: str) -> AsyncIterator[ViewWriter]:
        """A writer with a connection of its own, that `failing` can tell from the others."""
        async with open_client(self.url, name=name) as client:
            yield ViewWriter(client[self.views.name], self.log)

    async def batch(self, after: int = 0) -> Mapping[int, list[Commit]]:
        """What the log has after this position."""
        batch: dict[int, list[Commit]] = {}
        for commit in await self.log.read_all(after, MOST_COMMITS):
            batch.setdefault(commit.partition, []).append(commit)
        return batch

    async def catch_up(self, writer: ViewWriter) -> None:
        """Go on from the checkpoints to the head, and begin again when a batch is fenced, as the feed does."""
        for _ in range(TRIES):
            try:
                await self._catch_up(writer)
            except (Fenced, Unavailable):
                continue
            return
        raise AssertionError(f"fenced {TRIES} times")

    async def _catch_up(self, writer: ViewWriter) -> None:
        batch: dict[int, tuple[Commit, ...]] = {}
        for partition, checkpoint in (await writer.begin(self.all_partitions)).items():
            page = await self.log.read_partition(partition, checkpoint.position, MOST_COMMITS)
            if page.commits:
                batch[partition] = page.commits
        if batch:
            await writer.apply(batch)

    async def ask(self, request: dict[str, Any]) -> None:
        await self.views["requests"].insert_one(request)

    async def parked(self) -> dict[Any, dict[str, Any]]:
        """Every document that stands still, by its id."""
        return {
            document["_id"]: document
            for collection in ("orders", "inventory")
            async for document in self.views[collection].find({"parked": {"$exists": True}})
        }

    async def check(self) -> None:
        """Every view is the naive fold of the log."""
        await asyncio.to_thread(naive.check, self.url, self.events_database, self.views.name)


@asynccontextmanager
async def a_view_bench(url: str, *, partitions: int = 4) -> AsyncIterator[ViewBench]:
    async with a_database(url) as (client, name), a_database(url) as (views_client, views_name):
        log = await open_log(client[name], partitions=partitions)
        yield ViewBench(url, Ledger(log), views_client[views_name], name)
