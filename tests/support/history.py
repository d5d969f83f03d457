"""Some things that happened in a shop, by chance: stock, orders, cancellations, imports, payments."""

import random
from typing import Any

from tests.support.ledger import Ledger, event


async def some_history(ledger: Ledger, seed: int = 1, *, with_songs: bool = False) -> None:
    """`with_songs` some orders are parked."""
    chance, orders = random.Random(seed), list[Any]()
    for number in range(30):
        match chance.randrange(6):
            case 0:
                await ledger.stock(chance.randint(1, 4), chance.randint(0, 9))
            case 1 if orders:
                await ledger.cancel(orders.pop(chance.randrange(len(orders))))
            case 2:
                await ledger.imported(chance.randint(1, 5), chance.randint(1, 9999), seed * 1000 + number)
            case 3 if orders:
                await ledger.pay(orders.pop(), chance.randint(1, 999))
            case 4 if orders and with_songs:
                await ledger.on(orders.pop(), event("OrderSangASong"))
            case _:
                lines = [(product_id, chance.randint(1, 3)) for product_id in chance.sample(range(1, 5), 2)]
                orders += await ledger.orders(chance.randint(1, 5), lines)
