"""What a user ordered, summed up."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from common.errors import NotFound
from common.read_models.storage import SUMS
from common.read_models.users import USER_PRODUCTS, USERS
from query_service.answers import Answer, user_id_of
from query_service.money import known_numbers, show_sums, total_number
from query_service.shown.sums import UserSummary
from query_service.views import Views

FAVORITES = 5


async def user_summary(http: web.Request, views: Views) -> Answer:
    user_id = user_id_of(http)
    user = await views[SUMS].find_one({"_id": f"{USERS.of}/{user_id}"})
    bought = {"of": USER_PRODUCTS.of, "user_id": user_id, "quantity": {"$gt": 0}}
    favorites = views[SUMS].find(bought, sort=[("quantity", -1), ("product_id", 1)], limit=FAVORITES)
    return Answer(show_summary(user_id, user or {}, await favorites.to_list()))


def show_summary(user_id: int, user: Mapping[str, Any], favorites: Iterable[Mapping[str, Any]]) -> UserSummary:
    """Of these sums, the favourites in their order; NotFound where no order counts."""
    if not known_numbers(user, "statuses"):
        raise NotFound("unknown_user", f"User {user_id} has no orders, or they are not yet visible.")
    spent = user.get("spent", {})
    return {
        "user_id": user_id,
        "total_orders": user.get("total_orders", 0),
        "total_spent": total_number(spent),
        "spent": show_sums(spent),
        "avg_order_value": total_number(spent, parts=user.get("paid_orders", 0)),
        "favorite_products": [
            {"product_id": f["product_id"], "quantity": f["quantity"], "orders": f["orders"]} for f in favorites
        ],
        "order_statuses": known_numbers(user, "statuses"),
    }
