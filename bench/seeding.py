"""A log with very many orders in it: commits as the command service makes them, written past its HTTP."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID, uuid5

from bench.alone import alone
from bench.orders import PRODUCT_ID
from common.codec import encode_event
from common.config import Settings
from common.envelope import Commit
from common.events.orders import OrderInitiated, OrderLine
from common.log import LogInfo, open_log
from common.mongo import open_client

WRITERS = 2  # processes; the log is read only when both have ended, so positions may appear in any order
BATCH_COMMITS = 500
ORDERS_PER_USER = 10
NAMESPACE = UUID("6f0d1c1e-54a2-4c57-9d6f-0c2f5d3f8a11")


async def seed(mongodb_url: str, database: str, first: int, commits: int) -> None:
    """Write so many orders, one to each position from `first` on."""
    borders = [first + commits * number // WRITERS for number in range(WRITERS + 1)]
    parts = [range(start, end) for start, end in pairwise(borders)]
    await asyncio.gather(*(alone(write, mongodb_url, database, positions) for positions in parts))


async def write(mongodb_url: str, database: str, positions: range) -> None:
    """Insert the orders of these positions; RuntimeError when the log does not take them all."""
    async with open_client(mongodb_url, name="seeding") as client:
        log = await open_log(client[database], partitions=Settings().partitions)
        now = datetime.now(UTC)
        for start in range(0, len(positions), BATCH_COMMITS):
            batch = positions[start : start + BATCH_COMMITS]
            written = await log.insert([an_order(position, log.info, now) for position in batch])
            if written.failure:
                raise RuntimeError(f"seeding ended before {batch[written.count]}: {written.failure.value}")


def an_order(position: int, info: LogInfo, now: datetime) -> Commit:
    """The order at this position: always the same one."""
    user_id = 1 + position // ORDERS_PER_USER
    order_id = order_id_at(position)
    line = OrderLine(product_id=PRODUCT_ID, quantity=1)
    command_id = str(uuid5(NAMESPACE, f"command {position}"))
    return Commit(
        position=position,
        stream=f"order-{order_id}",
        version=1,
        partition_key=user_id,
        partition=info.partition_of(user_id),
        events=(encode_event(OrderInitiated(order_id=order_id, user_id=user_id, items=(line,))),),
        command_id=command_id,
        fingerprint=command_id.replace("-", ""),
        recorded_at=now,
        correlation_id=command_id,
    )


def order_id_at(position: int) -> str:
    return str(uuid5(NAMESPACE, f"order {position}"))
