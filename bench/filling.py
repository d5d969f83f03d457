"""Views full of orders: what the projector would have stored, written past it."""

import asyncio
from itertools import pairwise

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bench.alone import alone
from bench.stories import a_story, view_of
from common.log import LogInfo
from common.read_models.orders import ORDERS
from common.read_models.storage import to_fields
from projector.batch import Change, Changes, Doc, add_sums
from projector.statements import stored_document, summary_statements
from projector.views import make_indexes

WRITERS = 2  # processes
CHUNK_ORDERS = 1_000
SUMS_AT_ONCE = 1_000
INFO = LogInfo(id="", partitions=8)


async def fill(mongodb_url: str, database: str, orders: int) -> None:
    """Write so many orders and their sums, then make the indexes: that is faster than the other way round."""
    borders = [orders * number // WRITERS for number in range(WRITERS + 1)]
    parts = [range(start, end) for start, end in pairwise(borders)]
    await asyncio.gather(*(alone(write, mongodb_url, database, numbers, orders) for numbers in parts))
    async with AsyncMongoClient(mongodb_url) as client:
        await make_indexes(client[database])


async def write(mongodb_url: str, database: str, numbers: range, orders: int) -> None:
    async with AsyncMongoClient(mongodb_url) as client:
        for start in range(0, len(numbers), CHUNK_ORDERS):
            await write_chunk(client[database], numbers[start : start + CHUNK_ORDERS], orders)


async def write_chunk(views: AsyncDatabase, numbers: range, orders: int) -> None:
    changes = Changes()
    documents = [_document(number, orders, changes) for number in numbers]
    await views[ORDERS.collection].insert_many(documents, ordered=False)
    for guarded in summary_statements(changes.sums):
        updates = guarded.statement["updates"]
        for start in range(0, len(updates), SUMS_AT_ONCE):
            await views.command({**guarded.statement, "updates": updates[start : start + SUMS_AT_ONCE]})


def _document(number: int, orders: int, changes: Changes) -> dict[str, object]:
    """The order as it is stored; what it adds to the sums goes into `changes`."""
    story = a_story(number, orders)
    view = view_of(story, number + 1)
    after = Doc(
        partition=INFO.partition_of(story.user_id),
        position=number + 1,
        version=len(story.facts),
        view=view,
        fields=to_fields(view),
        contribution=ORDERS.contribute(view),
    )
    add_sums(changes, ORDERS, Change(Doc(partition=after.partition), after))
    return stored_document((ORDERS.collection, story.order_id), after)
