"""What the events of a stock make of it."""

from typing import Any


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
