"""Notices that sagas are gone though their checkpoints are not, and has them folded again from the log.

Beside the sagas of a partition stands a mark, `{_id: "partition/3"}`: who drops the sagas drops it with them.
"""

from collections.abc import Iterable

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from command_service.sagas.store import reaching_sagas
from common.read_models.storage import CHECKPOINTS, SAGAS, checkpoint_id
from common.transaction import Guarded, transact

log = structlog.get_logger(__name__)


async def unmarked(database: AsyncDatabase, partitions: Iterable[int]) -> frozenset[int]:
    """The partitions of which nobody knows whether all their sagas are there."""
    marks = {f"partition/{partition}": partition for partition in partitions}
    with reaching_sagas():
        found = await database[SAGAS].find({"_id": {"$in": list(marks)}}, {"_id": 1}).to_list()
    return frozenset(marks.values()) - {marks[mark["_id"]] for mark in found}


async def begin_anew_where_gone(database: AsyncDatabase, group: str, partitions: Iterable[int]) -> None:
    """Mark the partitions without a mark, and set their checkpoints to the beginning, if they have any.

    Sagas that began since the loss may stay: they are whole, and a commit that they have seen changes nothing.
    """
    gone = await unmarked(database, partitions)
    if gone:
        change = {"$set": {"position": 0, "command_id": None}, "$inc": {"rev": 1}}
        updates = [{"q": {"_id": checkpoint_id(group, partition)}, "u": change} for partition in gone]
        marks = [{"_id": f"partition/{partition}"} for partition in gone]
        await transact(
            database,
            [Guarded({"update": CHECKPOINTS, "updates": updates}), Guarded({"insert": SAGAS, "documents": marks})],
        )
        log.info("sagas_begin_anew", partitions=sorted(gone))
