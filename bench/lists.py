"""The lists that are measured: every combination of filters that people use, each with values of many kinds."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from urllib.parse import urlencode

from bench.stories import BEGUN_AT, DAYS, ORDERS_PER_USER, PRODUCTS, email_of, product_name, username_of
from common.read_models.order_shapes import STATUSES

Filters = dict[str, str | int]
VALUES = 40  # of each list
PRODUCT_WORDS = tuple(product_name(product_id).split() for product_id in range(1, PRODUCTS + 1))


def _range(chance: Random, days: int) -> Filters:
    begin = BEGUN_AT + timedelta(days=chance.randrange(DAYS - days), hours=chance.randrange(24))
    return {"placed_from": _instant(begin), "placed_to": _instant(begin + timedelta(days=days))}


def _instant(of: object) -> str:
    return str(of).replace(" ", "T").replace("+00:00", "Z")


def _user(chance: Random, orders: int) -> int:
    return 1 + chance.randrange(max(1, orders // ORDERS_PER_USER))


def _somebody(chance: Random, orders: int, told: Callable[[int], str | None]) -> str:
    """An e-mail or a username; not every user has told it."""
    return next(text for _ in range(10_000) if (text := told(_user(chance, orders))))


def _amounts(chance: Random) -> Filters:
    low = chance.randrange(150)
    return {"min_amount": f"{low}.00", "max_amount": f"{low + 40}.99"}


LISTS: Mapping[str, Callable[[Random, int], Filters]] = {
    "all": lambda chance, orders: {},
    "all, oldest first": lambda chance, orders: {"sort": "placed_at"},
    "status": lambda chance, orders: {"status": chance.choice(STATUSES)},
    "user": lambda chance, orders: {"user_id": _user(chance, orders)},
    "user with status": lambda chance, orders: {"user_id": _user(chance, orders), "status": "COMPLETED"},
    "user with dates": lambda chance, orders: {"user_id": _user(chance, orders), **_range(chance, 90)},
    "e-mail": lambda chance, orders: {"user_email": _somebody(chance, orders, email_of)},
    "username": lambda chance, orders: {"user_username": _somebody(chance, orders, username_of)},
    "dates": lambda chance, orders: _range(chance, 7),
    "status with dates": lambda chance, orders: {"status": chance.choice(STATUSES), **_range(chance, 30)},
    "amounts": lambda chance, orders: _amounts(chance),
    "product": lambda chance, orders: {"product_id": 1 + chance.randrange(PRODUCTS)},
    "product with status": lambda chance, orders: {
        "product_id": 1 + chance.randrange(PRODUCTS),
        "status": chance.choice(STATUSES),
    },
    "deleted": lambda chance, orders: {"deleted": "true"},
    "search: a product's word": lambda chance, orders: {"q": chance.choice(PRODUCT_WORDS)[1]},
    "search: the beginning of one": lambda chance, orders: {"q": chance.choice(PRODUCT_WORDS)[1][:4]},
    "search: an e-mail": lambda chance, orders: {"q": _somebody(chance, orders, email_of)},
    "search with status": lambda chance, orders: {
        "q": chance.choice(PRODUCT_WORDS)[1],
        "status": chance.choice(STATUSES),
    },
    "search: an order number": lambda chance, orders: {"q": f"ORD-2026-{1 + chance.randrange(orders)}"},
}


def requests_of(name: str, orders: int) -> list[str]:
    """Paths of first pages; each run of the bench asks for the same."""
    chance = Random(name)
    return [f"/queries/orders?{urlencode({**LISTS[name](chance, orders), 'limit': 50})}" for _ in range(VALUES)]
