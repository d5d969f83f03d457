"""It is decided that a parked document passes over the commit that parks it, and written down for good (PROTOCOL V5).

The decision is written first, then the document is asked to be folded again: who dies in between leaves a document that
stays parked until the next retry.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import pymongo
from pydantic import Field
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import CommandRejected
from common.log import Log
from common.read_models.shapes import ReadModel
from common.read_models.storage import SKIPS
from common.skips import skip_id
from common.values import Reason
from projector.requests.parked import parked_document
from projector.requests.retrying import request_retry

Skip = dict[str, Any]
Why = Annotated[Reason, Field(min_length=3)]
"""At most 500 characters."""


async def request_skip(
    database: AsyncDatabase, log: Log, model: ReadModel[Any], key: str | int, *, reason: str, actor: str
) -> Skip:
    """Return what was decided, which is the first decision if there is one; raises as `parked_document`."""
    parked = (await parked_document(database, model, key))["parked"]
    commit = await log.at(parked["position"])
    if commit is None:
        raise CommandRejected(
            "not_in_log", f"The log has no position {parked['position']}; the views were made from another one."
        )
    decided: Skip = {
        "_id": skip_id((model.collection, key), commit.position),
        "projection": model.collection,
        "key": key,
        "position": commit.position,
        "command_id": commit.command_id,
        "code": parked["code"],
        "reason": reason,
        "actor": actor,
        "at": datetime.now(UTC),
    }
    first: Any = await database[SKIPS].find_one_and_update(
        {"_id": decided["_id"]}, {"$setOnInsert": decided}, upsert=True, return_document=pymongo.ReturnDocument.AFTER
    )
    await request_retry(database, model, key)
    return first


async def find_skips(database: AsyncDatabase, limit: int, after: str = "") -> list[Skip]:
    """In the order of their ids, those behind `after`."""
    return await database[SKIPS].find({"_id": {"$gt": after}}, sort=[("_id", 1)], limit=limit).to_list()


async def skips_of(database: AsyncDatabase, model: ReadModel[Any], key: str | int) -> list[Skip]:
    """In no order."""
    begins = skip_id((model.collection, key), 0).removesuffix("0")
    return await database[SKIPS].find({"_id": {"$gte": begins, "$lt": begins[:-1] + "0"}}).to_list()
