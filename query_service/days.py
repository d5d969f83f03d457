"""What happened on each UTC day, added up over the partitions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from common.read_models.order_statistics import DAYS
from common.read_models.storage import SUMS, all_of
from query_service.views import Views

COUNTS = ("total_orders", "paid_orders", "total_items", "imported", "converted", "cancelled")
BY_NAME = ("spent", "refunded", "paid", "statuses")
"""Numbers per currency, and per status."""

Day = Mapping[str, Any]
"""`day`, each of COUNTS, and for each of BY_NAME its numbers by name."""


async def read_days(views: Views, *, first: str = "", after: str = "") -> list[Day]:
    """In order; from the day `first` on and before the day `after`, where they are given."""
    within = all_of(DAYS)["_id"]
    if first:
        within["$gte"] = f"{DAYS.of}/{first}/"
    if after:
        within["$lt"] = f"{DAYS.of}/{after}/"
    return added_days(await views[SUMS].find({"_id": within}).to_list())


def added_days(documents: Iterable[Mapping[str, Any]]) -> list[Day]:
    of_day: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for document in documents:
        of_day[document["day"]].append(document)
    return [{"day": day, **added(parts)} for day, parts in sorted(of_day.items())]


def added(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums of sums: of a day's partitions, or of days."""
    parts = list(parts)
    counts = {name: sum(part.get(name, 0) for part in parts) for name in COUNTS}
    return counts | {name: _added_by_name(part.get(name, {}) for part in parts) for name in BY_NAME}


def _added_by_name(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for numbers in parts:
        total.update(numbers)
    return dict(total)
