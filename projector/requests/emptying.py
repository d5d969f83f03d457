"""A holder empties what is its partition's in the views, in place, when it is asked to make it anew (PROTOCOL V2)."""

from collections.abc import Mapping
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from common.read_models import IN_THE_FIRST
from common.read_models.generations import Places
from common.read_models.storage import CHECKPOINTS, PROGRESS, checkpoint_id
from common.transaction import Guarded, transact
from projector.generations.known import GROUP
from projector.requests.asking import Request, done
from projector.views import reaching_views

CLEARED_AT_ONCE = 2000  # documents
log = structlog.get_logger(__name__)


async def rebuild_partition(database: AsyncDatabase, request: Request) -> None:
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
            await transact(database, [_fence(partition, rev, {"$inc": {"rev": 1}}), step])
            rev += 1
    await transact(database, [_fence(partition, rev, {"$unset": {"clearing": ""}, "$inc": {"rev": 1}})])
    return rev + 1


async def _some_ids(database: AsyncDatabase, collection: str, partition: int) -> list[Any]:
    with reaching_views():
        found = await database[collection].find({"partition": partition}, {"_id": 1}).limit(CLEARED_AT_ONCE).to_list()
    return [document["_id"] for document in found]


def _fence(partition: int, rev: int, change: Mapping[str, Any]) -> Guarded:
    updates = [{"q": {"_id": checkpoint_id(GROUP, partition), "rev": rev}, "u": change}]
    return Guarded({"update": CHECKPOINTS, "updates": updates}, must_match=1)
