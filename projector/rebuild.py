"""What a holder does to its views when it is asked: fold a partition, or one parked document, again (PROTOCOL V2, V5).

Requests are documents in `requests`: `{kind: "rebuild", partition}` or `{kind: "retry", partition, collection, key}`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.log import Log
from common.read_models import IN_THE_FIRST, READ_MODELS
from common.read_models.generations import Places
from common.read_models.shapes import ReadModel
from common.read_models.storage import CHECKPOINTS, PROGRESS, REQUESTS, checkpoint_id
from common.transaction import Guarded, transact
from projector.batch import Change, Changes, Doc, add_sums, applied
from projector.generations import GROUP
from projector.statements import document_statements, summary_statements
from projector.views import load, reaching_views

CLEARED_AT_ONCE = 2000  # documents
log = structlog.get_logger(__name__)


async def pending_requests(database: AsyncDatabase, partitions: Iterable[int]) -> list[Mapping[str, Any]]:
    with reaching_views():
        return await database[REQUESTS].find({"partition": {"$in": list(partitions)}}).to_list()


async def request_rebuild(database: AsyncDatabase) -> int:
    """Ask the holders to make every view anew; return how many partitions there are. Asking twice is asking once."""
    checkpoints = await database[CHECKPOINTS].find({"group": GROUP}, {"partition": 1}).to_list()
    for checkpoint in checkpoints:
        partition = checkpoint["partition"]
        await _ask(database, f"rebuild/{partition}", {"kind": "rebuild", "partition": partition})
    return len(checkpoints)


async def request_retry(database: AsyncDatabase, collection: str, key: str | int) -> bool:
    """Ask for one document to be folded again; False if there is none."""
    document = await database[collection].find_one({"_id": key}, {"partition": 1})
    if document is None:
        return False
    wanted = {"kind": "retry", "partition": document["partition"], "collection": collection, "key": key}
    await _ask(database, f"retry/{collection}/{key}", wanted)
    return True


async def _ask(database: AsyncDatabase, request_id: str, wanted: Mapping[str, Any]) -> None:
    await database[REQUESTS].update_one({"_id": request_id}, {"$set": wanted}, upsert=True)


async def drop_request(database: AsyncDatabase, request: Mapping[str, Any]) -> None:
    await transact(database, [done(request)])


async def rebuild_partition(database: AsyncDatabase, request: Mapping[str, Any]) -> None:
    """Set the partition's checkpoint to the beginning, then empty what is its own.

    A crash in between leaves the mark `clearing`, and whoever holds the partition next empties it first.
    """
    partition = request["partition"]
    mark = {"$set": {"position": 0, "command_id": None, "clearing": True}, "$inc": {"rev": 1}}
    updates = [{"q": {"_id": checkpoint_id(GROUP, partition)}, "u": mark}]
    forget = {"delete": PROGRESS, "deletes": [{"q": {"_id": checkpoint_id(GROUP, partition)}, "limit": 1}]}
    await transact(
        database,
        [Guarded({"update": CHECKPOINTS, "updates": updates}, must_match=1), Guarded(forget), done(request)],
    )
    log.info("rebuilding", partition=partition)


async def clear(database: AsyncDatabase, partition: int, rev: int, places: Places = IN_THE_FIRST) -> int:
    """Delete the partition's documents, then take the mark away; return the checkpoint's `rev` afterwards.

    Every step is a transaction on that `rev`: who lost the partition meanwhile deletes nothing of the next holder's.
    """
    for collection in places.values():
        while ids := await _some_ids(database, collection, partition):
            deletes = [{"q": {"_id": {"$in": ids}}, "limit": 0}]
            step = Guarded({"delete": collection, "deletes": deletes})
            await transact(database, [fence(partition, rev, {"$inc": {"rev": 1}}), step])
            rev += 1
    await transact(database, [fence(partition, rev, {"$unset": {"clearing": ""}, "$inc": {"rev": 1}})])
    return rev + 1


async def _some_ids(database: AsyncDatabase, collection: str, partition: int) -> list[Any]:
    with reaching_views():
        found = await database[collection].find({"partition": partition}, {"_id": 1}).limit(CLEARED_AT_ONCE).to_list()
    return [document["_id"] for document in found]


def fence(partition: int, rev: int, change: Mapping[str, Any]) -> Guarded:
    updates = [{"q": {"_id": checkpoint_id(GROUP, partition), "rev": rev}, "u": change}]
    return Guarded({"update": CHECKPOINTS, "updates": updates}, must_match=1)


async def retry_document(
    database: AsyncDatabase, log_: Log, request: Mapping[str, Any], rev: int, places: Places = IN_THE_FIRST
) -> bool:
    """Fold one document again from its streams, up to the checkpoint, and correct the sums by the difference.

    Return whether there was one, which has moved the `rev` on by one.
    """
    model = next((m for m in READ_MODELS if m.collection == request["collection"]), None)
    if model is None:
        await drop_request(database, request)
        return False
    document_id = (model.collection, request["key"])
    before = (await load(database, [document_id], places)).get(document_id)
    with reaching_views():
        checkpoint = await database[CHECKPOINTS].find_one({"_id": checkpoint_id(GROUP, request["partition"])})
    if before is None or checkpoint is None:
        await drop_request(database, request)
        return False
    after = Doc(partition=before.partition)
    for commit in await commits_of(model, request["key"], log_):
        if commit.position <= checkpoint["position"]:
            after = applied(model, after, commit)
    if not (after.position or after.parked):  # what is there keeps a position, by which it is known to be there
        after = replace(after, position=checkpoint["position"])
    changes = Changes(documents={document_id: Change(before, after)})
    add_sums(changes, model, changes.documents[document_id])
    await transact(
        database,
        [
            fence(request["partition"], rev, {"$inc": {"rev": 1}}),
            *document_statements(changes, places),
            *summary_statements(changes.sums, places),
            done(request),
        ],
    )
    log.info("retried", collection=model.collection, still_parked=after.parked is not None)
    return True


async def commits_of(model: ReadModel[Any], key: str | int, log_: Log) -> list[Commit]:
    """Of all the streams that a document is made of, in the order of the log."""
    streams = [await log_.read_stream(f"{context}-{key}") for context in model.contexts]
    return sorted((commit for stream in streams for commit in stream), key=lambda commit: commit.position)


def done(request: Mapping[str, Any]) -> Guarded:
    return Guarded({"delete": REQUESTS, "deletes": [{"q": {"_id": request["_id"]}, "limit": 1}]}, must_match=1)
