"""Lists of orders, page by page, and how long they are."""

from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from common.access.routes import actor_of
from common.contract.operations import Parameter
from common.errors import Forbidden
from common.paging import invalid_cursor, mark, page, read_cursor, read_limit, write_cursor
from common.read_models.order_shapes import STATUSES
from common.read_models.order_statistics import DAYS
from common.read_models.orders import ORDERS
from common.read_models.storage import SUMS, all_of
from common.read_models.users import USERS
from common.values import is_uuid
from query_service.answers import Answer, user_id_of
from query_service.documents import WITHOUT_WORDS
from query_service.money import known_numbers
from query_service.queries.order_filters import Filters, read_filters
from query_service.queries.order_plans import SORTS, Condition, Plan, Sort, conditions_of, plan_for, sort_for
from query_service.queries.order_search import search_conditions
from query_service.queries.orders import show_order
from query_service.views import Views

MOST_COUNTED = 10_000  # orders; there the count ends
Document = dict[str, Any]
Place = tuple[datetime | int, str]
"""Where an order stands in its list: what the list is sorted by, and the order's id."""
SORT = Parameter(
    "sort",
    {"enum": [sign + field for field in SORTS for sign in ("-", "")]},
    "Newest or highest first with `-`. By `total` only with amounts, and then by nothing else.",
)

ORDERS_BY_STATUS = {status: {"$sum": f"$statuses.{status}"} for status in STATUSES}


async def list_orders(http: web.Request, views: Views) -> Answer:
    return await _page(http, views, _filters(http))


async def orders_of_user(http: web.Request, views: Views) -> Answer:
    """The list of one user's orders, newest first."""
    return await _page(http, views, {**read_filters(http.query), "user_id": user_id_of(http)})


async def count_orders(http: web.Request, views: Views) -> Answer:
    """Exact where sums know it, else as far as MOST_COUNTED."""
    filters = _filters(http)
    if filters.keys() <= {"user_id", "status"}:
        return Answer({"count": await _from_sums(views, filters), "is_exact": True})
    count = await _count(views, filters)
    return Answer({"count": min(count, MOST_COUNTED), "is_exact": count <= MOST_COUNTED})


def _filters(http: web.Request) -> Filters:
    """Who sees only what is theirs asks for no more, whatever they ask for."""
    filters, actor = read_filters(http.query), actor_of(http)
    if not actor.sees_only_own:
        return filters
    if filters.get("user_id", actor.user_id) != actor.user_id:
        raise Forbidden("not_your_user_id", f"You see the orders of user {actor.user_id}, and of no other.")
    return {**filters, "user_id": actor.user_id}


async def _page(http: web.Request, views: Views, filters: Filters) -> Answer:
    plan, limit = plan_for(filters), read_limit(http.query)
    sort = sort_for(plan, http.query.get("sort"))
    told = mark(filters, sort.text)
    after = _place_in(http, sort, told)
    conditions = await _conditions(views, filters, plan)
    found = [] if conditions is None else await _read(views, plan, conditions, sort, after=after, limit=limit + 1)
    next_cursor = write_cursor([told, *_place_of(found[limit - 1], sort)]) if len(found) > limit else None
    return Answer(page([show_order(document) for document in found[:limit]], next_cursor))


async def _conditions(views: Views, filters: Filters, plan: Plan) -> list[Condition] | None:
    """None when nothing can fulfil them."""
    conditions = conditions_of(filters, plan)
    if "q" not in filters:
        return conditions
    search = await search_conditions(views, filters["q"])
    return None if search is None else conditions + search


async def _read(
    views: Views, plan: Plan, conditions: list[Condition], sort: Sort, *, after: Place | None, limit: int
) -> list[Document]:
    """First what stands at the very place of the last order, then what lies beyond: each where the index has it."""
    orders, hint = views[ORDERS.collection], list(plan.index.fields)
    found: list[Document] = []
    for part, fields in _parts(sort, after):
        if left := limit - len(found):
            wanted = {"$and": [*conditions, *part]}
            found += await orders.find(wanted, WITHOUT_WORDS, sort=fields, limit=left, hint=hint).to_list()
    return found


def _parts(sort: Sort, after: Place | None) -> list[tuple[list[Condition], list[tuple[str, int]]]]:
    if after is None:
        return [([], sort.fields)]
    return [([sort.level(*after)], sort.fields_level), ([sort.beyond(after[0])], sort.fields)]


def _place_of(document: Document, sort: Sort) -> tuple[str | int, str]:
    place = document["placed_at"].isoformat() if sort.kind is datetime else document["total"]["amount"]
    return place, document["_id"]


def _place_in(http: web.Request, sort: Sort, told: str) -> Place | None:
    """Where the cursor says that the last page ended; it must be of this list, and nothing that only looks like it."""
    found = read_cursor(http.query, (str, str if sort.kind is datetime else int, str))
    if found is None:
        return None
    its_mark, place, last_id = found
    if its_mark != told or not is_uuid(last_id):
        raise invalid_cursor()
    if sort.kind is datetime:
        return _instant(place), last_id
    if not 0 <= place < 2**63:
        raise invalid_cursor()
    return place, last_id


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid_cursor() from error
    if instant.utcoffset() != timedelta(0) or instant.isoformat() != text:
        raise invalid_cursor()
    return instant


async def _count(views: Views, filters: Filters) -> int:
    plan = plan_for(filters)
    conditions = await _conditions(views, filters, plan)
    if conditions is None:
        return 0
    orders, hint = views[ORDERS.collection], list(plan.index.fields)
    return await orders.count_documents({"$and": conditions}, limit=MOST_COUNTED + 1, hint=hint)


async def _from_sums(views: Views, filters: Filters) -> int:
    if "user_id" in filters:
        user = await views[SUMS].find_one({"_id": f"{USERS.of}/{filters['user_id']}"})
        by_status = known_numbers(user or {}, "statuses")
    else:
        added = await views[SUMS].aggregate([{"$match": all_of(DAYS)}, {"$group": {"_id": None, **ORDERS_BY_STATUS}}])
        by_status = next(iter(await added.to_list()), {})
    return sum(by_status.get(status, 0) for status in ([filters["status"]] if "status" in filters else STATUSES))
