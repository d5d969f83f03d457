"""A log of orders that were placed, validated, paid for and shipped: five commits each, mixed as they happen."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

from bench.alone import alone
from bench.orders import PRODUCT_ID
from common.codec import encode_event
from common.config import Settings
from common.envelope import Commit
from common.events.orders import (
    OrderEvent,
    OrderInitiated,
    OrderLine,
    OrderPaid,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
    PricedLine,
)
from common.log import LogInfo, open_log
from common.mongo import open_client
from common.values import Money

EVENTS = 5  # per order, each a commit of its own
ABREAST = 1_000  # orders that live at the same time
ORDERS_PER_USER = 10
PRODUCTS = 400
WRITERS = 2  # processes
BEGUN_AT = datetime(2026, 1, 1, tzinfo=UTC)
NAMESPACE = UUID("a3f6c7de-90b1-4c39-8a6e-0f5d6a7be2c4")


async def seed(mongodb_url: str, database: str, orders: int) -> None:
    """Write so many orders, a multiple of ABREAST, into an empty log."""
    blocks = orders // ABREAST
    borders = [blocks * number // WRITERS for number in range(WRITERS + 1)]
    parts = [range(start, end) for start, end in pairwise(borders)]
    await asyncio.gather(*(alone(write, mongodb_url, database, part) for part in parts))


async def write(mongodb_url: str, database: str, blocks: range) -> None:
    async with open_client(mongodb_url, name="seeding") as client:
        log = await open_log(client[database], partitions=Settings().partitions)
        for block in blocks:
            for commits in _block(block, log.info):
                written = await log.insert(commits)
                if written.failure:
                    raise RuntimeError(f"seeding ended in block {block}: {written.failure.value}")


def _block(block: int, info: LogInfo) -> Iterator[list[Commit]]:
    """First all are placed, then all are validated, and so on."""
    stories = [_story(block * ABREAST + number) for number in range(ABREAST)]
    for version in range(1, EVENTS + 1):
        first = (block * EVENTS + version - 1) * ABREAST + 1
        yield [
            _commit(story[version - 1], user_id, version, first + number, info)
            for number, (user_id, story) in enumerate(stories)
        ]


def _story(number: int) -> tuple[int, list[OrderEvent]]:
    order_id, payment_id = str(uuid5(NAMESPACE, f"order {number}")), str(uuid5(NAMESPACE, f"payment {number}"))
    products = [PRODUCT_ID + number % PRODUCTS, PRODUCT_ID + (7 * number + 1) % PRODUCTS]
    price = Money(amount=1999, currency="EUR")
    user_id, total = 1 + number // ORDERS_PER_USER, Money(amount=3 * 1999, currency="EUR")
    lines = [OrderLine(product_id=product, quantity=1 + place) for place, product in enumerate(products)]
    priced = [PricedLine(**line.model_dump(), unit_price=price, product_name="Keyboard") for line in lines]
    paid: dict[str, Any] = {"order_id": order_id, "payment_id": payment_id, "amount": total}
    return user_id, [
        OrderInitiated(order_id=order_id, user_id=user_id, items=tuple(lines)),
        OrderValidated(order_id=order_id, items=tuple(priced)),
        PaymentRequested(**paid, attempt=1, method="card"),
        OrderPaid(**paid),
        OrderShipped(order_id=order_id, carrier="DHL", tracking_number=f"JD{number:010}"),
    ]


def _commit(event: OrderEvent, user_id: int, version: int, position: int, info: LogInfo) -> Commit:
    command_id = str(uuid5(NAMESPACE, f"command {position}"))
    return Commit(
        position=position,
        stream=f"order-{event.order_id}",
        version=version,
        partition_key=user_id,
        partition=info.partition_of(user_id),
        events=(encode_event(event),),
        command_id=command_id,
        fingerprint=command_id.replace("-", ""),
        recorded_at=BEGUN_AT + timedelta(milliseconds=10 * position),
        correlation_id=command_id,
    )
