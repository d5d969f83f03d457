"""What orders add up to."""

from collections import Counter, defaultdict
from typing import Any


def sums(orders: dict[str, dict[str, Any]]) -> dict[str, dict[Any, dict[str, Any]]]:
    users: dict[int, Counter[str]] = defaultdict(Counter)
    days: dict[str, Counter[str]] = defaultdict(Counter)
    products: dict[str, Counter[str]] = defaultdict(Counter)
    demand: dict[str, Counter[str]] = defaultdict(Counter)
    for order in orders.values():
        day = f"{order['placed_at']:%Y-%m-%d}/p{order['partition']}"
        money: Counter[str] = Counter()
        if order["captured"]:
            money += Counter({"paid_orders": 1, "spent." + order["captured"]["currency"]: order["captured"]["amount"]})
        if refunded := order.get("refunded"):
            money += Counter({"refunded." + refunded["currency"]: refunded["amount"]})
        numbers = Counter({"statuses." + order["status"]: 1})
        if order["status"] != "REJECTED":
            numbers += Counter({"total_orders": 1}) + money
        if order["is_deleted"]:
            numbers = money
        users[order["user_id"]].update(numbers)
        days[day].update(numbers)
        if order["status"] == "REJECTED" or order["is_deleted"]:
            continue
        days[day].update({"total_items": order["item_count"]})
        for product_id in {line["product_id"] for line in order["items"]}:
            pieces = sum(line["quantity"] for line in order["items"] if line["product_id"] == product_id)
            products[f"{order['user_id']}/{product_id}"].update({"orders": 1, "quantity": pieces})
            if order["is_pending"]:
                demand[f"{product_id}/p{order['partition']}"].update({"pending_orders": 1})
    kinds: dict[str, dict[Any, Counter[str]]] = {
        "users": users,
        "days": days,
        "user_products": products,
        "product_demand": demand,
    }
    return {
        "sums": {
            f"{kind}/{key}": dict(counter) for kind, counters in kinds.items() for key, counter in counters.items()
        }
    }
