"""O5: the money of every order, by the log, by the views and by the provider's own books."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.oracle.facts import Document, Facts, Finding

Kept = Counter[tuple[str, str]]
"""(order, currency) → minor units."""


def o5_the_books_agree(facts: Facts) -> Iterator[Finding]:
    """Per order, captured − refunded is in the log and in the view what it is in the provider's books, in integers.

    What an imported order paid was paid elsewhere and is in no books of ours.
    """
    if facts.books is None:
        return
    yield from _not_integers(facts)
    orders = {data["payment_id"]: data["order_id"] for _, data in facts.told("PaymentInitiated")}
    in_books: Kept = Counter()
    for charge in facts.books:
        if charge["payment_id"] not in orders:
            yield f"charge {charge['payment_id']}", "the provider was asked for what is not in the log"
        elif kept := kept_of(charge):
            in_books[orders[charge["payment_id"]], charge["currency"]] += kept
    for place, kept in (("the log", _in_log(facts)), ("the view", _in_views(facts))):
        for order_id, currency in in_books.keys() | kept.keys():
            told, has = kept[order_id, currency], in_books[order_id, currency]
            if told != has:
                yield f"orders/{order_id}", f"{place} keeps {told} {currency}, the provider {has}"


def kept_of(charge: Document) -> int:
    """Minor units."""
    return (charge["amount"] or 0) * charge["captured_count"] - charge["refunded_amount"]


def _not_integers(facts: Facts) -> Iterator[Finding]:
    for charge in facts.books or ():
        if charge["amount"] is not None and not isinstance(charge["amount"], int):
            yield f"charge {charge['payment_id']}", f"{charge['amount']!r} is no integer"
    for order in facts.views.get("orders", ()):
        for name in ("total", "captured"):
            if order.get(name) and not isinstance(order[name]["amount"], int):
                yield f"orders/{order['_id']}", f"{name} {order[name]['amount']!r} is no integer"


def _in_log(facts: Facts) -> Kept:
    kept: Kept = Counter()
    for _, data in facts.told("PaymentProcessed"):
        _add(kept, data["order_id"], data["amount"], 1)
    for _, data in facts.told("PaymentRefunded"):
        _add(kept, data["order_id"], data["amount"], -1)
    return kept


def _in_views(facts: Facts) -> Kept:
    imported = {data["order_id"] for _, data in facts.told("OrderImported")}
    kept: Kept = Counter()
    for order in facts.views.get("orders", ()):
        if order["_id"] not in imported and order.get("captured"):
            _add(kept, order["_id"], order["captured"], 1)
    return kept


def _add(kept: Kept, order_id: str, money: Document, sign: int) -> None:
    kept[order_id, money["currency"]] += sign * money["amount"]
