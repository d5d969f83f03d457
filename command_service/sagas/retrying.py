"""Sagas that somebody asked to have folded again from the log, by the holder of their partition (PROTOCOL S1, V2).

Requests are documents in `saga_requests`: `{_id: saga id, partition}`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from command_service.sagas.folding import Doc
from command_service.sagas.store import SagaStore, reaching_sagas
from common.read_models.storage import CHECKPOINTS, SAGA_REQUESTS, SAGAS, checkpoint_id
from common.sink import Fenced
from common.transaction import Guarded, transact

FoldAgain = Callable[[str, str, int], Awaitable[Doc | None]]
"""The saga of this name and id as the log makes it up to this position, with the outcomes that the log has."""

log = structlog.get_logger(__name__)


async def request_retry(database: AsyncDatabase, saga_id: str) -> bool:
    """Ask for a saga to be folded again; False if there is none. Asking twice is asking once."""
    with reaching_sagas():
        saga = await database[SAGAS].find_one({"_id": saga_id}, {"partition": 1})
        if saga is None:
            return False
        wanted = {"$set": {"partition": saga["partition"]}}
        await database[SAGA_REQUESTS].update_one({"_id": saga_id}, wanted, upsert=True)
    return True


async def serve_retries(
    database: AsyncDatabase, store: SagaStore, group: str, partitions: Iterable[int], fold_again: FoldAgain
) -> bool:
    """Do what was asked for; True if there was anything: then nothing that was cached or planned is right any more."""
    with reaching_sagas():
        requests = await database[SAGA_REQUESTS].find({"partition": {"$in": list(partitions)}}).to_list()
    for request in requests:
        await _retry(database, store, group, request, fold_again)
    return bool(requests)


async def _retry(
    database: AsyncDatabase, store: SagaStore, group: str, request: Mapping[str, Any], fold_again: FoldAgain
) -> None:
    """Replace the document and drop the request in one step; raise Fenced if the saga or its partition moved meanwhile.

    Its wants have the ids they had, so that what was done is not done again (S2).
    """
    saga_id, in_group = request["_id"], checkpoint_id(group, request["partition"])
    with reaching_sagas():
        before = await database[SAGAS].find_one({"_id": saga_id}, {"rev": 1, "saga": 1})
        checkpoint = await database[CHECKPOINTS].find_one({"_id": in_group}, {"position": 1, "rev": 1})
    if checkpoint is None:
        raise Fenced
    after = await fold_again(before["saga"], saga_id, checkpoint["position"]) if before else None
    changed = [replace(after, rev=before["rev"])] if before and after else []
    fence = [{"q": {"_id": in_group, "rev": checkpoint["rev"]}, "u": {"$inc": {"rev": 1}}}]
    done = [{"q": {"_id": saga_id}, "limit": 1}]
    await transact(
        database,
        [
            Guarded({"update": CHECKPOINTS, "updates": fence}, must_match=1),
            *store.statements(changed),
            Guarded({"delete": SAGA_REQUESTS, "deletes": done}),
        ],
    )
    log.info("saga_retried", saga=saga_id, is_stuck=bool(after and after.trouble))
