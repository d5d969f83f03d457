"""A second, naive opinion of what the views must say: it reads the stored log and imports nothing of ours."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from pymongo import MongoClient

from tests.support.naive.inventory import apply_to_inventory
from tests.support.naive.orders import CHANGED, ENTERED, apply_to_order
from tests.support.naive.products import apply_to_product
from tests.support.naive.sums import course, sums, why_cancelled

__all__ = ["CHANGED", "ENTERED", "check", "course", "expected_views", "normal", "sums", "why_cancelled"]

Documents = dict[str, dict[Any, dict[str, Any]]]


def check(url: str, events_database: str, views_database: str, *, skipped: Collection[int] = ()) -> int:
    """Assert that the log is gapless and that every view equals its naive fold; return the number of commits.

    Commits at the `skipped` positions are as if they were not there.
    """
    client: MongoClient[dict[str, Any]] = MongoClient(url, tz_aware=True)
    try:
        commits = list(client[events_database]["commits"].find(sort=[("_id", 1)]))
        check_log(commits)
        expected = expected_views([commit for commit in commits if commit["_id"] not in skipped])
        views = client[views_database]
        for collection, documents in expected.items():
            stored = {d["_id"]: d for d in views[place(views, collection)].find()}
            assert normal(collection, stored) == normal(collection, documents), (
                f"{collection} is not the fold of the log"
            )
        return len(commits)
    finally:
        client.close()


def place(views: Any, collection: str) -> str:
    """Where that stands which queries show now."""
    shown = views["generations"].find_one({"_id": "shown"}) or {"models": {}}
    model = "orders" if collection == "sums" else collection
    number = shown["models"].get(model, {"generation": 1})["generation"]
    return collection if number == 1 else f"{collection}@{number}"


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
        elif name not in ("_id", "of", "partition", "user_id", "product_id", "day", "reason"):
            flat[name] = value
    return {name: number for name, number in flat.items() if number}
