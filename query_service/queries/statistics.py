"""All orders in numbers, added up from the days."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.order_statistics import DAYS
from common.read_models.storage import SUMS, all_of
from common.read_models.users import USERS
from query_service.answers import Answer
from query_service.money import known_numbers, number, show_amount, show_sums, total_number
from query_service.paging import allow_only

SHOWN_DAYS = 31  # the newest
BUSIEST_DAYS = 10
BEST_CUSTOMERS = 10


async def order_statistics(http: web.Request, views: AsyncDatabase) -> Answer:
    """Averages are over paid orders; a currency's customers are the best of the currency with the most revenue.

    Rejected orders count in `by_status` alone.
    """
    allow_only(http.query)
    all_days = _days(await views[SUMS].find(all_of(DAYS)).to_list())
    days = [day for day in all_days if day["total_orders"]]
    revenue = _added(day["spent"] for day in all_days)  # what deleted orders paid was paid
    totals = Counter(
        {name: sum(day[name] for day in all_days) for name in ("total_orders", "paid_orders", "total_items")}
    )
    busiest = sorted(days, key=lambda day: (-day["total_orders"], day["day"]))
    content = {
        "total_orders": totals["total_orders"],
        "total_users": await views[SUMS].count_documents({**all_of(USERS), "total_orders": {"$gt": 0}}),
        "total_items": totals["total_items"],
        "total_revenue": total_number(revenue),
        "revenue": show_sums(revenue),
        "average_order_value": total_number(revenue, parts=totals["paid_orders"]),
        "by_status": known_numbers({"statuses": _added(day["statuses"] for day in all_days)}, "statuses"),
        "per_day": [_show_day(day) for day in sorted(days, key=lambda day: day["day"])[-SHOWN_DAYS:]],
        "busiest_days": [_show_day(day) for day in busiest[:BUSIEST_DAYS]],
        "best_customers": await _best_customers(views, revenue),
    }
    return Answer(content)


def _days(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add up the partitions of each day."""
    of_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for document in documents:
        of_day[document["day"]].append(document)
    return [_day(day, parts) for day, parts in of_day.items()]


def _day(day: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "day": day,
        "total_orders": sum(part.get("total_orders", 0) for part in parts),
        "paid_orders": sum(part.get("paid_orders", 0) for part in parts),
        "total_items": sum(part.get("total_items", 0) for part in parts),
        "spent": _added(part.get("spent", {}) for part in parts),
        "statuses": _added(part.get("statuses", {}) for part in parts),
    }


def _added(sums: Iterable[dict[str, int]]) -> dict[str, int]:
    added: Counter[str] = Counter()
    for one in sums:
        added.update(one)
    return dict(added)


def _show_day(day: dict[str, Any]) -> dict[str, Any]:
    return {
        "day": day["day"],
        "orders": day["total_orders"],
        "items": day["total_items"],
        "revenue": total_number(day["spent"]),
    }


async def _best_customers(views: AsyncDatabase, revenue: dict[str, int]) -> list[dict[str, Any]]:
    if not revenue:
        return []
    currency = max(revenue, key=lambda name: (revenue[name], name))
    field = f"spent.{currency}"
    query = views[SUMS].find({"of": USERS.of, field: {"$gt": 0}}, sort=[(field, -1)], limit=BEST_CUSTOMERS)
    return [
        {
            "user_id": user["user_id"],
            "total_spent": number(user["spent"][currency], currency),
            "spent": show_amount(user["spent"][currency], currency),
            "orders": user["total_orders"],
        }
        async for user in query
    ]
