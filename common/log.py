"""The log: reading and appending commits in MongoDB (PROTOCOL L).

With `repartitioning.py`, the only file that knows how a commit is stored.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4
from zlib import crc32

import pymongo
from bson import Int64, encode
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from common.envelope import Commit, RecordedEvent
from common.errors import Unavailable
from common.mongo import DUPLICATE_KEY, OPERATION_SECONDS, reaching

MAX_EVENTS = 100  # in one commit
MAX_COMMIT_BYTES = 256 * 1024
TURN_MILLISECONDS = 50

_INDEXES = (
    pymongo.IndexModel([("stream", 1), ("version", 1)], unique=True, name="stream_version"),
    pymongo.IndexModel([("command_id", 1)], unique=True, name="command_id"),
    pymongo.IndexModel([("partition", 1), ("_id", 1)], name="partition_position"),
)


_WHO_HAS_THE_TURN = {
    "find": "turns",
    "filter": {"_id": "append", "$expr": {"$gt": ["$until", "$$NOW"]}},
    "limit": 1,
    "singleBatch": True,
    "readConcern": {"level": "majority"},
}
"""As a command, at half the price of a cursor: it is asked a hundred times a second."""


class Failure(enum.Enum):
    """Why an insert ended before its last commit."""

    DUPLICATE = "duplicate"  # the first unwritten commit meets something already there
    UNKNOWN = "unknown"  # nobody can say what was written


@dataclass(frozen=True, slots=True)
class Written:
    """What one insert did: the first `count` commits are durable, and why not more."""

    count: int
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class LogInfo:
    """What a log says of itself: fixed when it was made, `id` renewed by a restore."""

    id: str
    partitions: int

    def partition_of(self, partition_key: int) -> int:
        return crc32(str(partition_key).encode()) % self.partitions


@dataclass(frozen=True, slots=True)
class PartitionPage:
    """Commits of one partition in order, and the head of the whole log in the same snapshot.

    With `whole` there is nothing of the partition beyond the last commit, up to `head`.
    """

    commits: tuple[Commit, ...]
    head: int
    whole: bool


class Log(Protocol):
    """What the rest of the system knows of a log. Every read sees majority-committed data only.

    Every method raises Unavailable when the log cannot be reached in time; `insert` returns Failure.UNKNOWN instead.
    """

    async def head(self) -> int: ...
    async def insert(self, commits: Sequence[Commit]) -> Written: ...
    async def find_command(self, command_id: str) -> Commit | None: ...
    async def find_commands(self, command_ids: Sequence[str]) -> dict[str, Commit]: ...
    async def has_version(self, stream: str, version: int) -> bool: ...
    async def read_stream(self, stream: str, after_version: int = 0) -> list[Commit]: ...
    async def read_all(self, after: int, limit_commits: int) -> list[Commit]: ...
    async def read_partition(self, partition: int, after: int, limit_commits: int) -> PartitionPage: ...
    async def partitions_after(self, after: int, limit_commits: int) -> list[int]: ...
    async def at(self, position: int) -> Commit | None: ...
    async def take_turn(self, holder: str) -> bool: ...
    async def release_turn(self, holder: str) -> None: ...
    async def turn_holder(self) -> str | None: ...


async def open_log(database: AsyncDatabase, *, partitions: int) -> "MongoLog":
    """Open the log in this database, making it if there is none; an existing log's number of partitions wins."""
    with _reaching():
        settings = database["settings"]
        made = {"log_id": str(uuid4()), "partitions": partitions, "created_at": datetime.now(UTC)}
        found: Any = await settings.find_one_and_update(
            {"_id": "log"}, {"$setOnInsert": made}, upsert=True, return_document=pymongo.ReturnDocument.AFTER
        )
        if wanted := found.get("partitions_wanted"):
            raise Unavailable(f"The log is being renumbered: run `cqrs partitions {wanted}` until it ends.")
        await database["commits"].create_indexes(list(_INDEXES))
    return MongoLog(database, LogInfo(found["log_id"], found["partitions"]))


class MongoLog:
    """The log in MongoDB. Implements `Log`."""

    def __init__(self, database: AsyncDatabase, info: LogInfo) -> None:
        self.info = info
        self._database = database
        self._commits = database["commits"]
        self._turns = database["turns"]

    async def head(self) -> int:
        with _reaching():
            newest = await self._commits.find_one({}, {"_id": 1}, sort=[("_id", -1)])
        return newest["_id"] if newest else 0

    async def insert(self, commits: Sequence[Commit]) -> Written:
        """Insert in one ordered command (a driver that splits it could leave a hole, L2)."""
        command = {
            "insert": "commits",
            "documents": [_to_document(commit) for commit in commits],
            "ordered": True,
            "writeConcern": {"w": "majority", "j": True, "wtimeout": int(OPERATION_SECONDS * 1000)},
        }
        try:
            with pymongo.timeout(OPERATION_SECONDS + 1):
                answer = await self._database.command(command)
        except PyMongoError:
            return Written(0, Failure.UNKNOWN)
        return _read_answer(answer, len(commits))

    async def find_command(self, command_id: str) -> Commit | None:
        with _reaching():
            return _to_commit(await self._commits.find_one({"command_id": command_id}))

    async def find_commands(self, command_ids: Sequence[str]) -> dict[str, Commit]:
        """Return those of the commands that are in the log, by their ids."""
        with _reaching():
            found = await self._commits.find({"command_id": {"$in": list(command_ids)}}).to_list()
        return {document["command_id"]: _from_document(document) for document in found}

    async def has_version(self, stream: str, version: int) -> bool:
        with _reaching():
            return await self._commits.find_one({"stream": stream, "version": version}, {"_id": 1}) is not None

    async def read_stream(self, stream: str, after_version: int = 0, limit_commits: int = 0) -> list[Commit]:
        """The commits of a stream in order; 0 is without a limit."""
        wanted = {"stream": stream, "version": {"$gt": after_version}}
        query = self._commits.find(wanted, sort=[("version", 1)], limit=limit_commits)
        with _reaching():
            return [_from_document(d) async for d in query]

    async def read_all(self, after: int, limit_commits: int) -> list[Commit]:
        """The next commits of the log, without a hole: it ends before the first position that is not there."""
        query = self._commits.find({"_id": {"$gt": after}}, sort=[("_id", 1)], limit=limit_commits)
        with _reaching():
            commits = [_from_document(d) for d in await query.to_list()]
        return [commit for number, commit in enumerate(commits, after + 1) if commit.position == number]

    async def read_partition(self, partition: int, after: int, limit_commits: int) -> PartitionPage:
        """Read the partition and the head in one snapshot (F5): what is missing then is not there yet."""
        wanted = {"partition": partition, "_id": {"$gt": after}}
        with _reaching():
            async with self._snapshot() as session:
                query = self._commits.find(wanted, sort=[("_id", 1)], limit=limit_commits, session=session)
                commits = tuple(_from_document(d) for d in await query.to_list())
                newest = await self._commits.find_one({}, {"_id": 1}, sort=[("_id", -1)], session=session)
        return PartitionPage(commits, newest["_id"] if newest else 0, whole=len(commits) < limit_commits)

    async def partitions_after(self, after: int, limit_commits: int) -> list[int]:
        """Return the partitions of the positions after + 1, after + 2, … without a hole."""
        query = self._commits.find({"_id": {"$gt": after}}, {"partition": 1}, sort=[("_id", 1)], limit=limit_commits)
        with _reaching():
            found = await query.to_list()
        return [d["partition"] for number, d in enumerate(found, after + 1) if d["_id"] == number]

    async def at(self, position: int) -> Commit | None:
        with _reaching():
            return _to_commit(await self._commits.find_one({"_id": position}))

    async def last_positions(self, upto: int) -> dict[int, int] | None:
        """Return each partition's last position up to `upto`, from one snapshot; None if `upto` is not in the log."""
        with _reaching():
            async with self._snapshot() as session:
                if upto and await self._commits.find_one({"_id": upto}, {"_id": 1}, session=session) is None:
                    return None
                return {p: await self._last_position(p, upto, session) for p in range(self.info.partitions)}

    async def take_turn(self, holder: str) -> bool:
        """Claim the right to insert next, for TURN_MILLISECONDS of the server's time (L5)."""
        free = {"$or": [{"$eq": ["$holder", holder]}, {"$lte": [{"$ifNull": ["$until", 0]}, "$$NOW"]}]}
        claim = {
            "holder": {"$cond": [free, holder, "$holder"]},
            "until": {"$cond": [free, {"$add": ["$$NOW", TURN_MILLISECONDS]}, "$until"]},
        }
        with _reaching():
            turn: Any = await self._turns.find_one_and_update(
                {"_id": "append"}, [{"$set": claim}], upsert=True, return_document=pymongo.ReturnDocument.AFTER
            )
        return turn["holder"] == holder

    async def release_turn(self, holder: str) -> None:
        with _reaching():
            await self._turns.update_one(
                {"_id": "append", "holder": holder}, {"$set": {"until": datetime(1970, 1, 1, tzinfo=UTC)}}
            )

    async def turn_holder(self) -> str | None:
        """Return who has the turn now, if anybody."""
        with _reaching():
            answer = await self._database.command(_WHO_HAS_THE_TURN)
        turns = answer["cursor"]["firstBatch"]
        return turns[0]["holder"] if turns else None

    async def _last_position(self, partition: int, upto: int, session: AsyncClientSession) -> int:
        wanted = {"partition": partition, "_id": {"$lte": upto}}
        last = await self._commits.find_one(wanted, {"_id": 1}, sort=[("_id", -1)], session=session)
        return last["_id"] if last else 0

    def _snapshot(self) -> AsyncClientSession:
        return self._database.client.start_session(snapshot=True)


def _reaching() -> reaching:
    return reaching("The event log cannot be reached; send the same request again.")


def _read_answer(answer: dict[str, Any], count: int) -> Written:
    """L4: a write concern error leaves everything unknown; else the commits before the first write error are ours."""
    if "writeConcernError" in answer:
        return Written(0, Failure.UNKNOWN)
    errors = answer.get("writeErrors", ())
    if not errors:
        return Written(count)
    first = min(errors, key=lambda error: error["index"])
    if first["code"] != DUPLICATE_KEY:
        return Written(0, Failure.UNKNOWN)
    return Written(first["index"], Failure.DUPLICATE)


def stored_size_bytes(events: Sequence[RecordedEvent]) -> int:
    return len(encode({"events": [_event_document(event) for event in events]}))


def _event_document(event: RecordedEvent) -> dict[str, Any]:
    return {"type": event.type, "schema": event.schema, "data": event.data}


def _to_document(commit: Commit) -> dict[str, Any]:
    return {
        "_id": Int64(commit.position),
        "stream": commit.stream,
        "version": commit.version,
        "partition_key": commit.partition_key,
        "partition": commit.partition,
        "events": [_event_document(event) for event in commit.events],
        "command_id": commit.command_id,
        "fingerprint": commit.fingerprint,
        "recorded_at": commit.recorded_at,
        "actor": commit.actor,
        "correlation_id": commit.correlation_id,
        "causation_id": commit.causation_id,
        "traceparent": commit.traceparent,
    }


def _from_document(document: dict[str, Any]) -> Commit:
    document["position"] = int(document.pop("_id"))
    document["events"] = tuple(RecordedEvent(**event) for event in document["events"])
    return Commit(**document)


def _to_commit(document: dict[str, Any] | None) -> Commit | None:
    return _from_document(document) if document else None
