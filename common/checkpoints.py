"""The checkpoints of one group, as the process that writes behind them knows them (PROTOCOL V1)."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.mongo import reaching
from common.partition_state import Progress
from common.read_models.storage import CHECKPOINTS, PROGRESS, checkpoint_id
from common.sink import Fenced
from common.transaction import Guarded, kill_session

HELD_PAUSE_SECONDS = 0.01
NOTED_SECONDS = 1.0  # how often the progress is written down though nothing changed: it shows that somebody is there


class Checkpoints:
    """Documents `{_id: group/partition, position, command_id, rev, session}`; `revs` are the last ones seen here.

    All transactions of a process go through one session, which stands in its checkpoints: the next holder ends it.
    """

    def __init__(self, database: AsyncDatabase, group: str, *, partitions: int) -> None:
        self.revs: dict[int, int] = {}
        self.session: AsyncClientSession | None = None
        self._database = database
        self._collection = database[CHECKPOINTS]
        self._group = group
        self._partitions = partitions
        self._noted: dict[int, dict[str, int]] = {}
        self._noted_at = 0.0

    async def take_over(self, partitions: Iterable[int]) -> None:
        """Note our session in the checkpoints, and end what the last holders have open in theirs."""
        self._noted.clear()
        self.session = self.session or self._database.client.start_session()
        ours = dict(self.session.session_id)
        wanted = {"_id": {"$in": self._ids(partitions)}}
        with _reaching():
            async for checkpoint in self._collection.find(wanted, {"session": 1}):
                if checkpoint.get("session") not in (None, ours):
                    await kill_session(self._database, checkpoint["session"])
            await self._collection.update_many(wanted, {"$set": {"session": ours}})

    async def begin(self, partition: int) -> Mapping[str, Any]:
        """Read the checkpoint, making it if there is none; wait while it is held, for a switch of generations."""
        new: dict[str, Any] = {"group": self._group, "partition": partition, "partitions": self._partitions}
        new |= {"position": 0, "command_id": None, "rev": 0}
        if self.session:
            new["session"] = dict(self.session.session_id)
        with _reaching():
            found: Any = await self._collection.find_one_and_update(
                {"_id": checkpoint_id(self._group, partition)},
                {"$setOnInsert": new},
                upsert=True,
                return_document=pymongo.ReturnDocument.AFTER,
            )
        if "held_until" in found and await self._is_held(partition):
            await asyncio.sleep(HELD_PAUSE_SECONDS)
            return await self.begin(partition)
        self.revs[partition] = found["rev"]
        return found

    def statement(self, last: Mapping[int, Commit]) -> Guarded:
        """Move each checkpoint by compare-and-set on its `rev`, which changes even when the position stays (V1)."""
        updates = [
            {
                "q": {"_id": checkpoint_id(self._group, partition), "rev": self.revs[partition]},
                "u": {"$set": {"position": commit.position, "command_id": commit.command_id}, "$inc": {"rev": 1}},
            }
            for partition, commit in last.items()
        ]
        return Guarded({"update": CHECKPOINTS, "updates": updates}, must_match=len(updates))

    def step(self, partition: int) -> Guarded:
        """Only the `rev` changes: what is written with it lies below the position."""
        updates = [
            {
                "q": {"_id": checkpoint_id(self._group, partition), "rev": self.revs[partition]},
                "u": {"$inc": {"rev": 1}},
            }
        ]
        return Guarded({"update": CHECKPOINTS, "updates": updates}, must_match=len(updates))

    async def position(self, partition: int) -> int:
        """As it stands; Fenced if the checkpoint is gone."""
        with _reaching():
            found: Any = await self._collection.find_one({"_id": checkpoint_id(self._group, partition)})
        if found is None:
            raise Fenced
        return found["position"]

    def moved(self, partitions: Iterable[int]) -> None:
        """The statement for these was committed."""
        for partition in partitions:
            self.revs[partition] += 1

    async def note(self, progress: Mapping[int, Progress]) -> None:
        """Write down how far each partition is, where that changed; told to readers, relied on by nobody.

        A new holder knows less at first; what was seen before stays true until a rebuild deletes it.
        """
        is_due = time.monotonic() - self._noted_at > NOTED_SECONDS
        updates = []
        for partition, now in progress.items():
            noted = {"seen": now.seen, "lag_ms": int(now.lag_seconds * 1000)}
            if self._noted.get(partition) != noted or is_due:
                self._noted[partition] = noted
                told = {"lag_ms": noted["lag_ms"], "group": self._group, "partition": partition}
                change = {"$set": told, "$max": {"seen": now.seen}, "$currentDate": {"noted_at": True}}
                updates.append({"q": {"_id": checkpoint_id(self._group, partition)}, "u": change, "upsert": True})
        if not updates:
            return
        self._noted_at = time.monotonic() if is_due else self._noted_at
        with _reaching():
            await self._database.command({"update": PROGRESS, "updates": updates, "writeConcern": {"w": 1}})

    async def are_gone(self, held: Iterable[int]) -> bool:
        """Whether they are not as this process left them, as when somebody dropped the database."""
        with _reaching():
            found = await self._collection.find({"_id": {"$in": self._ids(held)}}, {"partition": 1, "rev": 1}).to_list()
        return {c["partition"]: c["rev"] for c in found} != {partition: self.revs.get(partition) for partition in held}

    async def _is_held(self, partition: int) -> bool:
        """By the database's clock: who held it may have died."""
        held = {"_id": checkpoint_id(self._group, partition), "$expr": {"$gt": ["$held_until", "$$NOW"]}}
        with _reaching():
            return await self._collection.find_one(held, {"_id": 1}) is not None

    def _ids(self, partitions: Iterable[int]) -> list[str]:
        return [checkpoint_id(self._group, partition) for partition in partitions]


def _reaching() -> reaching:
    return reaching("The store of the checkpoints cannot be reached.")
