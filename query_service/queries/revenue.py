"""Revenue per day, week or month: what was captured, what was given back, what is left.

The day is that on which an order was placed, whenever it was paid or refunded.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from aiohttp import web

from common.contract.operations import Parameter
from common.errors import BadRequest
from query_service.answers import Answer
from query_service.days import Day, added, read_days
from query_service.money import read_currency, show_amount
from query_service.shown.sums import PeriodRevenue, Revenue
from query_service.views import Views

MOST_PERIODS = 366  # the newest


def _week(day: date) -> str:
    """ISO 8601: a week belongs to the year in which its Thursday lies."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


PERIODS: Mapping[str, Callable[[date], str]] = {
    "day": date.isoformat,
    "week": _week,
    "month": lambda day: day.isoformat()[:7],
}


_DAY = {"type": "string", "format": "date"}
PARAMETERS = (
    Parameter("period", {"enum": list(PERIODS), "default": "day"}, "Over which sums are made."),
    Parameter("from", _DAY, "From this UTC day on."),
    Parameter("to", _DAY, "Before this UTC day."),
)


async def revenue(http: web.Request, views: Views) -> Answer:
    """The oldest period first; those without orders and without money are left out."""
    period, currency = http.query.get("period", "day"), read_currency(http.query)
    if period not in PERIODS:
        raise BadRequest("invalid_filter", f"period is one of {', '.join(PERIODS)}.")
    first, after = _read_day(http.query, "from"), _read_day(http.query, "to")
    if first and after and first >= after:
        raise BadRequest("invalid_filter", "from must be before to, which is not part of the range.")
    rows = rows_of(await read_days(views, first=first, after=after), PERIODS[period], currency)
    shown = rows[-MOST_PERIODS:]
    content: Revenue = {"period": period, "currency": currency, "data": shown, "has_more": len(rows) > len(shown)}
    return Answer(content)


def rows_of(days: Iterable[Day], period_of: Callable[[date], str], currency: str) -> list[PeriodRevenue]:
    periods: dict[str, list[Day]] = defaultdict(list)
    for day in days:
        periods[period_of(date.fromisoformat(day["day"]))].append(day)
    sums = {period: added(parts) for period, parts in periods.items()}
    return [_row(period, of, currency) for period, of in sums.items() if _is_worth_telling(of, currency)]


def _is_worth_telling(sums: Mapping[str, Any], currency: str) -> bool:
    return any((sums["total_orders"], sums["spent"].get(currency), sums["refunded"].get(currency)))


def _row(period: str, sums: Mapping[str, Any], currency: str) -> PeriodRevenue:
    """`orders` are of all currencies, as an order has none before it has prices."""
    net, refunded = sums["spent"].get(currency, 0), sums["refunded"].get(currency, 0)
    return {
        "period": period,
        "orders": sums["total_orders"],
        "paid_orders": sums["paid"].get(currency, 0),
        "gross": show_amount(net + refunded, currency),
        "refunded": show_amount(refunded, currency),
        "net": show_amount(net, currency),
    }


def _read_day(query: Mapping[str, str], name: str) -> str:
    """A UTC day like 2026-01-31; "" where none is given."""
    text = query.get(name)
    if text is None:
        return ""
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError:
        day = None
    if day != text:
        raise BadRequest("invalid_filter", f"{name} is a day like 2026-01-31.")
    return text
