"""What was found to differ from the log: the latest thousand, each until it is seen to be right again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict

from msgspec import Meta
from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.storage import DIFFERENCES, VERIFIED
from projector.verification.differing import Finding
from projector.views import reaching_views

KEPT = 1_000
TOLD = 100
OPEN: Mapping[str, Any] = {"repaired_at": None}


class FoundDifference(TypedDict):
    """Fields are named, what is in them is not told. `collection` is `sums` where sums differ."""

    projection: str
    collection: str
    key: str | int
    what: str
    fields: list[str]
    position: int
    found_at: Annotated[datetime, Meta(description="RFC 3339, in UTC.")]
    repaired_at: Annotated[datetime | None, Meta(description="When it was seen to be right again.")]


class Standing(TypedDict):
    """How a read model stands: when some of it was last compared, and how much of it is known to differ now."""

    verified_at: datetime | None
    differences: int


NEVER_VERIFIED: Standing = {"verified_at": None, "differences": 0}


async def note_difference(views: AsyncDatabase, found: Finding) -> None:
    """One document for each that differs; the oldest beyond KEPT go."""
    now = datetime.now(UTC)
    told = {name: getattr(found, name) for name in ("projection", "collection", "key", "what", "partition", "position")}
    told["key"] = found.key if isinstance(found.key, str | int) else str(found.key)
    told |= {"fields": list(found.fields), "found_at": now, "looked_at": now, "repaired_at": None}
    with reaching_views():
        await views[DIFFERENCES].replace_one({"_id": difference_id(found.collection, found.key)}, told, upsert=True)
        newest_first = views[DIFFERENCES].find({}, {"_id": 1}, sort=[("found_at", -1), ("_id", 1)], skip=KEPT)
        beyond = [difference["_id"] async for difference in newest_first]
        await views[DIFFERENCES].delete_many({"_id": {"$in": beyond}})


async def next_to_look_at(views: AsyncDatabase, partitions: frozenset[int]) -> Mapping[str, Any] | None:
    """The one that is not right again and was not looked at for the longest time."""
    wanted = {**OPEN, "partition": {"$in": list(partitions)}}
    with reaching_views():
        found: Any = await views[DIFFERENCES].find_one(wanted, sort=[("looked_at", 1)])
        if found:
            known = {"_id": found["_id"]}
            await views[DIFFERENCES].update_one(known, {"$currentDate": {"looked_at": True}})
        return found


async def note_right_again(views: AsyncDatabase, difference: Mapping[str, Any]) -> None:
    known = {"_id": difference["_id"], "found_at": difference["found_at"]}
    with reaching_views():
        await views[DIFFERENCES].update_one(known, {"$currentDate": {"repaired_at": True}})


async def note_verified(views: AsyncDatabase, projection: str) -> None:
    """Told to people, relied on by nobody: it may be lost."""
    change = {"q": {"_id": projection}, "u": {"$currentDate": {"verified_at": True}}, "upsert": True}
    with reaching_views():
        await views.command({"update": VERIFIED, "updates": [change], "writeConcern": {"w": 1}})


async def standings(views: AsyncDatabase) -> dict[str, Standing]:
    """Projection → how it stands; those are missing of which nothing is known."""
    counted = [{"$match": OPEN}, {"$group": {"_id": "$projection", "count": {"$sum": 1}}}]
    with reaching_views():
        verified = {found["_id"]: found["verified_at"] async for found in views[VERIFIED].find()}
        open_ = {found["_id"]: found["count"] async for found in await views[DIFFERENCES].aggregate(counted)}
    return {
        name: {"verified_at": verified.get(name), "differences": open_.get(name, 0)}
        for name in verified.keys() | open_.keys()
    }


async def differences_of(views: AsyncDatabase, projection: str) -> list[FoundDifference]:
    """The newest TOLD of them."""
    shown = dict.fromkeys(FoundDifference.__annotations__, 1) | {"_id": 0}
    with reaching_views():
        found: Any = views[DIFFERENCES].find({"projection": projection}, shown, sort=[("found_at", -1)], limit=TOLD)
        return await found.to_list()


def difference_id(collection: str, key: str | int) -> str:
    return f"{collection}/{key}"
