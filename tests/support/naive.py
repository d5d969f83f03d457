"""A second, naive opinion of what the views must say: it reads the stored log and imports nothing of ours."""

import re
import unicodedata
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
    products: dict[int, dict[str, Any]] = {}
    for commit in commits:
        kind, _, subject = commit["stream"].partition("-")
        for event in commit["events"]:
            match kind:
                case "order":
                    apply_to_order(orders, subject, commit, event)
                case "inventory":
                    apply_to_inventory(inventory, int(subject), commit, event)
                    apply_to_product(products, int(subject), commit, event)
                case "product" | "media" | "attributes":
                    apply_to_product(products, int(subject), commit, event)
                case other:
                    assert other in ("payment", "saga"), f"the naive program does not know streams of {other}"
    return {"orders": orders, "inventory": inventory, "products": products, **sums(orders)}


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
            lines = [{**line, "unit_price": None} for line in data.get("items", [])]
            orders[subject] = {
                "_id": subject,
                "partition": commit["partition"],
                "order_id": subject,
                "order_number": f"ORD-{placed_at.year}-{commit['_id']}",
                "user_id": data["user_id"],
                "user_email": data.get("personal", {}).get("email"),
                "status": "COMPLETED" if imported else "PENDING",
                "items": lines,
                "item_count": data["item_count"] if imported else sum(line["quantity"] for line in lines),
                "total": data.get("paid"),
                "captured": data.get("paid"),
                "is_pending": not imported,
                "placed_at": placed_at,
                "payment": None,
                "shipment": None,
                "reject_code": None,
                "reject_reason": None,
                "cancel_reason": None,
                "timeline": [entry],
                **stand,
            }
        case _:
            orders[subject] |= stand
            orders[subject]["timeline"].append(entry)
            change_order(orders[subject], event["type"], data)


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


def change_order(order: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    assert kind in ENTERED or kind in ("PaymentRequested", "OrderPaymentFailed"), f"{kind} is unknown"
    order["status"] = ENTERED.get(kind, order["status"])
    order["is_pending"] = order["status"] in ("PENDING", "VALIDATED", "PAID")
    match kind:
        case "OrderValidated":
            for line in order["items"]:
                line["unit_price"] = next(
                    p["unit_price"] for p in data["items"] if p["product_id"] == line["product_id"]
                )
            amounts = [line["quantity"] * line["unit_price"]["amount"] for line in order["items"]]
            order["total"] = {"amount": sum(amounts), "currency": order["items"][0]["unit_price"]["currency"]}
        case "OrderRejected":
            order |= {"reject_code": data["code"], "reject_reason": data["reason"]}
        case "OrderCancelled":
            order["cancel_reason"] = data.get("reason")
        case "OrderShipped":
            order["shipment"] = {"tracking_url": None, **{k: v for k, v in data.items() if k != "order_id"}}
        case "PaymentRequested" | "OrderPaid" | "OrderPaymentFailed" | "OrderRefunded":
            pay(order, kind, data)


def pay(order: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    statuses = {"PaymentRequested": "REQUESTED", "OrderPaid": "CAPTURED", "OrderPaymentFailed": "FAILED"}
    order["payment"] = {
        "payment_id": data["payment_id"],
        "status": statuses.get(kind, "REFUNDED"),
        "amount": data.get("amount") or order["payment"]["amount"],
        "code": data.get("code"),
        "reason": data.get("reason"),
    }
    if kind == "OrderPaid":
        order["captured"] = data["amount"]
    if kind == "OrderRefunded":
        left = order["captured"]["amount"] - data["amount"]["amount"]
        order["captured"] = {**data["amount"], "amount": left} if left else None


def apply_to_inventory(
    inventory: dict[int, dict[str, Any]], subject: int, commit: dict[str, Any], event: dict[str, Any]
) -> None:
    data, kind = event["data"], event["type"]
    product = inventory.get(subject)
    if product is None or kind == "InventoryCreated" or product["status"] == "ROLLED_BACK":
        product = inventory[subject] = _no_inventory(subject, commit)
    product |= {"position": commit["_id"], "version": commit["version"], "updated_at": commit["recorded_at"]}
    names = {"product_name": "product_name", "quantity": "total_quantity", "unit_price": "unit_price"}
    names |= {name: name for name in ("low_stock_threshold", "sku", "status")}
    if kind in ("InventoryCreated", "InventoryUpdated"):
        product |= {names[name]: value for name, value in data.items() if name in names}
    if kind == "InventoryRolledBack":
        name = product["product_name"]
        product |= {**_no_inventory(subject, commit), "product_name": name, "status": "ROLLED_BACK"}
        product |= {"position": commit["_id"], "version": commit["version"], "updated_at": commit["recorded_at"]}
    product["media_count"] += {"InventoryMediaAttached": 1, "InventoryMediaRemoved": -1}.get(kind, 0)
    if kind.startswith("Stock"):
        product["reserved_quantity"] += data["quantity"] if kind == "StockReserved" else -data["quantity"]
    if kind == "StockCommitted":
        product["total_quantity"] -= data["quantity"]
        product["sold_quantity"] += data["quantity"]


def _no_inventory(subject: int, commit: dict[str, Any]) -> dict[str, Any]:
    return {
        "_id": subject,
        "partition": commit["partition"],
        "product_id": subject,
        "product_name": "",
        "total_quantity": 0,
        "reserved_quantity": 0,
        "sold_quantity": 0,
        "unit_price": None,
        "low_stock_threshold": 0,
        "sku": None,
        "status": "ACTIVE",
        "media_count": 0,
    }


OF_NO_PRODUCT = frozenset({"StockReserved", "StockReleased", "LowStockDetected"})
"""They change nothing that a product shows."""


def apply_to_product(
    products: dict[int, dict[str, Any]], subject: int, commit: dict[str, Any], event: dict[str, Any]
) -> None:
    kind = event["type"]
    if kind in OF_NO_PRODUCT:
        return
    product = products.setdefault(subject, _no_product(subject, commit))
    is_own = commit["stream"].startswith("product-")
    version = commit["version"] if is_own else product["version"]
    product |= {"position": commit["_id"], "version": version, "updated_at": commit["recorded_at"]}
    if kind.startswith(("Inventory", "Stock")):
        change_stock(product, kind, event["data"])
    else:
        change_product(product, kind, event["data"], commit["recorded_at"])
    for name in product["counts"]:
        product["counts"][name] = len(product[name])
    if product["version"]:
        told = [product["name"], product["sku"], product["category"]]
        told += [*(attribute["value"] for attribute in product["attributes"]), product["description"]]
        product["words"] = _words(" ".join(text or "" for text in told))
        starts = [word[:size] for word in product["words"] for size in range(1, 9) if size <= len(word)]
        product["beginnings"] = list(dict.fromkeys(starts))


def _no_product(subject: int, commit: dict[str, Any]) -> dict[str, Any]:
    empty = ("price", "sku", "category", "description", "status", "inventory", "created_at", "activated_at")
    return {
        **dict.fromkeys((*empty, "rollback_code", "rollback_reason")),
        "_id": subject,
        "partition": commit["partition"],
        "product_id": subject,
        "version": 0,
        "name": "",
        "attributes": [],
        "media": [],
        "inventory_media": [],
        "counts": {"attributes": 0, "media": 0, "inventory_media": 0},
        "words": [],
        "beginnings": [],
    }


def change_product(product: dict[str, Any], kind: str, data: dict[str, Any], at: Any) -> None:
    match kind:
        case "ProductCreated" | "ProductUpdated" | "PriceChanged":
            product |= {name: value for name, value in data.items() if name != "onboarding"}
            product |= {"status": "PENDING", "created_at": at} if kind == "ProductCreated" else {}
        case "ProductActivated":
            product |= {"status": "ACTIVE", "activated_at": at}
        case "ProductRolledBack":
            product |= {"status": "ROLLED_BACK", "rollback_code": data["code"], "rollback_reason": data["reason"]}
        case "MediaCreated":
            product["media"] = [*product["media"], data["file"]]
        case "MediaRolledBack":
            product["media"] = [file for file in product["media"] if _place(file) != _place(data)]
        case "AttributesCreated":
            product["attributes"] = [*product["attributes"], *data["attributes"]]
        case _:
            assert kind == "AttributesRolledBack", f"{kind} is unknown"
            product["attributes"] = [one for one in product["attributes"] if one["key"] not in data["keys"]]


def change_stock(product: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    nothing = {"product_name": "", "sku": None, "status": "ACTIVE", "quantity": 0, "low_stock_threshold": 0}
    match kind:
        case "InventoryCreated" | "InventoryUpdated":
            before = product["inventory"] if kind == "InventoryUpdated" else None
            product["inventory"] = {**(before or nothing), **{n: v for n, v in data.items() if n in nothing}}
        case "InventoryRolledBack":
            product |= {"inventory": None, "inventory_media": []}
        case "InventoryMediaAttached":
            product["inventory_media"] = [*product["inventory_media"], data["file"]]
        case "InventoryMediaRemoved":
            left = [file for file in product["inventory_media"] if _place(file) != _place(data)]
            product["inventory_media"] = left
        case _:
            assert kind == "StockCommitted", f"{kind} is unknown"
            product["inventory"]["quantity"] -= data["quantity"]


def _place(file: dict[str, Any]) -> tuple[str, str]:
    return file["bucket"], file["key"]


def _words(text: str) -> list[str]:
    """Runs of letters and digits, and what dots and dashes join, whole before its parts."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words: dict[str, None] = {}
    for joined in re.findall(r"\w[\w.\-]*", plain):
        for one in re.split(r"[.\-](?=[.\-])|[.\-]+$|(?<=[.\-])[.\-]", joined):
            for word in [one, *re.split(r"[.\-]", one)]:
                if word:
                    words[word[:40]] = None
    return list(words)[:50]


def sums(orders: dict[str, dict[str, Any]]) -> Documents:
    users: dict[int, Counter[str]] = defaultdict(Counter)
    days: dict[str, Counter[str]] = defaultdict(Counter)
    products: dict[str, Counter[str]] = defaultdict(Counter)
    demand: dict[str, Counter[str]] = defaultdict(Counter)
    for order in orders.values():
        day = f"{order['placed_at']:%Y-%m-%d}/p{order['partition']}"
        if order["status"] == "REJECTED":
            users[order["user_id"]]["statuses.REJECTED"] += 1
            days[day]["statuses.REJECTED"] += 1
            continue
        numbers = Counter({"total_orders": 1, "statuses." + order["status"]: 1})
        if order["captured"]:
            numbers += Counter(
                {"paid_orders": 1, "spent." + order["captured"]["currency"]: order["captured"]["amount"]}
            )
        users[order["user_id"]].update(numbers)
        days[day].update(numbers + Counter({"total_items": order["item_count"]}))
        for line in order["items"]:
            key = f"{order['user_id']}/{line['product_id']}"
            products[key].update({"orders": 1, "quantity": line["quantity"]})
            if order["is_pending"]:
                demand[f"{line['product_id']}/p{order['partition']}"].update({"pending_orders": 1})
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


def normal(collection: str, documents: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Sums without their zeros, dotted names as they were added, and without what only names the key."""
    if collection in ("orders", "inventory", "products"):
        return documents
    flat = {key: _flat(document) for key, document in documents.items()}
    return {key: document for key, document in flat.items() if document}


def _flat(document: dict[str, Any]) -> dict[str, int]:
    flat: dict[str, int] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": number for key, number in value.items()}
        elif name not in ("_id", "of", "partition", "user_id", "product_id", "day"):
            flat[name] = value
    return {name: number for name, number in flat.items() if number}
