"""Why orders were cancelled: the most frequent reasons."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from common.read_models.order_statistics import CANCELLATIONS
from common.read_models.storage import SUMS, all_of
from query_service.shown.sums import CancelReason
from query_service.views import Views

SHOWN_REASONS = 10
LOOKED_AT = 400  # sums of one reason in one partition: with as many the first are known, and then counted exactly


async def frequent_reasons(views: Views) -> list[CancelReason]:
    """In the words of `reason_key`; None where no reason was given."""
    frequent = views[SUMS].find({"of": CANCELLATIONS.of, "orders": {"$gt": 0}}, sort=[("orders", -1)], limit=LOOKED_AT)
    first = _first(added_reasons(await frequent.to_list()))
    if not first:
        return []
    ranges = [all_of(CANCELLATIONS, reason) for reason, _ in first]
    return show_reasons(added_reasons(await views[SUMS].find({"$or": ranges}).to_list()))


def show_reasons(orders: Counter[str]) -> list[CancelReason]:
    return [{"reason": reason or None, "orders": number} for reason, number in _first(orders)]


def added_reasons(documents: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Reason → orders, over the partitions."""
    orders: Counter[str] = Counter()
    for document in documents:
        orders[document["reason"]] += document.get("orders", 0)
    return orders


def _first(orders: Counter[str]) -> list[tuple[str, int]]:
    """Frequent ones first, those of the same frequency by the alphabet."""
    return sorted(orders.items(), key=lambda found: (-found[1], found[0]))[:SHOWN_REASONS]
