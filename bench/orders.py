"""What our own services are offered: orders in the short form, and the stock they need."""

import random

from bench.system import System

ORDERS_PATH = "/commands/orders"
INVENTORY_PATH = "/commands/inventory"
PRODUCT_ID = 456
HOT_PRODUCT_ID = 1
PLENTY = 1_000_000_000
USERS = 5_000
CLIENTS = 256  # with 64 it is a fifth slower: the batches are smaller


def order_bodies(first_user_id: int = 1) -> tuple[bytes, ...]:
    """One CreateOrder for each of USERS users, shuffled the same way every time."""
    user_ids = list(range(first_user_id, first_user_id + USERS))
    random.Random(456).shuffle(user_ids)
    return tuple(b'{"user_id":%d,"product_id":%d,"quantity":1}' % (user_id, PRODUCT_ID) for user_id in user_ids)


def hot_bodies() -> tuple[bytes, ...]:
    """The one command that all clients send to one stream."""
    return (b'{"product_id":%d,"adjust_by":1}' % HOT_PRODUCT_ID,)


async def stock(system: System) -> None:
    """Make the product that is ordered and the one that is hot."""
    for product_id, quantity in ((PRODUCT_ID, PLENTY), (HOT_PRODUCT_ID, 0)):
        body = {"product_id": product_id, "product_name": "Keyboard", "quantity": quantity, "unit_price": "49.99"}
        await system.post(INVENTORY_PATH, body | {"low_stock_threshold": 5})
