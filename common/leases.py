"""Who may work on which partition now, by the database's clock (PROTOCOL R1, F1).

A lease makes work quick, not right: a holder that lost it without knowing does harm to nobody, because the
checkpoint's compare-and-set stops it.
"""

import math
import time
from collections.abc import Iterable

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from common.mongo import reaching

LEASES = "leases"  # the collection
RENEWALS_PER_LEASE = 3
_ALIVE = {"$expr": {"$gt": ["$until", "$$NOW"]}}


class Leases:
    """The leases of one process in a group of `parts` numbered from 0, shared fairly among the group's processes."""

    def __init__(self, database: AsyncDatabase, *, group: str, parts: int, holder: str, seconds: float) -> None:
        self._collection = database[LEASES]
        self._group = group
        self._parts = parts
        self._holder = holder
        self._seconds = seconds
        self._renewed_at = -math.inf
        self._held: frozenset[int] = frozenset()

    @property
    def held(self) -> frozenset[int]:
        """What this process may work on; nothing once the time has run out by its own clock."""
        return self._held if time.monotonic() - self._renewed_at < self._seconds else frozenset()

    @property
    def pause_seconds(self) -> float:
        return self._seconds / RENEWALS_PER_LEASE

    async def renew(self) -> frozenset[int]:
        """Renew what is held and take a fair share of what is free; return what is held beyond it, to be released.

        What is held counts from the first answer on: on a server that is slow each further question takes its time.
        """
        started = time.monotonic()
        with reaching("The leases cannot be renewed."):
            held = await self._renew_held()
            self._held, self._renewed_at = held, started
            share = math.ceil(self._parts / await self._count_members())
            if len(held) < share:
                self._held = held = held | await self._take_free(held, share - len(held))
        return frozenset(sorted(held)[share:])

    async def release(self, parts: Iterable[int]) -> None:
        """Give back, for the next process to take at once."""
        given = frozenset(parts)
        self._held -= given
        with reaching("The leases cannot be released; they run out by themselves."):
            await self._collection.delete_many({"_id": {"$in": self._ids(given)}, "holder": self._holder})

    async def leave(self) -> None:
        """Give everything back and stop counting as a member."""
        await self.release(self._held)
        with reaching("The membership cannot be ended; it runs out by itself."):
            await self._collection.delete_one({"_id": self._member_id})

    @property
    def _member_id(self) -> str:
        return f"{self._group}/member/{self._holder}"

    def _ids(self, parts: Iterable[int]) -> list[str]:
        return [f"{self._group}/{part}" for part in parts]

    def _lease(self) -> list[dict[str, dict[str, object]]]:
        until = {"$add": ["$$NOW", int(self._seconds * 1000)]}
        return [{"$set": {"group": self._group, "holder": self._holder, "until": until}}]

    async def _count_members(self) -> int:
        await self._collection.update_one({"_id": self._member_id}, self._lease(), upsert=True)
        members = {"_id": {"$regex": f"^{self._group}/member/"}, **_ALIVE}
        return max(1, await self._collection.count_documents(members))

    async def _renew_held(self) -> frozenset[int]:
        mine = {"_id": {"$in": self._ids(range(self._parts))}, "holder": self._holder}
        await self._collection.update_many(mine, self._lease())
        return frozenset([int(str(d["_id"]).rpartition("/")[2]) async for d in self._collection.find(mine, {"_id": 1})])

    async def _take_free(self, held: frozenset[int], wanted: int) -> frozenset[int]:
        taken: set[int] = set()
        for part in sorted(frozenset(range(self._parts)) - held):
            if len(taken) == wanted:
                break
            if await self._take(part):
                taken.add(part)
        return frozenset(taken)

    async def _take(self, part: int) -> bool:
        """Take the lease if its time has run out, in one step on the server."""
        free = {"$lte": [{"$ifNull": ["$until", 0]}, "$$NOW"]}
        wanted = self._lease()[0]["$set"]
        lease = {name: {"$cond": [free, value, f"${name}"]} for name, value in wanted.items()}
        taken = await self._collection.find_one_and_update(
            {"_id": f"{self._group}/{part}"},
            [{"$set": lease}],
            upsert=True,
            return_document=pymongo.ReturnDocument.AFTER,
        )
        return bool(taken and taken["holder"] == self._holder)


async def groups_at_work(database: AsyncDatabase) -> frozenset[str]:
    """The groups of which somebody holds a lease, or has not left."""
    with reaching("Who works on the log cannot be seen."):
        return frozenset([lease["group"] async for lease in database[LEASES].find(_ALIVE)])
