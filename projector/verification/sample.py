"""A few thousand documents of a read model, and the sums of some users, compared with the log: a verdict in seconds."""

import math
import random
import time
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.shapes import ReadModel
from projector.verification.full import ENDLESS_COMMITS, Tell, Verdict
from projector.verification.moment import Moment, moment_of
from projector.verification.sampling import some_stored, some_told
from projector.verification.sum_checking import verify_user
from projector.verification.verifying import MOST_COMMITS, Key, log_at, verify_documents

PAGE_USERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much a sample may cost: pages of so many documents of what is stored, and as many of what the log tells.

    A document with a longer stream than `most_commits` is left out. No page is begun after so many `seconds`.
    """

    pages: int
    page_documents: int
    most_commits: int = ENDLESS_COMMITS
    seconds: float = math.inf


THOROUGH = Effort(pages=10, page_documents=250)
QUICK = Effort(pages=20, page_documents=25, most_commits=MOST_COMMITS, seconds=2.0)
"""While a client waits, for as long as the gateway does."""


async def verify_sample(
    events: AsyncDatabase,
    views: AsyncDatabase,
    model: ReadModel[Any],
    tell: Tell = lambda _, __: None,
    *,
    effort: Effort = THOROUGH,
) -> Verdict:
    """NotNow as for the full one. `tell` hears of each page, and of no events: it counts documents."""
    verdict, seen, seen_users = Verdict(projection=model.collection, is_full=False), set[Key](), set[int]()
    ends_at = time.monotonic() + effort.seconds
    for page in range(effort.pages):
        if page and time.monotonic() > ends_at:
            break
        async with moment_of(views) as moment, log_at(events, moment):
            verdict.position = max(verdict.position, moment.position)
        some = await _some_keys(events, views, model, moment, effort.page_documents)
        keys = [key for key in some if key not in seen]
        tell(1, 0)
        if not keys:
            continue
        seen.update(keys)
        checked = await verify_documents(events, views, model, keys, effort.most_commits)
        verdict.documents += checked.count
        verdict.left_out += checked.left_out
        verdict.moments += 1
        verdict.add(checked)
        if model.summaries:
            await _verify_users(views, model, keys, seen_users, verdict)
    return verdict


async def _some_keys(
    events: AsyncDatabase, views: AsyncDatabase, model: ReadModel[Any], moment: Moment, count: int
) -> list[Key]:
    partitions = frozenset(moment.upto)
    if not partitions:
        return []
    stored = await some_stored(views, model, partitions, len(partitions), count)
    told = await some_told(events, model, partitions, len(partitions), count)
    return [*dict.fromkeys((*stored, *told))]


async def _verify_users(
    views: AsyncDatabase, model: ReadModel[Any], keys: list[Key], seen: set[int], verdict: Verdict
) -> None:
    """Each user once, of those who have some of these orders."""
    async with moment_of(views) as moment:
        some = random.sample(keys, min(PAGE_USERS, len(keys)))
        orders = await moment.documents(model.collection, some)
        for user_id in {order.get("user_id") for order in orders.values()}:
            if isinstance(user_id, int) and user_id not in seen:
                seen.add(user_id)
                checked = await verify_user(moment, user_id)
                verdict.sums += checked.count
                verdict.add(checked)
