"""Asks MongoDB: how its servers are, and what stands in log and views."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

from cli.doctor.facts import Behind, Data, Server
from cli.migrate import standing_of_all
from command_service.sagas.runner import GROUP as SAGAS_GROUP
from common.index_making import Standing
from common.log import MongoLog, open_log_as_it_is
from common.mongo import FORBIDDEN
from common.read_models import READ_MODELS
from common.read_models.storage import CHECKPOINTS, DIFFERENCES, SAGAS
from projector.generations.known import GROUP as VIEWS_GROUP
from projector.requests.parked import count_parked
from projector.verification.differences import OPEN

COUNTED_COMMITS = 10_000  # of one partition; who is further behind is told to be so far


async def ask_server(database: AsyncDatabase) -> Server:
    """`hello` is let through to everybody."""
    began = time.time()
    try:
        with pymongo.timeout(3):
            hello: Any = await database.client.admin.command("hello")
            took = time.time() - began
            build: Any = await database.client.admin.command("buildInfo")
            durable = await _majority_is_durable(database)
    except PyMongoError as error:
        return Server(trouble=_sentence(error))
    return Server(
        version=build["version"],
        replica_set=hello.get("setName"),
        is_writable=bool(hello.get("isWritablePrimary")),
        clock_ahead_seconds=hello["localTime"].timestamp() - (began + took / 2),
        majority_is_durable=durable,
    )


async def _majority_is_durable(database: AsyncDatabase) -> bool | None:
    try:
        told: Any = await database.client.admin.command("replSetGetConfig")
    except OperationFailure:  # this account is not let, or there is no replica set
        return None
    return told["config"].get("writeConcernMajorityJournalDefault", True)


def _sentence(error: PyMongoError) -> str:
    """What the library says of an address goes on for lines."""
    if isinstance(error, ServerSelectionTimeoutError):
        return "nobody answers at its address"
    return str(error).partition(",")[0].rstrip(".")


async def ask_data(events: AsyncDatabase, views: AsyncDatabase) -> Data | None:
    """None where there is no log yet."""
    log = await open_log_as_it_is(events)
    if log is None:
        return None
    return Data(
        log_id=log.info.id,
        partitions=log.info.partitions,
        head=await log.head(),
        missing_indexes=tuple(
            f"index {declared.name} of {database.name}.{declared.collection}"
            for database, declared, how in await standing_of_all(events, views)
            if how is not Standing.THERE
        ),
        relay=await _relay_behind(log),
        views=await _behind(log, views, VIEWS_GROUP),
        sagas=await _behind(log, events, SAGAS_GROUP),
        parked={model.collection: await count_parked(views, model) for model in READ_MODELS},
        differences=await views[DIFFERENCES].count_documents(dict(OPEN)),
        stuck=await _count_stuck(events),
    )


async def _count_stuck(events: AsyncDatabase) -> int | None:
    try:
        return await events[SAGAS].count_documents({"state_word": "stuck"})
    except OperationFailure as error:
        if error.code != FORBIDDEN:
            raise
        return None


async def _relay_behind(log: MongoLog) -> Behind:
    cursor: Any = await log.database["relay"].find_one({"_id": "cursor"})
    position = cursor["position"] if cursor else 0
    commits = max(0, await log.head() - position)
    return Behind(commits=commits, seconds=await _age(log, {"_id": {"$gt": position}}) if commits else 0.0)


async def _behind(log: MongoLog, database: AsyncDatabase, group: str) -> Behind:
    """Of each partition what lies behind its checkpoint, and whether the checkpoint's commit is in this log (F3)."""
    found: Any = await database[CHECKPOINTS].find({"group": group}).to_list()
    checkpoints = {checkpoint["partition"]: checkpoint for checkpoint in found}
    commits, seconds, foreign = 0, 0.0, []
    for partition in range(log.info.partitions):
        checkpoint = checkpoints.get(partition, {"position": 0, "command_id": None})
        if not await _is_of(log, checkpoint):
            foreign.append(partition)
            continue
        beyond = {"partition": partition, "_id": {"$gt": checkpoint["position"]}}
        if count := await log.database["commits"].count_documents(beyond, limit=COUNTED_COMMITS):
            commits += count
            seconds = max(seconds, await _age(log, beyond))
    return Behind(commits=commits, seconds=seconds, foreign=tuple(foreign))


async def _is_of(log: MongoLog, checkpoint: Mapping[str, Any]) -> bool:
    if checkpoint["position"] == 0:
        return True
    commit = await log.at(checkpoint["position"])
    return commit is not None and commit.command_id == checkpoint["command_id"]


async def _age(log: MongoLog, wanted: Mapping[str, Any]) -> float:
    """Of the oldest of these commits; 0 where it was taken meanwhile."""
    oldest: Any = await log.database["commits"].find_one(wanted, {"recorded_at": 1}, sort=[("_id", 1)])
    return max(0.0, (datetime.now(UTC) - oldest["recorded_at"]).total_seconds()) if oldest else 0.0
