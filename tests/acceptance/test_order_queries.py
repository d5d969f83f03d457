"""Orders as people look for them: lists, counts, by number, the audit trail, the saga, and the numbers of all."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.test_contract_http import imported_line
from tests.acceptance.test_contract_queries import pages, some_user
from tests.support.door import Door, require_problem

WRONG_LISTS = (
    *("limit=0", "limit=101", "limit=", "limit=5&limit=6", "x=1", "status[$ne]=PAID", "$where=1", "offset=5"),
    *("status=", "status=paid", "status=PAID&status=PAID", "user_id=0", "user_id=-1", "user_id=1.5", "user_id=%D9%A1"),
    *("user_email=", "user_username=%20", "product_id=abc", "product_id=9007199254740992", "deleted=yes", "deleted="),
    *("placed_from=2026-01-01", "placed_from=2026-01-01T00:00:00", "placed_to=2026-13-01T00:00:00Z", "placed_to=now"),
    *("placed_from=2026-01-02T00:00:00Z&placed_to=2026-01-01T00:00:00Z", "placed_from=0000-01-01T00:00:00Z"),
    *("placed_from=2026-01-01T00:00:00Z&placed_to=2026-01-01T00:00:00Z", "placed_from=9999-12-31T23:59:59-14:00"),
    *("min_amount=2&max_amount=1", "min_amount=-1", "min_amount=1.234", "min_amount=1e3", "max_amount=" + "9" * 14),
    *("currency=eur", "currency=XXXX", "min_amount=1.5&currency=JPY", "min_amount=", "max_amount=NaN"),
    *("q=", "q=%20", "q=...", "q=" + "x" * 255, "q=" + "+".join("abcdefghi"), "q=%00"),
    *("sort=", "sort=total", "sort=updated_at", "sort=--placed_at", "sort=$where", "sort=placed_at&min_amount=1"),
    *("cursor=", "cursor=!!", "cursor=e30", "cursor=bnVsbA", "cursor=" + "a" * 600),
)
NOT_TOGETHER = (
    *("user_id=1&product_id=1", "user_id=1&user_email=a", "user_email=a&status=PAID", "min_amount=1&status=PAID"),
    *("q=a&user_id=1", "deleted=true&status=PAID", "deleted=true&user_id=1"),
    "currency=EUR&placed_to=2026-01-01T00:00:00Z",
)


@pytest.mark.parametrize("query", WRONG_LISTS, ids=lambda query: query[:40])
async def test_a_wrong_or_unknown_parameter_of_a_list_is_400(door: Door, query: str) -> None:
    require_problem(await door.get(f"orders?{query}"), 400)


@pytest.mark.parametrize("query", NOT_TOGETHER)
async def test_filters_that_no_index_serves_together_are_400_and_told_which_do(door: Door, query: str) -> None:
    for path in ("orders", "orders/count"):
        answer = await door.get(f"{path}?{query}")
        require_problem(answer, 400, code="unsupported_filters")
        assert "user_id and any of status, placed_from, placed_to" in answer.content["detail"]


@pytest.mark.parametrize(
    "query", ["sort=placed_at", "limit=5", "cursor=x", "x=1", "status=paid", "status=PAID&status=PAID"]
)
async def test_a_count_takes_filters_and_nothing_else(door: Door, query: str) -> None:
    require_problem(await door.get(f"orders/count?{query}"), 400)


async def test_an_order_is_found_by_all_that_is_known_of_it(door: Door) -> None:
    word, user_id, product_id = f"w{uuid4().hex[:12]}", some_user(), some_user()
    await door.post("inventory", {"product_id": product_id, "product_name": "Lamp"})
    customer = {"customer_name": f"Ada {word}", "user_email": f"{word}@example.org", "user_username": word}
    placed = await door.place(user_id=user_id, product_id=product_id, **customer)
    order = await door.seen(f"orders/{placed['order_id']}", placed["token"])
    others = await door.place(user_id=some_user())
    filters = (
        *(f"user_id={user_id}", f"user_id={user_id}&status=PENDING", f"product_id={product_id}"),
        *(f"product_id={product_id}&status=PENDING", f"user_email={word}@example.org", f"user_username={word}"),
        *(f"q={word}", f"q={word[:9]}", f"q=ada%20{word.upper()[:8]}", f"q={word}&status=PENDING"),
        *(f"q={order['order_number']}", f"user_id={user_id}&placed_from={order['placed_at']}"),
    )
    for query in filters:
        found = await door.seen(f"orders?{query}", others["token"])
        assert found == {"data": [order], "has_more": False, "next_cursor": None}, query
        assert (await door.get(f"orders/count?{query}")).content == {"count": 1, "is_exact": True}
    for query in (f"user_id={user_id}&status=PAID", f"q={word}x", f"user_id={user_id}&placed_to={order['placed_at']}"):
        assert (await door.get(f"orders?{query}")).content["data"] == [], query
        assert (await door.get(f"orders/count?{query}")).content == {"count": 0, "is_exact": True}
    assert (await door.get(f"orders/by-number/{order['order_number'].lower()}")).content == order
    assert order["items_count"] == 2
    assert order["created_at"] == order["placed_at"] <= order["updated_at"]
    assert (order["is_deleted"], order["refunded"]) == (False, None)


async def test_a_deleted_order_is_in_no_list_but_that_of_deleted_ones(door: Door) -> None:
    user_id = some_user()
    kept = await door.place(user_id=user_id)
    deleted = await door.place(user_id=user_id)
    await door.post(f"orders/{deleted['order_id']}/cancel", {"reason": "too slow"})
    request = await door.http.delete(f"{door.system.gateway}/cqrs/commands/orders/{deleted['order_id']}")
    token = (await request.json())["token"]
    for path in (f"orders?user_id={user_id}", f"users/{user_id}/orders"):
        assert [order["order_id"] for order in (await door.seen(path, token))["data"]] == [kept["order_id"]]
    assert deleted["order_id"] in [order["order_id"] for order in await pages_of(door, "orders?deleted=true", 100)]
    assert (await door.get(f"orders/count?user_id={user_id}")).content["count"] == 1
    assert (await door.get(f"orders/{deleted['order_id']}")).content["is_deleted"] is True


async def pages_of(door: Door, path: str, limit: int) -> list[dict[str, Any]]:
    """As `pages`, of a list with filters."""
    rows, cursor = [], ""
    while cursor is not None:
        page = (await door.get(f"{path}&limit={limit}{cursor and '&cursor='}{cursor}")).content
        rows += page["data"]
        cursor = page["next_cursor"]
    return rows


async def test_pages_of_a_list_make_the_whole_list_whatever_the_limit(door: Door) -> None:
    user_id = some_user()
    same_moment = [imported_line(user_id, line_number=n, source=f"list-{user_id}") for n in range(1, 9)]
    await door.import_orders(*same_moment)
    placed = [await door.place(user_id=user_id) for _ in range(5)]
    whole = (await door.seen(f"orders?user_id={user_id}", placed[-1]["token"]))["data"]
    assert len(whole) == 13
    for limit in (1, 2, 7, 13, 100):
        assert await pages_of(door, f"orders?user_id={user_id}", limit) == whole
        assert await pages_of(door, f"orders?user_id={user_id}&sort=placed_at", limit) == whole[::-1]
    assert (await door.get(f"orders/count?user_id={user_id}")).content == {"count": 13, "is_exact": True}
    assert await pages(door, f"users/{user_id}/orders", 4) == whole


async def test_orders_are_found_by_their_total_the_highest_first(door: Door) -> None:
    user_id, low = some_user(), 1_000_000 + uuid4().int % 10**9
    totals = [f"{low}.{cents:02d}" for cents in (3, 1, 2, 2)]
    lines = [imported_line(user_id, line_number=n, total=total) for n, total in enumerate(totals, 1)]
    await door.import_orders(*lines)
    token = (await door.place(user_id=user_id))["token"]
    query = f"orders?min_amount={low}.01&max_amount={low}.03"
    found = await door.seen(query, token)
    assert [order["total"]["amount"] for order in found["data"]] == sorted(totals, reverse=True)
    assert await pages_of(door, query, 1) == found["data"]
    assert await pages_of(door, f"{query}&sort=total", 3) == found["data"][::-1]
    assert (await door.get(query.replace("orders?", "orders/count?"))).content == {"count": 4, "is_exact": True}
    assert (await door.get(f"{query}&currency=USD")).content["data"] == []


async def test_a_cursor_of_another_list_is_400(door: Door) -> None:
    user_id = some_user()
    placed = [await door.place(user_id=user_id) for _ in range(3)][-1]
    page = await door.seen(f"orders?user_id={user_id}&limit=1", placed["token"])
    cursor = page["next_cursor"]
    for path in (f"orders?user_id={user_id + 1}", "orders?limit=1", "inventory?limit=1", "sagas?limit=1"):
        require_problem(await door.get(f"{path}&cursor={cursor}"), 400, code="invalid_cursor")
    require_problem(
        await door.get(f"orders?user_id={user_id}&sort=placed_at&cursor={cursor}"), 400, code="invalid_cursor"
    )
    assert (await door.get(f"orders?user_id={user_id}&limit=2&cursor={cursor}")).status == 200


async def test_a_search_for_too_many_words_at_once_is_400(door: Door) -> None:
    word = f"broad{uuid4().hex[:6]}"
    for number in range(21):
        placed = await door.place(user_id=some_user(), customer_name=f"{word}{number:02d}")
    await door.seen(f"orders?q={word}05", placed["token"])
    answer = await door.get(f"orders?q={word}")
    require_problem(answer, 400, code="search_too_broad")
    assert word in answer.content["detail"]


@pytest.mark.parametrize("number", ["x", "1207", "ORD-2026-0", "ORD-2026-1207x", "%00", "$ne", "ORD-2026-" + "9" * 30])
async def test_what_is_no_order_number_is_400(door: Door, number: str) -> None:
    require_problem(await door.get(f"orders/by-number/{number}"), 400, 404)


async def test_a_number_that_no_order_has_is_404(door: Door) -> None:
    require_problem(await door.get("orders/by-number/ORD-1999-1"), 404, code="unknown_order")


async def test_the_audit_trail_tells_who_did_what_when_and_why_and_nothing_personal(door: Door) -> None:
    word = f"w{uuid4().hex}"
    address = {"line1": f"{word} Street 1", "city": "Springfield", "country": "US"}
    customer = {"customer_name": word, "user_email": f"{word}@x.org", "shipping_address": address}
    placed = await door.place(user_id=some_user(), **customer)
    path = f"orders/{placed['order_id']}"
    cancelled = (await door.post(f"{path}/cancel", {"reason": "too slow"})).content
    trail = (await door.get(f"{path}/audit")).content
    assert (trail["has_more"], [commit["version"] for commit in trail["data"]]) == (False, [1, 2])
    first, last = trail["data"]
    assert (first["position"], first["command_id"]) == (placed["position"], placed["command_id"])
    assert [event["event"] for event in first["events"]] == ["OrderInitiated"]
    assert (last["position"], last["reason"], last["actor"]) == (cancelled["position"], "too slow", "anonymous")
    assert last["correlation_id"]
    assert first["recorded_at"] <= last["recorded_at"]
    assert word not in str(trail)
    page = (await door.get(f"{path}/audit?limit=1")).content
    assert page["data"] == [first]
    assert (await door.get(f"{path}/audit?limit=1&cursor={page['next_cursor']}")).content["data"] == [last]
    other = await door.place()
    require_problem(await door.get(f"orders/{other['order_id']}/audit?cursor={page['next_cursor']}"), 400)


async def test_the_trail_and_the_saga_of_an_order_that_is_not_there_are_404(door: Door) -> None:
    require_problem(await door.get(f"orders/{uuid4()}/audit"), 404, code="unknown_order")
    require_problem(await door.get(f"orders/{uuid4()}/saga"), 404, code="unknown_saga")
    for part in ("audit", "saga"):
        require_problem(await door.get(f"orders/1/{part}"), 400, code="invalid_id")
        require_problem(await door.get(f"orders/{uuid4()}/{part}?x=1"), 400, code="unknown_parameter")


async def test_the_statistics_tell_how_many_paid_and_why_others_left(door: Door) -> None:
    await door.system.settled()
    before = (await door.get("statistics/orders")).content
    reason = f"reason {uuid4().hex}"
    for _ in range(3):
        placed = await door.place(user_id=some_user())
        await door.post(f"orders/{placed['order_id']}/cancel", {"reason": reason.upper()})
    await door.import_orders(imported_line(some_user(), total="10.00"))
    token = (await door.place(user_id=some_user()))["token"]
    await door.system.settled()
    after = await door.seen("statistics/orders", token)
    assert after["conversion"]["initiated"] - before["conversion"]["initiated"] == 4
    assert after["conversion"]["paid"] == before["conversion"]["paid"]
    assert after["cancellations"]["orders"] - before["cancellations"]["orders"] == 3
    reasons = after["cancellations"]["reasons"]
    assert len(reasons) <= 10
    assert {"reason": reason, "orders": 3} in reasons or reasons[-1]["orders"] >= 3
    assert "EUR" in [money["currency"] for money in after["average_order_values"]]


async def test_the_best_customers_by_what_they_spent_and_by_how_often(door: Door) -> None:
    rich, eager = some_user(), some_user()
    await door.import_orders(imported_line(rich, total="9000000000000.00"))
    await door.import_orders(*(imported_line(eager, line_number=n, total="1.00") for n in range(1, 61)))
    token = (await door.place(user_id=rich))["token"]
    await door.system.settled()
    first = (await door.seen("statistics/customers?limit=1", token))["data"][0]
    assert (first["user_id"], first["orders"]) == (rich, 2)
    assert first["spent"] == {"amount": "9000000000000.00", "currency": "EUR"}
    eager_ones = (await door.get("statistics/customers?by=orders&limit=100")).content["data"]
    assert [user["orders"] for user in eager_ones] == sorted((user["orders"] for user in eager_ones), reverse=True)
    assert (eager, 60, 60.0) in [(user["user_id"], user["orders"], user["total_spent"]) for user in eager_ones]
    assert (await door.get("statistics/customers?currency=CHF")).content["data"] == []


async def test_revenue_is_told_per_day_week_and_month(door: Door) -> None:
    currency = "NOK"  # nobody else sells in it
    sold = {"2019-12-31T23:59:59Z": "10.00", "2020-01-01T00:00:00Z": "2.50", "2020-02-03T00:00:00Z": "1.00"}
    for placed_at, amount in sold.items():
        total = {"amount": amount, "currency": currency}
        await door.import_orders(imported_line(some_user(), placed_at=placed_at, total=total))
    await door.system.settled()
    span = f"currency={currency}&from=2019-12-01&to=2020-02-04"
    for period, rows in {
        "day": [("2019-12-31", "10.00"), ("2020-01-01", "2.50"), ("2020-02-03", "1.00")],
        "week": [("2020-W01", "12.50"), ("2020-W06", "1.00")],
        "month": [("2019-12", "10.00"), ("2020-01", "2.50"), ("2020-02", "1.00")],
    }.items():
        told = (await door.get(f"statistics/revenue?period={period}&{span}")).content
        assert [(row["period"], row["net"]["amount"]) for row in told["data"]] == rows
        assert {row["refunded"]["amount"] for row in told["data"]} == {"0.00"}
        assert all(row["gross"] == row["net"] and row["orders"] == row["paid_orders"] for row in told["data"])
    short = (await door.get(f"statistics/revenue?currency={currency}&from=2020-01-01&to=2020-02-03")).content
    assert [row["period"] for row in short["data"]] == ["2020-01-01"]


WRONG_STATISTICS = (
    *("customers?by=name", "customers?limit=0", "customers?currency=eur", "customers?x=1", "customers?by=spent&by=s"),
    *("revenue?period=year", "revenue?from=2020-1-1", "revenue?from=2020-01-01T00:00:00Z", "revenue?to=2020-02-30"),
    *("revenue?from=2020-01-02&to=2020-01-01", "revenue?from=2020-01-01&to=2020-01-01", "revenue?currency=E"),
    *("revenue?x=1", "revenue?from=", "revenue?to=20200101", "revenue?from=2020-W01-1"),
)


@pytest.mark.parametrize("query", WRONG_STATISTICS)
async def test_wrong_parameters_of_the_statistics_are_400(door: Door, query: str) -> None:
    require_problem(await door.get(f"statistics/{query}"), 400)
