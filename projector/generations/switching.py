"""Queries are shown another generation, in one transaction that finds both at the same commits (PROTOCOL Q3).

The group is held for a moment: all its `rev`s change, so that whoever writes is fenced, begins again, and waits until
the hold is over or its time has run out by the database's clock. A crash leaves the one shown or the other, never half.
Queries may believe for `fresh_seconds` what was shown before; so long nothing newer is written.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from common.generations import read_or_make_shown
from common.read_models.storage import CHECKPOINTS, GENERATIONS, SHOWN, checkpoint_id
from common.sink import Fenced
from common.transaction import Guarded, transact
from projector.generations.following import Follower
from projector.generations.known import GROUP, OLD, Building, Document, described, generation_id
from projector.views import reaching_views

HOLD_SECONDS = 2.0  # at most
MARGIN_SECONDS = 0.05  # beyond how long a query may believe what was shown
NEARLY_COMMITS = 200  # so few are left to apply when the group is held
TRIES = 20

_HOLD = [
    {
        "$set": {
            "rev": {"$add": ["$rev", 1]},
            "held_until": {"$add": ["$$NOW", int(HOLD_SECONDS * 1000)]},
        }
    }
]

log = structlog.get_logger(__name__)
Held = Mapping[int, Mapping[str, Any]]
"""Partition → its checkpoint, which nobody moves now."""


async def show(
    views: AsyncDatabase, follower: Follower, building: Building, found: Document, fresh_seconds: float
) -> None:
    """Raises Fenced if somebody else was at it, or what was held moved on all the same."""
    async with holding(views, follower) as held:
        shown = (await read_or_make_shown(views))[found["name"]]
        await transact(views, [*_checkpoints(held, follower, building), *_pointers(building, found, shown, held)])
        log.info("generation_shown", generation=building.group, before=shown["generation"])
        await asyncio.sleep(fresh_seconds + MARGIN_SECONDS)


@asynccontextmanager
async def holding(views: AsyncDatabase, follower: Follower) -> AsyncIterator[Held]:
    """The group and the generation stand at the same commits while one is inside, or HOLD_SECONDS long.

    Raises Fenced if they could not be brought there.
    """
    for _ in range(TRIES):
        await follower.level(NEARLY_COMMITS)
        async with _holding(views) as held:
            stand = {partition: checkpoint["position"] for partition, checkpoint in held.items()}
            await follower.reach(stand)
            if follower.is_level_with(stand):
                if await follower.is_behind_a_skip():
                    raise Fenced
                yield held
                return
    raise Fenced


@asynccontextmanager
async def _holding(views: AsyncDatabase) -> AsyncIterator[Held]:
    checkpoints = views[CHECKPOINTS]
    with reaching_views():
        await checkpoints.update_many({"group": GROUP}, _HOLD)
        held = await checkpoints.find({"group": GROUP}).to_list()
    try:
        yield {checkpoint["partition"]: checkpoint for checkpoint in held}
    finally:
        with reaching_views():
            await checkpoints.update_many({"group": GROUP}, {"$unset": {"held_until": ""}})


def _checkpoints(held: Held, follower: Follower, building: Building) -> list[Guarded]:
    """All of the group are as they were held, and held once more; those of the generation are not needed any more."""
    kept = [{"q": {"_id": checkpoint["_id"], "rev": checkpoint["rev"]}, "u": _HOLD} for checkpoint in held.values()]
    own = [
        {"q": {"_id": checkpoint_id(building.group, partition), "rev": rev}, "limit": 1}
        for partition, rev in follower.revs.items()
    ]
    return [
        Guarded({"update": CHECKPOINTS, "updates": kept}, must_match=len(kept)),
        Guarded({"delete": CHECKPOINTS, "deletes": own}, must_match=len(own)),
    ]


def _pointers(building: Building, found: Document, shown: Mapping[str, int], held: Held) -> list[Guarded]:
    """What is shown; and what was, which from now on stands where it stands."""
    name, before = found["name"], generation_id(found["name"], shown["generation"])
    field, now = f"models.{name}", datetime.now(UTC)
    pointer = {"$set": {field: {"generation": building.number, "rules": found["rules"]}}}
    old = described(name, shown["generation"], shown["rules"], found["log_id"]) | {"state": OLD, "shown_until": now}
    old = {key: value for key, value in old.items() if key not in ("_id", "asked_at")} | {"is_switched": False}
    new = {"state": SHOWN, "is_switched": False, "shown_at": now}
    updates = [
        {"q": {"_id": SHOWN, f"{field}.generation": shown["generation"]}, "u": pointer},
        {"q": {"_id": building.group, "rev": found["rev"]}, "u": {"$set": new, "$inc": {"rev": 1}}},
        {"q": {"_id": before}, "u": {"$set": old}, "upsert": True},
    ]
    return [
        Guarded({"update": GENERATIONS, "updates": updates}, must_match=3),
        Guarded({"update": CHECKPOINTS, "updates": [_left(before, checkpoint) for checkpoint in held.values()]}),
    ]


def _left(group: str, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: checkpoint[name] for name in ("partition", "partitions", "position", "command_id")}
    stand = kept | {"group": group, "rev": 0}
    return {"q": {"_id": checkpoint_id(group, checkpoint["partition"])}, "u": {"$set": stand}, "upsert": True}
