"""The log: reading and appending commits in MongoDB (PROTOCOL L).

With `stored_commits.py`, `log_verification.py` and `repartitioning.py`, the only files that know how one is stored.
"""

import enum
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import CoroutineType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import uuid4
from zlib import crc32

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from common.envelope import Commit
from common.errors import Unavailable
from common.mongo import DUPLICATE_KEY, OPERATION_SECONDS, reaching
from common.primary import Primary
from common.stored_commits import from_document, to_commit, to_document

P = ParamSpec("P")
T = TypeVar("T")

MAX_EVENTS = 100  # in one commit
MAX_COMMIT_BYTES = 256 * 1024
TURN_MILLISECONDS = 1000  # given back when its insert is done; longer than an insert takes (ADR 18)

INDEXES = (
    pymongo.IndexModel([("stream", 1), ("version", 1)], unique=True, name="stream_version"),
    pymongo.IndexModel([("command_id", 1)], unique=True, name="command_id"),
    pymongo.IndexModel([("partition", 1), ("_id", 1)], name="partition_position"),
)


_WHO_HAS_THE_TURN = {
    "find": "turns",
    "filter": {"_id": "append", "$expr": {"$gt": ["$until", "$$NOW"]}},
    "limit": 1,
    "singleBatch": True,
    "readConcern": {"level": "local"},
}
"""As a command, at half the price of a cursor: it is asked a hundred times a second."""

_QUICKLY = WriteConcern(w=1)  # a turn is a courtesy: it may be lost, and must not take as long as an insert (ADR 18)
_NOW = ReadConcern("linearizable")  # a primary that was just elected may know an older number of partitions


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
    """What the rest of the system knows of a log. Every read of commits sees majority-committed data only.

    Every method raises Unavailable when the log cannot be reached in time; `insert` returns Failure.UNKNOWN instead.
    """

    async def head(self) -> int: ...
    async def insert(self, commits: Sequence[Commit]) -> Written: ...
    async def find_command(self, command_id: str) -> Commit | None: ...
    async def find_commands(self, command_ids: Sequence[str]) -> dict[str, Commit]: ...
    async def has_version(self, stream: str, version: int) -> bool: ...
    async def read_stream(self, stream: str, after_version: int = 0, limit_commits: int = 0) -> list[Commit]: ...
    async def read_all(self, after: int, limit_commits: int) -> list[Commit]: ...
    async def read_partition(self, partition: int, after: int, limit_commits: int) -> PartitionPage: ...
    async def partitions_after(self, after: int, limit_commits: int) -> list[int]: ...
    async def at(self, position: int) -> Commit | None: ...
    async def take_turn(self, holder: str) -> bool: ...
    async def release_turn(self, holder: str) -> None: ...
    async def turn_holder(self) -> str | None: ...


async def open_log(database: AsyncDatabase, *, partitions: int) -> "MongoLog":
    """Open the log in this database, making it if there is none; an existing log's number of partitions wins.

    Of a log that is there nothing is made, so that an account which may only read it, or append, can open it.
    """
    with _reaching():
        settings = database["settings"]
        found: Any = await settings.with_options(read_concern=_NOW).find_one({"_id": "log"})
        if found is None:
            made = {"log_id": str(uuid4()), "partitions": partitions, "created_at": datetime.now(UTC)}
            found = await settings.find_one_and_update(
                {"_id": "log"}, {"$setOnInsert": made}, upsert=True, return_document=pymongo.ReturnDocument.AFTER
            )
        if wanted := found.get("partitions_wanted"):
            raise Unavailable(f"The log is being renumbered: run `cqrs partitions {wanted}` until it ends.")
        there = await database["commits"].index_information()
        if missing := [index for index in INDEXES if index.document["name"] not in there]:
            await database["commits"].create_indexes(missing)
    return MongoLog(database, LogInfo(found["log_id"], found["partitions"]))


async def open_log_as_it_is(database: AsyncDatabase) -> "MongoLog | None":
    """Open the log to look at it: nothing is made, and it may be in the middle of being renumbered."""
    with _reaching():
        found: Any = await database["settings"].find_one({"_id": "log"})
    return MongoLog(database, LogInfo(found["log_id"], found["partitions"])) if found else None


def _read(
    read: "Callable[Concatenate[MongoLog, P], CoroutineType[Any, Any, T]]",
) -> "Callable[Concatenate[MongoLog, P], CoroutineType[Any, Any, T]]":
    """Every read of the log is by one primary, and its errors are told as ours."""

    @functools.wraps(read)
    async def steady(log: "MongoLog", *args: P.args, **kwargs: P.kwargs) -> T:
        with _reaching():
            return await log._primary.steadily(functools.partial(read, log, *args, **kwargs))

    return steady


class MongoLog:
    """The log in MongoDB. Implements `Log`."""

    def __init__(self, database: AsyncDatabase, info: LogInfo) -> None:
        self.info = info
        self.database = database
        self._commits = database["commits"]
        self._turns = database.get_collection("turns", write_concern=_QUICKLY)
        self._primary = Primary(self._commits)

    @_read
    async def head(self) -> int:
        newest = await self._commits.find_one({}, {"_id": 1}, sort=[("_id", -1)])
        return newest["_id"] if newest else 0

    async def insert(self, commits: Sequence[Commit]) -> Written:
        """Insert in one ordered command (a driver that splits it could leave a hole, L2)."""
        command = {
            "insert": "commits",
            "documents": [to_document(commit) for commit in commits],
            "ordered": True,
            "writeConcern": {"w": "majority", "j": True, "wtimeout": int(OPERATION_SECONDS * 1000)},
        }
        try:
            with pymongo.timeout(OPERATION_SECONDS + 1):
                answer = await self.database.command(command)
        except PyMongoError:
            return Written(0, Failure.UNKNOWN)
        return _read_answer(answer, len(commits))

    @_read
    async def find_command(self, command_id: str) -> Commit | None:
        return to_commit(await self._commits.find_one({"command_id": command_id}))

    @_read
    async def find_commands(self, command_ids: Sequence[str]) -> dict[str, Commit]:
        """Return those of the commands that are in the log, by their ids."""
        found = await self._commits.find({"command_id": {"$in": list(command_ids)}}).to_list()
        return {document["command_id"]: from_document(document) for document in found}

    @_read
    async def has_version(self, stream: str, version: int) -> bool:
        return await self._commits.find_one({"stream": stream, "version": version}, {"_id": 1}) is not None

    @_read
    async def read_stream(self, stream: str, after_version: int = 0, limit_commits: int = 0) -> list[Commit]:
        """The commits of a stream in order; 0 is without a limit."""
        return await read_commits(self.database, stream, after_version, limit_commits)

    @_read
    async def read_all(self, after: int, limit_commits: int) -> list[Commit]:
        """The next commits of the log, without a hole: it ends before the first position that is not there."""
        query = self._commits.find({"_id": {"$gt": after}}, sort=[("_id", 1)], limit=limit_commits)
        commits = [from_document(d) for d in await query.to_list()]
        return [commit for number, commit in enumerate(commits, after + 1) if commit.position == number]

    @_read
    async def read_partition(self, partition: int, after: int, limit_commits: int) -> PartitionPage:
        """Read the partition and the head in one snapshot (F5): what is missing then is not there yet."""
        wanted = {"partition": partition, "_id": {"$gt": after}}
        async with self._snapshot() as session:
            query = self._commits.find(wanted, sort=[("_id", 1)], limit=limit_commits, session=session)
            commits = tuple(from_document(d) for d in await query.to_list())
            newest = await self._commits.find_one({}, {"_id": 1}, sort=[("_id", -1)], session=session)
        return PartitionPage(commits, newest["_id"] if newest else 0, whole=len(commits) < limit_commits)

    @_read
    async def partitions_after(self, after: int, limit_commits: int) -> list[int]:
        """Return the partitions of the positions after + 1, after + 2, … without a hole."""
        query = self._commits.find({"_id": {"$gt": after}}, {"partition": 1}, sort=[("_id", 1)], limit=limit_commits)
        found = await query.to_list()
        return [d["partition"] for number, d in enumerate(found, after + 1) if d["_id"] == number]

    @_read
    async def at(self, position: int) -> Commit | None:
        return to_commit(await self._commits.find_one({"_id": position}))

    @_read
    async def last_positions(self, upto: int) -> dict[int, int] | None:
        """Return each partition's last position up to `upto`, from one snapshot; None if `upto` is not in the log."""
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
            answer = await self.database.command(_WHO_HAS_THE_TURN)
        turns = answer["cursor"]["firstBatch"]
        return turns[0]["holder"] if turns else None

    async def _last_position(self, partition: int, upto: int, session: AsyncClientSession) -> int:
        wanted = {"partition": partition, "_id": {"$lte": upto}}
        last = await self._commits.find_one(wanted, {"_id": 1}, sort=[("_id", -1)], session=session)
        return last["_id"] if last else 0

    def _snapshot(self) -> AsyncClientSession:
        return self.database.client.start_session(snapshot=True)


async def read_commits(
    database: AsyncDatabase, stream: str, after_version: int = 0, limit_commits: int = 0
) -> list[Commit]:
    """As `MongoLog.read_stream`, for who has the database alone."""
    wanted = {"stream": stream, "version": {"$gt": after_version}}
    query = database["commits"].find(wanted, sort=[("version", 1)], limit=limit_commits)
    return [from_document(d) async for d in query]


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
