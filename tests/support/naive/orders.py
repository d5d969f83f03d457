"""What the events of an order make of it."""

from typing import Any

from tests.support.naive.words import words_of


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
    order.pop("words", None)
    if words := words_of(" ".join(text or "" for text in texts)):
        order["words"] = words


ENTERED = {
    "OrderValidated": "VALIDATED",
    "OrderRejected": "REJECTED",
    "OrderPaid": "PAID",
    "OrderShipped": "SHIPPED",
    "OrderDelivered": "DELIVERED",
    "OrderCompleted": "COMPLETED",
    "OrderCancelled": "CANCELLED",
}


TOLD_ONLY = frozenset(
    {
        "PaymentRequested",
        "OrderPaymentFailed",
        "RefundRequested",
        "OrderRefunded",
        "ShippingAddressUpdated",
        "OrderDeleted",
    }
)
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
            order |= {"cancel_code": why(data), **({"cancel_reason": data["reason"]} if "reason" in data else {})}
        case "OrderShipped":
            order["shipment"] = {k: v for k, v in data.items() if k != "order_id"}
        case "PaymentRequested" | "OrderPaid" | "OrderPaymentFailed":
            pay(order, kind, data)
        case "RefundRequested":
            told = {name: data[name] for name in ("refund_id", "amount", "reason") if name in data}
            order["refund"] = {"status": "REQUESTED", **told}
        case "OrderRefunded":
            refund(order, data["amount"])


def why(data: dict[str, Any]) -> str:
    """The first schema had no code; only the saga wrote so."""
    said = {"The payment did not come in time.": "payment_overdue"}
    return data["code"] if "code" in data else said.get(data.get("reason", ""), "requested")


def change_items(order: dict[str, Any], product_id: int, more: int) -> None:
    quantities: dict[int, int] = {}
    for line in order["items"]:
        quantities[line["product_id"]] = quantities.get(line["product_id"], 0) + line["quantity"]
    quantities[product_id] = quantities.get(product_id, 0) + more
    order["items"] = [{"product_id": p, "quantity": q} for p, q in quantities.items() if q]
    order["item_count"] += more
    order["total"] = None


def pay(order: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    before = order.get("payment", {}).get("method")
    method = data.get("method") if kind == "PaymentRequested" else before
    statuses = {"PaymentRequested": "REQUESTED", "OrderPaid": "CAPTURED", "OrderPaymentFailed": "FAILED"}
    order["payment"] = {
        "payment_id": data["payment_id"],
        "status": statuses[kind],
        "amount": data.get("amount") or order["payment"]["amount"],
        **{name: data[name] for name in ("code", "reason") if name in data},
        **({"method": method} if method not in (None, "card") else {}),
    }
    if kind == "OrderPaid":
        order["captured"] = data["amount"]


def refund(order: dict[str, Any], amount: dict[str, Any]) -> None:
    left = order["captured"]["amount"] - amount["amount"]
    before = order.get("refunded", {"amount": 0})["amount"]
    order["captured"] = {**amount, "amount": left} if left else None
    order["refunded"] = {**amount, "amount": before + amount["amount"]}
    if "refund" in order:
        order["refund"]["status"] = "REFUNDED"
    if not left:
        order |= {"status": "REFUNDED", "is_pending": False}
        order["payment"]["status"] = "REFUNDED"
