"""How snapshots stand in MongoDB: one document for each stream, in the log's database."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from bson import Int64
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from command_service.snapshots import Snapshot
from common.mongo import reaching

SNAPSHOTS = "snapshots"


class MongoSnapshots:
    """Implements `SnapshotStore`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._collection = database[SNAPSHOTS]

    async def find(self, stream: str) -> dict[str, Any] | None:
        with _reaching():
            found = await self._collection.find_one({"_id": stream}, {"saved_at": 0})
        return found and {_spoken(name): _plain(value) for name, value in found.items()}

    async def put(self, snapshot: Snapshot) -> bool:
        """One that resists makes the upsert an insert under its id."""
        ours = {"log_id": snapshot.log_id, "schema_hash": snapshot.schema_hash}
        resists = {**ours, "version": {"$gte": snapshot.version}}
        fields = msgspec.structs.asdict(snapshot)
        document = {"_id": fields.pop("stream"), **fields, "saved_at": datetime.now(UTC)}
        with _reaching():
            try:
                await self._collection.replace_one({"_id": snapshot.stream, "$nor": [resists]}, document, upsert=True)
            except DuplicateKeyError:
                return False
        return True


def _spoken(name: str) -> str:
    return "stream" if name == "_id" else name


def _plain(value: object) -> object:
    """A number over 31 bits comes out of MongoDB as a type of its own."""
    return int(value) if isinstance(value, Int64) else value


def _reaching() -> reaching:
    return reaching("The snapshots cannot be reached.")
