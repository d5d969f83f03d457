"""A few thousand documents of a read model, and the sums of some users, compared with the log: a verdict in seconds."""

import random
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.shapes import ReadModel
from projector.verification.full import ENDLESS_COMMITS, Tell, Verdict
from projector.verification.moment import Moment, moment_of
from projector.verification.sampling import some_stored, some_told
from projector.verification.sum_checking import verify_user
from projector.verification.verifying import Key, log_at, verify_documents

PAGES = 10
PAGE_DOCUMENTS = 250  # of what is stored, and as many of what the log tells
PAGE_USERS = 10


async def verify_sample(
    events: AsyncDatabase,
    views: AsyncDatabase,
    model: ReadModel[Any],
    tell: Tell = lambda _, __: None,
    *,
    pages: int = PAGES,
) -> Verdict:
    """NotNow as for the full one. `tell` hears of each page, and of no events: it counts documents."""
    verdict, seen = Verdict(projection=model.collection, is_full=False), set[Key]()
    for _ in range(pages):
        async with moment_of(views) as moment, log_at(events, moment):
            verdict.position = max(verdict.position, moment.position)
        keys = [key for key in await _some_keys(events, views, model, moment) if key not in seen]
        seen.update(keys)
        checked = await verify_documents(events, views, model, keys, ENDLESS_COMMITS)
        verdict.documents += checked.count
        verdict.moments += 1
        verdict.add(checked)
        if model.summaries:
            await _verify_users(views, model, keys, verdict)
        tell(1, 0)
    return verdict


async def _some_keys(events: AsyncDatabase, views: AsyncDatabase, model: ReadModel[Any], moment: Moment) -> list[Key]:
    partitions = frozenset(moment.upto)
    if not partitions:
        return []
    stored = await some_stored(views, model, partitions, len(partitions), PAGE_DOCUMENTS)
    told = await some_told(events, model, partitions, len(partitions), PAGE_DOCUMENTS)
    return [*dict.fromkeys((*stored, *told))]


async def _verify_users(views: AsyncDatabase, model: ReadModel[Any], keys: list[Key], verdict: Verdict) -> None:
    async with moment_of(views) as moment:
        some = random.sample(keys, min(PAGE_USERS, len(keys)))
        orders = await moment.documents(model.collection, some)
        for user_id in {order.get("user_id") for order in orders.values()}:
            if isinstance(user_id, int):
                checked = await verify_user(moment, user_id)
                verdict.sums += checked.count
                verdict.add(checked)
