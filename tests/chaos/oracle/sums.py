"""O6: what is added up, beside the orders it is added up from, whatever the log says."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from common.read_models.storage import SUMS
from common.values import decimal_text
from tests.chaos.oracle.facts import Document, Facts, Finding
from tests.chaos.oracle.views import by_id, differences
from tests.support import naive


def o6_statistics_are_sums_of_orders(facts: Facts) -> Iterator[Finding]:
    """Every sum is the sum over the orders as they are shown, and so are the statistics that people read."""
    orders = by_id(facts.views.get("orders", ()))
    try:
        expected = naive.sums(orders)["sums"]
    except (LookupError, TypeError, ValueError) as error:
        yield "orders", f"they cannot be added up: {type(error).__name__}: {error}"
        return
    stored = by_id(facts.views.get(SUMS, ()))
    for key, detail in differences(naive.normal(SUMS, expected), naive.normal(SUMS, stored)):
        yield f"{SUMS}/{key}", f"by the orders: {detail}"
    if facts.statistics is not None:
        yield from _as_shown(facts.statistics, list(orders.values()))


def _as_shown(statistics: Document, orders: list[Document]) -> Iterator[Finding]:
    visible = [order for order in orders if not order["is_deleted"]]
    counted = [order for order in visible if order["status"] != "REJECTED"]
    captured = _amounts(orders, "captured")
    paid = Counter(order["captured"]["currency"] for order in orders if order["captured"])
    expected: dict[str, Any] = {
        "total_orders": len(counted),
        "total_users": len({order["user_id"] for order in counted}),
        "total_items": sum(order["item_count"] for order in counted),
        "by_status": dict(Counter(order["status"] for order in visible)),
        "revenue": _shown(captured),
        "refunded": _shown(_amounts(orders, "refunded")),
        "average_order_values": _shown(Counter({name: round(captured[name] / paid[name]) for name in paid})),
        "conversion": _conversion(visible),
        "cancellations": _cancellations(counted),
    }
    for name, value in expected.items():
        if statistics.get(name) != value:
            yield f"statistics/{name}", f"{statistics.get(name)!r} is shown, and the orders make it {value!r}"


def _amounts(orders: list[Document], name: str) -> Counter[str]:
    amounts: Counter[str] = Counter()
    for order in orders:
        if money := order.get(name):
            amounts[money["currency"]] += money["amount"]
    return amounts


def _shown(amounts: Counter[str]) -> list[Document]:
    present = sorted((currency, amount) for currency, amount in amounts.items() if amount)
    return [{"amount": decimal_text(amount, currency), "currency": currency} for currency, amount in present]


def _conversion(visible: list[Document]) -> Document:
    placed = [order for order in visible if "imported" not in naive.course(order)]
    paid = sum(1 for order in placed if "converted" in naive.course(order))
    return {"initiated": len(placed), "paid": paid, "rate": round(paid / len(placed), 4) if placed else None}


def _cancellations(counted: list[Document]) -> Document:
    """The ten most frequent reasons."""
    cancelled = [order for order in counted if "cancelled" in naive.course(order)]
    reasons = Counter(naive.why_cancelled(order) for order in cancelled)
    first = sorted(reasons.items(), key=lambda found: (-found[1], found[0]))[:10]
    return {"orders": len(cancelled), "reasons": [{"reason": why or None, "orders": n} for why, n in first]}
