"""A user's summary and all orders in numbers, as they stood at a position."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from common.read_models.order_statistics import CANCELLATIONS, DAYS
from common.read_models.storage import all_of
from common.read_models.users import USER_PRODUCTS, USERS
from query_service.answers import Answer, user_id_of
from query_service.days import added_days
from query_service.past.asking import Past
from query_service.past.sums import Sums, sums_at
from query_service.queries.cancellations import LOOKED_AT, added_reasons, show_reasons
from query_service.queries.customers import show_customer
from query_service.queries.statistics import BEST_CUSTOMERS, best_currency, show_statistics
from query_service.queries.users import FAVORITES, show_summary
from query_service.shown.sums import CancelReason, Customer

Documents = Iterable[Mapping[str, Any]]


async def user_summary(http: web.Request, past: Past) -> Answer:
    user_id = user_id_of(http)
    async with sums_at(past, user_id) as sums:
        of_user = await sums.now({"_id": f"{USERS.of}/{user_id}"})
        (user,) = _merged("user_id", [{"user_id": user_id}, *of_user, *_of(user_id, sums.changed(USERS))])
        bought = await sums.now({"of": USER_PRODUCTS.of, "user_id": user_id})
    products = _merged("product_id", [*bought, *_of(user_id, sums.changed(USER_PRODUCTS))])
    favorites = [product for product in products if product["quantity"] > 0]
    favorites.sort(key=lambda product: (-product["quantity"], product["product_id"]))
    return Answer(show_summary(user_id, user, favorites[:FAVORITES]))


async def order_statistics(http: web.Request, past: Past) -> Answer:
    async with sums_at(past) as sums:
        days = added_days([*await sums.now(all_of(DAYS)), *sums.changed(DAYS)])
        users = await _changed_users(sums)
        currency = best_currency(days)
        shown = show_statistics(
            days,
            total_users=await _count_users(sums, users),
            reasons=await _frequent_reasons(sums),
            best=await _best_by_spent(sums, users, currency) if currency else [],
        )
    return Answer(shown)


async def _changed_users(sums: Sums) -> dict[int, dict[str, Any]]:
    """As they stood, those whose sums have changed since."""
    changed = sums.changed(USERS)
    ids = [f"{USERS.of}/{user['user_id']}" for user in changed]
    return {user["user_id"]: user for user in _merged("user_id", [*await sums.now({"_id": {"$in": ids}}), *changed])}


async def _count_users(sums: Sums, users: Mapping[int, Mapping[str, Any]]) -> int:
    """Those who have changed are counted as they stood, all others as they are."""
    with_orders = {"of": USERS.of, "total_orders": {"$gt": 0}}
    ids = [f"{USERS.of}/{user_id}" for user_id in users]
    among_changed = await sums.count_now({"_id": {"$in": ids}, **with_orders})
    others = await sums.count_now(with_orders) - among_changed
    return others + sum(user.get("total_orders", 0) > 0 for user in users.values())


async def _best_by_spent(sums: Sums, users: Mapping[int, Mapping[str, Any]], currency: str) -> list[Customer]:
    """Of those who have not changed only the first can be among the best."""
    field = f"spent.{currency}"
    wanted = {"of": USERS.of, field: {"$gt": 0}}
    best = await sums.now(wanted, sort=[(field, -1)], limit=BEST_CUSTOMERS + len(users))
    everybody = [*(user for user in best if user["user_id"] not in users), *users.values()]
    spent = {user["user_id"]: user.get("spent", {}).get(currency, 0) for user in everybody}
    customers = [user for user in everybody if spent[user["user_id"]] > 0]
    customers.sort(key=lambda user: (-spent[user["user_id"]], user["user_id"]))
    return [show_customer(user, currency) for user in customers[:BEST_CUSTOMERS]]


async def _frequent_reasons(sums: Sums) -> list[CancelReason]:
    """Of the reasons that are frequent now, or whose number has changed, those that were frequent."""
    changed = sums.changed(CANCELLATIONS)
    wanted = {"of": CANCELLATIONS.of, "orders": {"$gt": 0}}
    frequent = await sums.now(wanted, sort=[("orders", -1)], limit=LOOKED_AT + len(changed))
    reasons = {document["reason"] for document in (*frequent, *changed)}
    ranges = [all_of(CANCELLATIONS, reason) for reason in reasons]
    exact = await sums.now({"$or": ranges}) if ranges else []
    orders = added_reasons([*exact, *changed])
    return show_reasons(+orders)  # without those that nobody had given yet


def _of(user_id: int, documents: Documents) -> list[Mapping[str, Any]]:
    return [document for document in documents if document["user_id"] == user_id]


def _merged(key: str, documents: Documents) -> list[dict[str, Any]]:
    """Documents of the same key added up, number by number."""
    merged: dict[Any, dict[str, Any]] = defaultdict(dict)
    for document in documents:
        _add(merged[document[key]], {name: value for name, value in document.items() if name not in _NAMES})
        merged[document[key]] |= {name: value for name, value in document.items() if name in _NAMES}
    return list(merged.values())


_NAMES = frozenset({"_id", "of", "partition", *USERS.fields, *USER_PRODUCTS.fields})
"""What is no number to add up."""


def _add(total: dict[str, Any], numbers: Mapping[str, Any]) -> None:
    for name, value in numbers.items():
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value
