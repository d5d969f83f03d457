"""All orders in numbers, added up from the days."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from common.read_models.storage import SUMS
from common.read_models.users import USERS
from query_service.answers import Answer
from query_service.days import Day, added, read_days
from query_service.money import average, known_numbers, show_amount, show_sums, total_number
from query_service.queries.cancellations import frequent_reasons
from query_service.queries.customers import best_by_spent
from query_service.shown.sums import CancelReason, Conversion, Customer, OrdersOfDay, OrderStatistics
from query_service.shown.values import Amount
from query_service.views import Views

SHOWN_DAYS = 31  # the newest
BUSIEST_DAYS = 10
BEST_CUSTOMERS = 10


async def order_statistics(http: web.Request, views: Views) -> Answer:
    """Averages are over paid orders; a currency's customers are the best of the currency with the most revenue.

    Rejected orders count in `by_status` and as initiated.
    """
    days = await read_days(views)
    currency = best_currency(days)
    users = {"of": USERS.of, "total_orders": {"$gt": 0}}
    shown = show_statistics(
        days,
        total_users=await views[SUMS].count_documents(users),
        reasons=await frequent_reasons(views),
        best=await best_by_spent(views, currency, BEST_CUSTOMERS) if currency else [],
    )
    return Answer(shown)


def best_currency(days: Sequence[Day]) -> str | None:
    """The one with the most revenue, in minor units; None where nothing was ever paid."""
    revenue = added(days)["spent"]
    return max(revenue, key=lambda name: (revenue[name], name), default=None)


def show_statistics(
    all_days: Sequence[Day], *, total_users: int, reasons: list[CancelReason], best: list[Customer]
) -> OrderStatistics:
    days = [day for day in all_days if day["total_orders"]]
    totals = added(all_days)
    revenue = totals["spent"]  # what deleted orders paid was paid
    busiest = sorted(days, key=lambda day: (-day["total_orders"], day["day"]))
    return {
        "total_orders": totals["total_orders"],
        "total_users": total_users,
        "total_items": totals["total_items"],
        "total_revenue": total_number(revenue),
        "revenue": show_sums(revenue),
        "refunded": show_sums(totals["refunded"]),
        "average_order_value": total_number(revenue, parts=totals["paid_orders"]),
        "average_order_values": show_averages(revenue, totals["paid"]),
        "by_status": known_numbers(totals, "statuses"),
        "conversion": show_conversion(totals),
        "cancellations": {"orders": totals["cancelled"], "reasons": reasons},
        "per_day": [_show_day(day) for day in days[-SHOWN_DAYS:]],
        "busiest_days": [_show_day(day) for day in busiest[:BUSIEST_DAYS]],
        "best_customers": best,
    }


def show_averages(revenue: Mapping[str, int], paid_orders: Mapping[str, int]) -> list[Amount]:
    """What a paid order brought, in each currency that has any."""
    return [
        show_amount(average(revenue.get(currency, 0), orders), currency)
        for currency, orders in sorted(paid_orders.items())
        if orders
    ]


def show_conversion(totals: Mapping[str, Any]) -> Conversion:
    """How many of the orders that were placed here, the rejected among them, were ever paid."""
    rejected = totals["statuses"].get("REJECTED", 0)
    initiated, paid = totals["total_orders"] + rejected - totals["imported"], totals["converted"]
    return {"initiated": initiated, "paid": paid, "rate": round(paid / initiated, 4) if initiated else None}


def _show_day(day: Day) -> OrdersOfDay:
    return {
        "day": day["day"],
        "orders": day["total_orders"],
        "items": day["total_items"],
        "revenue": total_number(day["spent"]),
    }
