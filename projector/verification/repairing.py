"""A document that differs from the log is folded again by the holder of its partition, sums as they should be (V2, V4).

What changed it may have been somebody at the database, and then the sums are right without it; or a fault of ours, and
then they hold what it holds. The sums of its user tell which: only in the second case they change with it.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import Unavailable
from common.log import Log
from common.read_models import READ_MODELS
from common.read_models.folding import Doc, contribution_of
from common.read_models.shapes import Contribution, ReadModel
from common.read_models.storage import CHECKPOINTS, checkpoint_id
from common.transaction import Guarded, transact
from projector.batch import Change, Changes, add_sums
from projector.generations.known import GROUP
from projector.requests.asking import REPAIR, ask, done, drop_request
from projector.requests.retrying import Standing, commits_of
from projector.statements import stored_document, summary_statements
from projector.verification.differing import expected, is_nothing
from projector.verification.moment import NotNow, moment_of
from projector.verification.sum_checking import (
    Sums,
    Unreadable,
    add_to,
    contribution_of_stored,
    differing_sums,
    is_of_a_user,
    stored_sums_of,
    sums_of_orders,
)
from projector.views import reaching_views

log = structlog.get_logger(__name__)


async def ask_for_repair(views: AsyncDatabase, projection: str, key: str | int, partition: int) -> None:
    """Of one document; asking twice is asking once."""
    wanted = {"kind": REPAIR, "partition": partition, "collection": projection, "key": key}
    with reaching_views():
        await ask(views, f"repair/{projection}/{key}", wanted)


async def repair_document(at: Standing, request: Mapping[str, Any]) -> None:
    """Make it what the log makes of it up to the checkpoint, also nothing."""
    model = next((m for m in READ_MODELS if m.collection == request["collection"]), None)
    upto = await _upto(at.database, at.log, at.partition)
    if model is None or upto is None:
        await drop_request(at.database, request)
        return
    key, place = request["key"], at.places[model.collection]
    with reaching_views():
        stored: Any = await at.database[place].find_one({"_id": key})
    commits = [commit for commit in await commits_of(model, key, at.log) if commit.position <= upto]
    after = expected(model, commits, at.partition, stored, at.skips)
    changes = Changes()
    if await _are_the_sums_as_it_is(at.database, model, key, stored, after):
        add_sums(changes, model, Change(_as_it_is(model, stored, at.partition), after))
    await transact(
        at.database,
        [
            at.checkpoints.step(at.partition),
            _replacement(place, model, key, after),
            *summary_statements(changes.sums, at.places),
            done(request),
        ],
    )
    at.checkpoints.moved([at.partition])
    log.info("repaired", collection=model.collection, key=key, position=after.position)


async def _upto(database: AsyncDatabase, log_: Log, partition: int) -> int | None:
    """Where the partition stands; None if the log, as it is read now, does not have the commit there."""
    with reaching_views():
        checkpoint: Any = await database[CHECKPOINTS].find_one({"_id": checkpoint_id(GROUP, partition)})
    if checkpoint is None or not checkpoint["position"]:
        return None
    commit = await log_.at(checkpoint["position"])
    return commit.position if commit and commit.command_id == checkpoint["command_id"] else None


def _replacement(place: str, model: ReadModel[Any], key: str | int, after: Doc) -> Guarded:
    """Whatever stands there: nobody but the holder writes, and the fence beside it says that this is the holder."""
    if is_nothing(after):
        return Guarded({"delete": place, "deletes": [{"q": {"_id": key}, "limit": 1}]})
    stored = stored_document((model.collection, key), after)
    return Guarded({"update": place, "updates": [{"q": {"_id": key}, "u": stored, "upsert": True}]})


def _as_it_is(model: ReadModel[Any], stored: Mapping[str, Any] | None, partition: int) -> Doc:
    """Only what it adds to the sums; Unreadable."""
    return Doc(partition=partition, contribution=contribution_of_stored(model, stored or {}))


async def _are_the_sums_as_it_is(
    views: AsyncDatabase, model: ReadModel[Any], key: Any, stored: Mapping[str, Any] | None, after: Doc
) -> bool:
    """Whether they hold what the stored document adds, and not what it should. In doubt they are left alone.

    A document that stands still is in them as it is: its mark changes nothing of what it has added before.
    """
    try:
        before = _as_it_is(model, stored, after.partition)
        user_id: Any = after.view.user_id if after.view else (stored or {}).get("user_id")
        if contribution_of(model, before) == contribution_of(model, after):
            return False
        async with moment_of(views) as moment:
            others = await sums_of_orders(moment, user_id, but=key)
            found = await stored_sums_of(moment, user_id)
    except (Unreadable, Unavailable, NotNow):
        return False

    def fit(doc: Doc) -> bool:
        return not differing_sums(moment, _with(others, contribution_of(model, doc), doc.partition), found).findings

    return fit(before) and (not fit(after) or "parked" in (stored or {}))


def _with(others: Sums, contribution: Contribution, partition: int) -> Sums:
    sums = deepcopy(others)
    add_to(sums, contribution, partition, is_of_a_user)
    return sums
