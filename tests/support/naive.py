"""A second, naive opinion of what the views must say: it reads the stored log and imports nothing of ours."""

from collections import Counter, defaultdict
from typing import Any

from pymongo import MongoClient

Documents = dict[str, dict[Any, dict[str, Any]]]


def check(url: str, events_database: str, views_database: str) -> int:
    """Assert that the log is gapless and that every view equals its naive fold; return the number of commits."""
    client: MongoClient[dict[str, Any]] = MongoClient(url, tz_aware=True)
    try:
        commits = list(client[events_database]["commits"].find(sort=[("_id", 1)]))
        check_log(commits)
        expected = expected_views(commits)
        for collection, documents in expected.items():
            stored = {d["_id"]: d for d in client[views_database][collection].find()}
            assert normal(collection, stored) == normal(collection, documents), (
                f"{collection} is not the fold of the log"
            )
        return len(commits)
    finally:
        client.close()


def check_log(commits: list[dict[str, Any]]) -> None:
    """O2: positions are 1..N, versions 1..n per stream, command ids unique."""
    assert [c["_id"] for c in commits] == list(range(1, len(commits) + 1)), "positions have a hole"
    versions: Counter[str] = Counter()
    for commit in commits:
        versions[commit["stream"]] += 1
        assert commit["version"] == versions[commit["stream"]], f"{commit['stream']} has a hole"
    assert len({c["command_id"] for c in commits}) == len(commits), "a command was committed twice"


def expected_views(commits: list[dict[str, Any]]) -> Documents:
    orders: dict[str, dict[str, Any]] = {}
    inventory: dict[int, dict[str, Any]] = {}
    for commit in commits:
        kind, _, subject = commit["stream"].partition("-")
        for event in commit["events"]:
            match kind:
                case "order":
                    apply_to_order(orders, subject, commit, event)
                case "inventory":
                    apply_to_inventory(inventory, int(subject), commit, event)
                case other:
                    assert other in ("payment", "saga"), f"the naive program does not know streams of {other}"
    return {"orders": orders, "inventory": inventory, **sums(orders)}


def apply_to_order(
    orders: dict[str, dict[str, Any]], subject: str, commit: dict[str, Any], event: dict[str, Any]
) -> None:
    data, at = event["data"], commit["recorded_at"]
    entry = {"event": event["type"], "timestamp": at}
    stand = {"position": commit["_id"], "version": commit["version"], "updated_at": at}
    match event["type"]:
        case "OrderInitiated" | "OrderImported":
            imported = event["type"] == "OrderImported"
            placed_at = data["placed_at"] if imported else at
            lines = data.get("items", [])
            orders[subject] = {
                "_id": subject,
                "partition": commit["partition"],
                "order_id": subject,
                "order_number": f"ORD-{placed_at.year}-{commit['_id']}",
                "user_id": data["user_id"],
                **customer(data.get("personal", {})),
                "is_deleted": False,
                "status": "COMPLETED" if imported else "PENDING",
                "items": lines,
                "item_count": data["item_count"] if imported else sum(line["quantity"] for line in lines),
                "total": data.get("paid"),
                "captured": data.get("paid"),
                "is_pending": not imported,
                "placed_at": placed_at,
                "timeline": [entry],
                **stand,
            }
            search(orders[subject])
        case _:
            orders[subject] |= stand
            orders[subject]["timeline"].append(entry)
            change_order(orders[subject], event["type"], data)
            search(orders[subject])


def customer(personal: dict[str, Any]) -> dict[str, Any]:
    names = {"name": "customer_name", "email": "user_email", "username": "user_username", "notes": "notes"}
    names["shipping_address"] = "shipping_address"
    return {shown: personal[name] for name, shown in names.items() if name in personal}


def search(order: dict[str, Any]) -> None:
    """What the order is found by, word for word."""
    texts = [order.get("customer_name"), order.get("user_username"), order.get("user_email")]
    texts += [order.get("shipment", {}).get("tracking_number")]
    texts += [line.get("product_name") for line in order["items"]]
    words: list[str] = []
    for text in texts:
        spaced = "".join(c if c.isalnum() or c == "_" else " " for c in (text or "").casefold())
        words += [word[:40] for word in spaced.split() if word[:40] not in words]
    order.pop("words", None)
    if words:
        order["words"] = words[:50]


ENTERED = {
    "OrderValidated": "VALIDATED",
    "OrderRejected": "REJECTED",
    "OrderPaid": "PAID",
    "OrderShipped": "SHIPPED",
    "OrderDelivered": "DELIVERED",
    "OrderCompleted": "COMPLETED",
    "OrderCancelled": "CANCELLED",
    "OrderRefunded": "REFUNDED",
}


TOLD_ONLY = frozenset({"PaymentRequested", "OrderPaymentFailed", "ShippingAddressUpdated", "OrderDeleted"})
CHANGED = frozenset({"OrderItemAdded", "OrderItemRemoved"})


def change_order(order: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    assert kind in ENTERED or kind in TOLD_ONLY | CHANGED, f"{kind} is unknown"
    order["status"] = "PENDING" if kind in CHANGED else ENTERED.get(kind, order["status"])
    order["is_pending"] = order["status"] in ("PENDING", "VALIDATED", "PAID")
    match kind:
        case "OrderValidated":
            order["items"] = data["items"]
            amounts = [line["quantity"] * line["unit_price"]["amount"] for line in order["items"]]
            order["total"] = {"amount": sum(amounts), "currency": order["items"][0]["unit_price"]["currency"]}
        case "OrderItemAdded" | "OrderItemRemoved":
            change_items(order, data["product_id"], data["quantity"] * (1 if kind == "OrderItemAdded" else -1))
        case "ShippingAddressUpdated":
            order["shipping_address"] = data["personal"]["shipping_address"]
        case "OrderDeleted":
            order["is_deleted"] = True
        case "OrderRejected":
            order |= {"reject_code": data["code"], "reject_reason": data["reason"]}
        case "OrderCancelled":
            order |= {"cancel_reason": data["reason"]} if "reason" in data else {}
        case "OrderShipped":
            order["shipment"] = {k: v for k, v in data.items() if k != "order_id"}
        case "PaymentRequested" | "OrderPaid" | "OrderPaymentFailed" | "OrderRefunded":
            pay(order, kind, data)


def change_items(order: dict[str, Any], product_id: int, more: int) -> None:
    quantities: dict[int, int] = {}
    for line in order["items"]:
        quantities[line["product_id"]] = quantities.get(line["product_id"], 0) + line["quantity"]
    quantities[product_id] = quantities.get(product_id, 0) + more
    order["items"] = [{"product_id": p, "quantity": q} for p, q in quantities.items() if q]
    order["item_count"] += more
    order["total"] = None


def pay(order: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    statuses = {"PaymentRequested": "REQUESTED", "OrderPaid": "CAPTURED", "OrderPaymentFailed": "FAILED"}
    order["payment"] = {
        "payment_id": data["payment_id"],
        "status": statuses.get(kind, "REFUNDED"),
        "amount": data.get("amount") or order["payment"]["amount"],
        **{name: data[name] for name in ("code", "reason") if name in data},
    }
    if kind == "OrderPaid":
        order["captured"] = data["amount"]
    if kind == "OrderRefunded":
        left = order["captured"]["amount"] - data["amount"]["amount"]
        order["captured"] = {**data["amount"], "amount": left} if left else None
        before = order.get("refunded", {"amount": 0})["amount"]
        order["refunded"] = {**data["amount"], "amount": before + data["amount"]["amount"]}


def apply_to_inventory(
    inventory: dict[int, dict[str, Any]], subject: int, commit: dict[str, Any], event: dict[str, Any]
) -> None:
    data = event["data"]
    product = inventory.setdefault(
        subject,
        {
            "_id": subject,
            "partition": commit["partition"],
            "product_id": subject,
            "product_name": "",
            "total_quantity": 0,
            "reserved_quantity": 0,
            "sold_quantity": 0,
            "unit_price": None,
            "low_stock_threshold": 0,
        },
    )
    product |= {"position": commit["_id"], "version": commit["version"], "updated_at": commit["recorded_at"]}
    names = {"product_name": "product_name", "quantity": "total_quantity", "unit_price": "unit_price"}
    names["low_stock_threshold"] = "low_stock_threshold"
    if event["type"] == "InventoryUpdated":
        product |= {names[name]: value for name, value in data.items() if name in names}
    if event["type"].startswith("Stock"):
        product["reserved_quantity"] += data["quantity"] if event["type"] == "StockReserved" else -data["quantity"]
    if event["type"] == "StockCommitted":
        product["total_quantity"] -= data["quantity"]
        product["sold_quantity"] += data["quantity"]


def sums(orders: dict[str, dict[str, Any]]) -> Documents:
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
        "cancellations": cancellations,
    }
    return {
        "sums": {
            f"{kind}/{key}": dict(counter) for kind, counters in kinds.items() for key, counter in counters.items()
        }
    }


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


def normal(collection: str, documents: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Sums without their zeros, dotted names as they were added, and without what only names the key."""
    if collection in ("orders", "inventory"):
        return documents
    flat = {key: _flat(document) for key, document in documents.items()}
    return {key: document for key, document in flat.items() if document}


def _flat(document: dict[str, Any]) -> dict[str, int]:
    flat: dict[str, int] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": number for key, number in value.items()}
        elif name not in ("_id", "of", "partition", "user_id", "product_id", "day", "reason"):
            flat[name] = value
    return {name: number for name, number in flat.items() if number}
