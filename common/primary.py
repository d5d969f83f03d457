"""Reads that know all that was ever acknowledged or shown, whichever server is primary now (PROTOCOL L, Q1).

A majority read is as new as what the primary knows to be on a majority of the servers. One that was just elected
learns that a moment later, and until then answers without commits that its predecessor acknowledged (ADR 15).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pymongo.asynchronous.collection import AsyncCollection

T = TypeVar("T")


class Primary:
    """What this process knows of the primary behind a collection."""

    def __init__(self, collection: AsyncCollection) -> None:
        self._client = collection.database.client
        self._database = collection.database
        self._look = {
            "find": collection.name,
            "projection": {"_id": 1},
            "limit": 1,
            "singleBatch": True,
            "readConcern": {"level": "linearizable"},
        }
        self._agreed_on: object = self  # the election whose primary knows everything; none yet
        self._agreeing = asyncio.Lock()

    async def steadily(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read by one primary that knows everything; again, if another one was elected meanwhile."""
        while True:
            while self._agreed_on != (election := self._election):
                await self._agree()
            found = await read()
            if self._election == election:
                return found

    @property
    def _election(self) -> Any:
        """That of the newest primary this client has heard of; no other is asked. None before the first."""
        return self._client.topology_description.max_election_id

    async def _agree(self) -> None:
        """Wait until the primary has had a write of its own confirmed, with all that stands before it in the log."""
        async with self._agreeing:
            election = self._election
            if self._agreed_on != election:
                await self._database.command(self._look)
                self._agreed_on = election
