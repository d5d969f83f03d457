"""The best customers: who spent the most in one currency, or ordered most often."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from common.contract.operations import Parameter
from common.errors import BadRequest
from common.paging import LIMIT, page, read_limit
from common.read_models.storage import SUMS
from common.read_models.users import USERS
from query_service.answers import Answer
from query_service.money import number, read_currency, show_amount
from query_service.parameters import CURRENCY
from query_service.shown.sums import Customer
from query_service.views import Views

RANKINGS = ("spent", "orders")
PARAMETERS = (
    Parameter("by", {"enum": list(RANKINGS), "default": RANKINGS[0]}, "What makes them the best."),
    CURRENCY,
    LIMIT,
)


async def best_customers(http: web.Request, views: Views) -> Answer:
    """The first `limit`, and no pages: nobody asks who is the thousandth best."""
    by, currency, limit = http.query.get("by", RANKINGS[0]), read_currency(http.query), read_limit(http.query)
    if by not in RANKINGS:
        raise BadRequest("invalid_filter", "by is spent or orders.")
    best = await (best_by_spent(views, currency, limit) if by == "spent" else _best_by_orders(views, currency, limit))
    return Answer(page(best, None))


async def best_by_spent(views: Views, currency: str, limit: int) -> list[Customer]:
    field = f"spent.{currency}"
    query = views[SUMS].find({"of": USERS.of, field: {"$gt": 0}}, sort=[(field, -1)], limit=limit)
    return [show_customer(user, currency) async for user in query]


async def _best_by_orders(views: Views, currency: str, limit: int) -> list[Customer]:
    ranking = [("of", 1), ("total_orders", -1), ("user_id", 1)]
    query = views[SUMS].find({"of": USERS.of, "total_orders": {"$gt": 0}}, sort=ranking, limit=limit)
    return [show_customer(user, currency) async for user in query]


def show_customer(user: Mapping[str, Any], currency: str) -> Customer:
    spent = user.get("spent", {}).get(currency, 0)
    return {
        "user_id": user["user_id"],
        "total_spent": number(spent, currency),
        "spent": show_amount(spent, currency),
        "orders": user.get("total_orders", 0),
    }
