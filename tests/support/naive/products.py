"""What the events of a product and of what belongs to it make of it."""

from typing import Any

from tests.support.naive.words import words_of

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
        product["words"] = words_of(" ".join(text or "" for text in told))
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
