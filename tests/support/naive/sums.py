"""What orders add up to."""

from collections import Counter, defaultdict
from typing import Any


def sums(orders: dict[str, dict[str, Any]]) -> dict[str, dict[Any, dict[str, Any]]]:
    users: dict[int, Counter[str]] = defaultdict(Counter)
    days: dict[str, Counter[str]] = defaultdict(Counter)
    products: dict[str, Counter[str]] = defaultdict(Counter)
    demand: dict[str, Counter[str]] = defaultdict(Counter)
    cancellations: dict[str, Counter[str]] = defaultdict(Counter)
    for order in orders.values():
        day = f"{order['placed_at']:%Y-%m-%d}/p{order['partition']}"
        money = money_of(order)
        if order["captured"]:
            days[day]["paid." + order["captured"]["currency"]] += 1
        numbers = Counter({"statuses." + order["status"]: 1})
        if order["status"] != "REJECTED":
            numbers += Counter({"total_orders": 1}) + money
        if order["is_deleted"]:
            numbers = money
        users[order["user_id"]].update(numbers)
        days[day].update(numbers)
        if order["status"] == "REJECTED" or order["is_deleted"]:
            continue
        days[day].update({"total_items": order["item_count"], **course(order)})
        if "cancelled" in course(order):
            cancellations[f"{why_cancelled(order)}/p{order['partition']}"]["orders"] += 1
        for product_id, pieces in pieces_of(order).items():
            products[f"{order['user_id']}/{product_id}"].update({"orders": 1, "quantity": pieces})
            if order["is_pending"]:
                demand[f"{product_id}/p{order['partition']}"].update({"pending_orders": 1})
    kinds: dict[str, dict[Any, Counter[str]]] = {
        "users": users,
        "days": days,
        "user_products": products,
        "product_demand": demand,
        "cancellations": cancellations,
    }
    return {
        "sums": {
            f"{kind}/{key}": dict(counter) for kind, counters in kinds.items() for key, counter in counters.items()
        }
    }


def pieces_of(order: dict[str, Any]) -> Counter[int]:
    pieces: Counter[int] = Counter()
    for line in order["items"]:
        pieces[line["product_id"]] += line["quantity"]
    return pieces


def money_of(order: dict[str, Any]) -> Counter[str]:
    money: Counter[str] = Counter()
    if captured := order["captured"]:
        money += Counter({"paid_orders": 1, "spent." + captured["currency"]: captured["amount"]})
    if refunded := order.get("refunded"):
        money += Counter({"refunded." + refunded["currency"]: refunded["amount"]})
    return money


def course(order: dict[str, Any]) -> dict[str, int]:
    """Whether it came from elsewhere, else whether it was ever paid; and whether it was ever cancelled."""
    told = [entry["event"] for entry in order["timeline"]]
    if told[0] == "OrderImported":
        return {"imported": 1}
    was_paid = order["captured"] is not None or "refunded" in order
    return ({"converted": 1} if was_paid else {}) | ({"cancelled": 1} if "OrderCancelled" in told else {})


def why_cancelled(order: dict[str, Any]) -> str:
    """What its cancellation is counted by."""
    words = order.get("cancel_reason", "").casefold().translate({ord("/"): " "}).split()
    return " ".join(words)[:60].strip()
