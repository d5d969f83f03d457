"""Lists of orders on a real MongoDB: each is the right one, in its order, whole and once, and never reads far."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from pymongo.asynchronous.database import AsyncDatabase

from bench.filling import write_chunk
from bench.stories import RESELLER, email_of, product_name, username_of
from common.access.actors import ANYBODY
from common.access.routes import admit_as
from common.errors import BadRequest
from common.read_models.order_shapes import STATUSES
from projector.views import make_indexes
from query_service.queries import order_search
from query_service.queries.customers import best_customers
from query_service.queries.order_lists import count_orders, list_orders, orders_of_user
from query_service.queries.order_search import search_conditions
from query_service.queries.orders import order_by_number
from query_service.queries.statistics import order_statistics
from tests.support.real_log import a_database

ORDERS = 3_000
PAGE = 50
MOST_KEYS = 3 * PAGE + 100
USER = RESELLER  # who has an e-mail, a username, and more orders than may be read for a page
PRODUCT = 8
WORD = "keyboard"
NAME = (email_of(18) or "").split(".")[0]

Order = dict[str, Any]
Query = dict[str, str]
FROM, TO = "2026-03-01T00:00:00Z", "2026-06-01T12:00:00Z"


def within(order: Order) -> bool:
    return datetime.fromisoformat(FROM) <= order["placed_at"] < datetime.fromisoformat(TO)


def has_total(order: Order, low: int, high: int, currency: str = "EUR") -> bool:
    total = order["total"]
    return total is not None and total["currency"] == currency and low <= total["amount"] <= high


def is_of_product(order: Order) -> bool:
    return any(line["product_id"] == PRODUCT for line in order["items"])


def has_words(order: Order, *whole: str, beginning: str) -> bool:
    words = order.get("words", ())
    return all(word in words for word in whole) and any(word.startswith(beginning) for word in words)


DATES: Query = {"placed_from": FROM, "placed_to": TO}
USED: dict[str, tuple[Query, Callable[[Order], bool]]] = {
    "no filter": ({}, lambda o: True),
    "status": ({"status": "COMPLETED"}, lambda o: o["status"] == "COMPLETED"),
    "a rare status": ({"status": "REJECTED"}, lambda o: o["status"] == "REJECTED"),
    "user": ({"user_id": str(USER)}, lambda o: o["user_id"] == USER),
    "user and status": (
        {"user_id": str(USER), "status": "SHIPPED"},
        lambda o: o["user_id"] == USER and o["status"] == "SHIPPED",
    ),
    "e-mail": ({"user_email": email_of(USER) or ""}, lambda o: o.get("user_email") == email_of(USER)),
    "username": ({"user_username": username_of(USER) or ""}, lambda o: o.get("user_username") == username_of(USER)),
    "dates": (DATES, within),
    "from a date on": ({"placed_from": TO}, lambda o: o["placed_at"] >= datetime.fromisoformat(TO)),
    "status and dates": ({"status": "PAID", **DATES}, lambda o: o["status"] == "PAID" and within(o)),
    "user and dates": ({"user_id": str(USER), **DATES}, lambda o: o["user_id"] == USER and within(o)),
    "amounts": ({"min_amount": "20.00", "max_amount": "80.99"}, lambda o: has_total(o, 2000, 8099)),
    "a lowest amount": ({"min_amount": "100"}, lambda o: has_total(o, 10_000, 10**9)),
    "a currency": ({"currency": "USD"}, lambda o: has_total(o, 0, 10**9, "USD")),
    "product": ({"product_id": str(PRODUCT)}, is_of_product),
    "product and status": (
        {"product_id": str(PRODUCT), "status": "COMPLETED"},
        lambda o: is_of_product(o) and o["status"] == "COMPLETED",
    ),
    "product and dates": ({"product_id": str(PRODUCT), **DATES}, lambda o: is_of_product(o) and within(o)),
    "deleted": ({"deleted": "true"}, lambda o: True),
    "a word": ({"q": WORD}, lambda o: has_words(o, beginning=WORD)),
    "the beginning of a word": ({"q": WORD[:4]}, lambda o: has_words(o, beginning=WORD[:4])),
    "a name": ({"q": NAME.upper()}, lambda o: has_words(o, beginning=NAME)),
    "a word and status": (
        {"q": WORD, "status": "DELIVERED"},
        lambda o: has_words(o, beginning=WORD) and o["status"] == "DELIVERED",
    ),
    "a word and dates": ({"q": WORD, **DATES}, lambda o: has_words(o, beginning=WORD) and within(o)),
    "a rare word and a frequent one": ({"q": f"{NAME} {WORD}"}, lambda o: has_words(o, NAME, beginning=WORD)),
    "a word that there is not": ({"q": "zzz"}, lambda o: False),
}
"""The combinations that people use → the orders that belong there."""


@dataclass(frozen=True, slots=True)
class Shelf:
    views: AsyncDatabase[dict[str, Any]]
    orders: list[Order]

    async def get(self, query: Query, handle: Any = list_orders, **match: str) -> Any:
        http = make_mocked_request("GET", f"/queries/orders?{urlencode(query)}", match_info=match)
        admit_as(http, ANYBODY)
        content = (await handle(http, self.views)).content
        return content() if callable(content) else content

    async def pages(self, query: Query) -> list[str]:
        """The ids of the whole list, and no page is short but the last."""
        ids: list[str] = []
        limit = int(query.get("limit", "50"))
        while True:
            page = await self.get(query)
            ids += [order["order_id"] for order in page["data"]]
            assert len(page["data"]) == limit or not page["has_more"]
            if not page["has_more"]:
                return ids
            query = query | {"cursor": page["next_cursor"]}

    def expected(self, name: str) -> list[str]:
        """What the list holds, by a look at every order."""
        query, belongs = USED[name]
        is_deleted = query.get("deleted") == "true"
        found = [order for order in self.orders if order["is_deleted"] is is_deleted and belongs(order)]
        by_total = bool(query.keys() & {"min_amount", "max_amount", "currency"})
        found.sort(key=lambda order: order["_id"])
        found.sort(key=lambda order: order["total"]["amount"] if by_total else order["placed_at"], reverse=True)
        return [order["_id"] for order in found]


@pytest.fixture(scope="module")
async def shelf(mongodb_url: str) -> AsyncIterator[Shelf]:
    async with a_database(mongodb_url) as (client, name):
        await make_indexes(client[name])
        await write_chunk(client[name], range(ORDERS), ORDERS)
        yield Shelf(client[name], await client[name]["orders"].find().to_list())


@pytest.mark.parametrize("name", USED)
async def test_a_list_holds_what_belongs_there_whole_and_once_whatever_the_limit(shelf: Shelf, name: str) -> None:
    query, expected = USED[name][0], shelf.expected(name)
    assert expected or name == "a word that there is not"
    limits = ("7", "50", "100") if len(expected) < 300 else ("100",)
    for limit in limits:
        assert await shelf.pages(query | {"limit": limit}) == expected


@pytest.mark.parametrize("name", USED)
async def test_a_list_comes_backwards_as_well(shelf: Shelf, name: str) -> None:
    query = USED[name][0]
    by_total = bool(query.keys() & {"min_amount", "max_amount", "currency"})
    backwards = query | {"sort": "total" if by_total else "placed_at", "limit": "99"}
    assert await shelf.pages(backwards) == shelf.expected(name)[::-1]


@pytest.mark.parametrize("name", USED)
async def test_the_count_is_the_length_of_all_pages(shelf: Shelf, name: str) -> None:
    counted = await shelf.get(USED[name][0], count_orders)
    assert counted == {"count": len(shelf.expected(name)), "is_exact": True}


@pytest.mark.parametrize("name", USED)
async def test_no_page_reads_far_and_none_is_sorted_by_the_database(shelf: Shelf, name: str) -> None:
    """The first page, the one after it, and one in the middle: keys and documents as the database counted them."""
    query = USED[name][0] | {"limit": str(PAGE)}
    first = await shelf.get(query)
    asked = [query, query | {"cursor": first["next_cursor"]}] if first["has_more"] else [query]
    if (middle := len(shelf.expected(name)) // 2) > PAGE:
        before = await shelf.get(query | {"limit": "100"})
        while middle > 100 and before["has_more"]:
            middle -= 100
            before = await shelf.get(query | {"limit": "100", "cursor": before["next_cursor"]})
        asked += [query | {"cursor": before["next_cursor"]}] if before["has_more"] else []
    for each in asked:
        found = await _examined(shelf, each)
        assert sum(run["keysExamined"] for run in found) <= MOST_KEYS, found
        assert sum(run["docsExamined"] for run in found) <= MOST_KEYS, found
        assert not [run for run in found if "SORT" in _stages(run["execStats"])], found


async def _examined(shelf: Shelf, query: Query, handle: Any = list_orders, **match: str) -> list[dict[str, Any]]:
    """What the database's profiler says of each statement that the query sent."""
    await shelf.views["system.profile"].drop()
    await shelf.views.command("profile", 2)
    try:
        await shelf.get(query, handle, **match)
    finally:
        await shelf.views.command("profile", 0)
    ran = await shelf.views["system.profile"].find({"keysExamined": {"$exists": True}}).to_list()
    assert ran
    return [run for run in ran if not run["ns"].endswith("system.profile") and not _only_counts(run)]


def _stages(stats: dict[str, Any]) -> set[str]:
    """What the database did; to merge the ends of an index is no sorting."""
    inner = [*stats.get("inputStages", ()), *([stats["inputStage"]] if "inputStage" in stats else ())]
    return {stats["stage"], *(name for each in inner for name in _stages(each))}


def _only_counts(run: dict[str, Any]) -> bool:
    """How often the words of a search stand in the index is counted up to a limit of its own."""
    return "aggregate" in run["command"]


async def test_counting_looks_at_no_document(shelf: Shelf) -> None:
    for query in ({"status": "COMPLETED", **DATES}, {"product_id": str(PRODUCT)}, {"q": WORD}, {"currency": "USD"}):
        await shelf.views["system.profile"].drop()
        await shelf.views.command("profile", 2)
        await shelf.get(query, count_orders)
        await shelf.views.command("profile", 0)
        runs = await shelf.views["system.profile"].find({"command.aggregate": "orders"}).to_list()
        assert [run["docsExamined"] for run in runs] == [0], (query, runs)


async def test_a_count_ends_somewhere_and_says_so(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query_service.queries.order_lists.MOST_COUNTED", 100)
    assert await shelf.get(DATES, count_orders) == {"count": 100, "is_exact": False}
    assert await shelf.get({"product_id": "399"}, count_orders) != {"count": 100, "is_exact": False}


async def test_an_order_number_is_looked_up(shelf: Shelf) -> None:
    order = next(order for order in shelf.orders if not order["is_deleted"])
    for query in ({"q": order["order_number"].lower()}, {"q": order["order_number"], "status": order["status"]}):
        assert await shelf.pages(query) == [order["_id"]]
        assert sum(run["keysExamined"] for run in await _examined(shelf, query)) <= 2
    other = "PAID" if order["status"] != "PAID" else "SHIPPED"
    assert await shelf.pages({"q": order["order_number"], "status": other}) == []
    found = await shelf.get({}, order_by_number, order_number=order["order_number"])
    assert found["order_id"] == order["_id"]


async def test_a_deleted_order_is_found_by_its_number_and_hidden_in_lists(shelf: Shelf) -> None:
    order = next(order for order in shelf.orders if order["is_deleted"])
    assert (await shelf.get({}, order_by_number, order_number=order["order_number"]))["is_deleted"] is True
    assert await shelf.pages({"q": order["order_number"]}) == []
    assert order["_id"] not in await shelf.pages({"user_id": str(order["user_id"])})
    assert order["_id"] in await shelf.pages({"deleted": "true"})


async def test_a_users_orders_are_the_list_of_that_user(shelf: Shelf) -> None:
    mine = await shelf.get({"limit": "100"}, orders_of_user, user_id=str(USER))
    assert [order["order_id"] for order in mine["data"]] == shelf.expected("user")[:100]
    shipped = await shelf.get({"status": "SHIPPED"}, orders_of_user, user_id=str(USER))
    assert [order["order_id"] for order in shipped["data"]] == shelf.expected("user and status")[:50]
    assert mine == await shelf.get({"user_id": str(USER), "limit": "100"})


async def test_a_beginning_of_too_many_words_is_refused(shelf: Shelf) -> None:
    with pytest.raises(BadRequest) as refused:
        await shelf.get({"q": "jd"})
    assert refused.value.code == "search_too_broad"


async def test_words_that_are_all_frequent_are_refused(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_search, "FEW_CANDIDATES", 50)
    monkeypatch.setattr(order_search, "MOST_CANDIDATES", 100)
    with pytest.raises(BadRequest) as refused:
        await shelf.get({"q": "quiet keyboard"})
    assert refused.value.code == "search_too_broad"
    assert await search_conditions(shelf.views, f"keyboard {NAME}") is not None


async def test_the_rarest_word_leads(shelf: Shelf) -> None:
    conditions = await search_conditions(shelf.views, f"{product_name(PRODUCT)} {NAME}")
    assert conditions
    assert NAME in conditions[0]["words"]["$in"]
    assert len(conditions) == 3


async def test_a_cursor_of_another_list_is_refused(shelf: Shelf) -> None:
    paid = await shelf.get({"status": "COMPLETED"})
    for other in ({}, {"status": "PAID"}, {"status": "COMPLETED", "sort": "placed_at"}, {"min_amount": "1"}):
        with pytest.raises(BadRequest) as refused:
            await shelf.get(other | {"cursor": paid["next_cursor"]})
        assert refused.value.code == "invalid_cursor"


async def test_the_best_customers_are_found_by_an_index(shelf: Shelf) -> None:
    for by, rank in (("orders", lambda user: user["orders"]), ("spent", lambda user: user["total_spent"])):
        query = {"by": by, "limit": "20"}
        best = (await shelf.get(query, best_customers))["data"]
        assert [rank(user) for user in best] == sorted(map(rank, best), reverse=True)
        (ran,) = await _examined(shelf, query, best_customers)
        assert (ran["keysExamined"], ran["docsExamined"]) == (20, 20)
        assert "SORT" not in _stages(ran["execStats"])


async def test_the_statistics_add_up_to_the_orders(shelf: Shelf) -> None:
    told = await shelf.get({}, order_statistics)
    visible = [order for order in shelf.orders if not order["is_deleted"]]
    events = [[entry["event"] for entry in order["timeline"]] for order in visible]
    placed = [names for names in events if "OrderImported" not in names]
    paid = [names for names in placed if "OrderPaid" in names]
    assert told["conversion"] == {
        "initiated": len(placed),
        "paid": len(paid),
        "rate": round(len(paid) / len(placed), 4),
    }
    assert told["cancellations"]["orders"] == sum("OrderCancelled" in names for names in events)
    reasons = told["cancellations"]["reasons"]
    assert {reason["reason"] for reason in reasons} == {"too slow", "found it cheaper", "ordered by mistake", None}
    assert sum(reason["orders"] for reason in reasons) == told["cancellations"]["orders"]
    assert told["by_status"] == {s: n for s in sorted(STATUSES) if (n := sum(o["status"] == s for o in visible))}
    orjson.dumps(told)
