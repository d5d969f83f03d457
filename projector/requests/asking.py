"""What was asked of the holders of the partitions (PROTOCOL V2): documents of REQUESTS, done between two batches.

`{kind: "rebuild", partition}`, `{kind: "retry", partition, collection, key}` and "repair" alike, or
`{kind: "retry_parked", partition, collection, code, after}`: all that are parked, those with this code if there is one;
`after` is where the last round ended. `asked` is another with each asking: who is asked again while it is at it does
it again.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.storage import CHECKPOINTS, REQUESTS
from common.transaction import Guarded, transact
from projector.generations.known import GROUP
from projector.views import reaching_views

Request = Mapping[str, Any]
REBUILD, REPAIR, RETRY, RETRY_PARKED = "rebuild", "repair", "retry", "retry_parked"


async def pending_requests(database: AsyncDatabase, partitions: Iterable[int]) -> list[Request]:
    """Rebuilds first, then single documents, then many."""
    wanted = {"partition": {"$in": list(partitions)}}
    with reaching_views():
        return await database[REQUESTS].find(wanted, sort=[("kind", 1)]).to_list()


async def request_rebuild(database: AsyncDatabase) -> int:
    """Ask the holders to make every view anew; return how many partitions there are. Asking twice is asking once."""
    checkpoints = await database[CHECKPOINTS].find({"group": GROUP}, {"partition": 1}).to_list()
    for checkpoint in checkpoints:
        partition = checkpoint["partition"]
        await ask(database, f"rebuild/{partition}", {"kind": REBUILD, "partition": partition})
    return len(checkpoints)


async def ask(database: AsyncDatabase, request_id: str, wanted: Request) -> str:
    """Return the id."""
    asked = {"$set": {**wanted, "asked": uuid4().hex}}
    await database[REQUESTS].update_one({"_id": request_id}, asked, upsert=True)
    return request_id


async def drop_request(database: AsyncDatabase, request: Request) -> None:
    await transact(database, [done(request)])


def done(request: Request) -> Guarded:
    return Guarded({"delete": REQUESTS, "deletes": [{"q": _as_asked(request), "limit": 1}]}, must_match=1)


def goes_on(request: Request, change: Mapping[str, Any]) -> Guarded:
    updates = [{"q": _as_asked(request), "u": {"$set": change}}]
    return Guarded({"update": REQUESTS, "updates": updates}, must_match=1)


def _as_asked(request: Request) -> dict[str, Any]:
    return {"_id": request["_id"], "asked": request.get("asked")}
