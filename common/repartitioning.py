"""Another number of partitions for a log that nobody uses: its commits are renumbered, all else is folded anew.

With `log.py`, the only file that knows how a commit is stored. While the new number is not reached nobody can open the
log, so that a call that was interrupted must be repeated before anything else happens.
"""

from collections.abc import Callable
from uuid import uuid4

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from common.config import MOST_PARTITIONS
from common.leases import LEASES, groups_at_work
from common.log import LogInfo
from common.mongo import DURABLE, reaching
from common.read_models import READ_MODELS
from common.read_models.generations import is_place_of
from common.read_models.storage import (
    CHECKPOINTS,
    DIFFERENCES,
    GENERATIONS,
    PROGRESS,
    REQUESTS,
    SAGA_REQUESTS,
    SAGAS,
)

BATCH_COMMITS = 2_000
BOOKKEEPING = (CHECKPOINTS, PROGRESS, LEASES)
BESIDE_THE_LOG = (SAGAS, SAGA_REQUESTS, *BOOKKEEPING)
BESIDE_THE_VIEWS = (REQUESTS, GENERATIONS, DIFFERENCES, *BOOKKEEPING)


class Repartitioning(Exception):
    """Why the number of partitions cannot be changed now; a sentence for whoever asked."""


async def repartition(
    log: AsyncDatabase, views: AsyncDatabase, partitions: int, tell: Callable[[int], None] = lambda _: None
) -> bool:
    """Give the log this many partitions, 1 to MOST_PARTITIONS; False if it has them. `tell` hears how far it has come.

    The log gets another id, so that messages of the old partitions mean nothing to the new ones (F4). Views and sagas
    are deleted with their checkpoints; the next that serve them fold them from the log. Raises Repartitioning, or
    Unavailable: then call it again.
    """
    if not 1 <= partitions <= MOST_PARTITIONS:
        raise Repartitioning(f"A log has 1 to {MOST_PARTITIONS} partitions.")
    with reaching("The event log cannot be reached; ask for the same number again."):
        found = await log["settings"].find_one({"_id": "log"})
        if found is None:
            raise Repartitioning("There is no log here yet; PARTITIONS says how many it will have.")
        if found["partitions"] == partitions and "partitions_wanted" not in found:
            return False
        await _require_rest(log, views)
        await _set(log, {"$set": {"partitions_wanted": partitions, "log_id": str(uuid4())}})
        await _require_rest(log, views)  # who came meanwhile has a lease by now, or finds the log closed
        await _renumber(log, LogInfo(found["log_id"], partitions), tell)
        of_views = [name for name in await views.list_collection_names() if is_place_of(name, READ_MODELS)]
        for database, names in ((log, BESIDE_THE_LOG), (views, (*of_views, *BESIDE_THE_VIEWS))):
            for name in names:
                await database.drop_collection(name)
        await _set(log, {"$set": {"partitions": partitions}, "$unset": {"partitions_wanted": ""}})
    return True


async def _require_rest(log: AsyncDatabase, views: AsyncDatabase) -> None:
    if groups := await groups_at_work(log) | await groups_at_work(views):
        raise Repartitioning(
            f"Somebody still works on this log ({', '.join(sorted(groups))}). Stop all services, and ask again when "
            "their leases have run out, seconds later."
        )


async def _set(log: AsyncDatabase, change: dict[str, object]) -> None:
    await log["settings"].with_options(write_concern=DURABLE).update_one({"_id": "log"}, change)


async def _renumber(log: AsyncDatabase, info: LogInfo, tell: Callable[[int], None]) -> None:
    commits = log["commits"].with_options(write_concern=DURABLE)
    position = 0
    while page := await _page(log, position):
        changes = [
            pymongo.UpdateOne(
                {"_id": commit["_id"]}, {"$set": {"partition": info.partition_of(commit["partition_key"])}}
            )
            for commit in page
        ]
        await commits.bulk_write(changes, ordered=False)
        position = page[-1]["_id"]
        tell(position)


async def _page(log: AsyncDatabase, after: int) -> list[dict[str, int]]:
    query = log["commits"].find({"_id": {"$gt": after}}, {"partition_key": 1}, sort=[("_id", 1)], limit=BATCH_COMMITS)
    return await query.to_list()
