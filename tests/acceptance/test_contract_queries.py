"""What a good client may rely on when it asks, and what those who operate the system are told."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.acceptance.test_contract_http import imported_line
from tests.support.door import Answer, Door, send, spell
from tests.support.system import SERVICES, System, until

WRITES = 200
LATE_ANSWERS = 15  # a busy machine may be late; what it must not do is show something older
ORDERS_OF_ONE_USER = 23


def some_user() -> int:
    return uuid4().int % 10**12 + 10**6


async def ask(system: System, service: str, path: str) -> Answer:
    return await send(system.url(service), spell("GET", path))


@pytest.mark.parametrize("side", ["commands", "queries"])
async def test_each_side_tells_its_health(door: Door, side: str) -> None:
    answer = await door.send(spell("GET", f"/cqrs/{side}/health"))
    assert (answer.status, answer.content["status"]) == (200, "healthy")
    assert all(answer.content["checks"].values())


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_lives_is_ready_and_has_metrics(fulfilling: System, service: str) -> None:
    assert (await ask(fulfilling, service, "/livez")).status == 200
    ready = await ask(fulfilling, service, "/readyz")
    assert (ready.status, all(ready.content["checks"].values())) == (200, True)
    metrics = await ask(fulfilling, service, "/metrics")
    assert metrics.status == 200
    assert metrics.headers["Content-Type"].startswith("text/plain; version=")
    assert b"leveret_http_requests_total" in metrics.body


async def test_the_positions_of_log_relay_and_views_stand_together(door: Door) -> None:
    placed = await door.place()
    await door.system.settled()

    async def all_are_level() -> bool:
        positions: Any = await door.system.positions()
        head, views = positions["head"], positions["groups"]["views"]
        is_relayed = positions["relay"] == {"position": head, "lag": 0, "connected": True}
        return head >= placed["position"] and is_relayed and (views["position"], views["lag"]) == (head, 0)

    await until(all_are_level, seconds=20, what="log, relay and views are level")
    positions: Any = await door.system.positions()
    partitions = positions["groups"]["views"]["partitions"]
    assert [p["partition"] for p in partitions] == list(range(positions["partitions"]))
    assert max(p["position"] for p in partitions) == positions["head"]


async def test_a_read_with_the_token_of_a_write_is_never_older(door: Door) -> None:
    url = f"{door.system.gateway}/cqrs"
    async with aiohttp.ClientSession() as writer, aiohttp.ClientSession() as reader:
        for number in range(WRITES):
            async with writer.post(f"{url}/commands/orders", json=door.order(user_id=7201 + number % 9)) as answer:
                said = await answer.json()
            token = {"Consistency-Token": answer.headers["Consistency-Token"]}
            for _ in range(LATE_ANSWERS):
                async with reader.get(f"{url}/queries/orders/{said['order_id']}", headers=token) as answer:
                    if answer.status != 503:
                        break
            assert answer.status == 200, f"write {number} is not there"
            assert answer.headers["ETag"].startswith(f'"1-{said["position"]}-')


async def test_every_query_tells_how_far_and_how_late_its_view_is(door: Door) -> None:
    user_id = some_user()
    placed = await door.place(user_id=user_id)
    order = f"orders/{placed['order_id']}"
    statistics, inventory = "statistics/orders", ["inventory", f"inventory/{door.product_id}"]
    for path in (order, f"users/{user_id}/orders", f"users/{user_id}/summary", *inventory, statistics):
        answer = await door.get(path, {"Consistency-Token": placed["token"]})
        assert answer.status == 200, path
        assert int(answer.headers["Projection-Position"]) >= 0
        assert 0 <= int(answer.headers["Projection-Lag-Ms"]) < 60_000
        assert ("ETag" in answer.headers) == (path in (order, inventory[1])), path


async def test_a_users_orders_come_page_by_page_complete_and_once(door: Door) -> None:
    user_id = some_user()
    same_moment = [imported_line(user_id, line_number=n, source=f"page-{user_id}") for n in range(1, 13)]
    await door.import_orders(*same_moment)
    placed = [await door.place(user_id=user_id) for _ in range(ORDERS_OF_ONE_USER - len(same_moment))]
    whole = await door.seen(f"users/{user_id}/orders?limit=100", placed[-1]["token"])
    assert (whole["has_more"], whole["next_cursor"], len(whole["data"])) == (False, None, ORDERS_OF_ONE_USER)
    assert [o["order_id"] for o in whole["data"]][: len(placed)] == [o["order_id"] for o in reversed(placed)]
    for limit in (1, 5, ORDERS_OF_ONE_USER):
        assert await pages(door, f"users/{user_id}/orders", limit) == whole["data"]


async def pages(door: Door, path: str, limit: int) -> list[dict[str, Any]]:
    rows, cursor = [], ""
    while cursor is not None:
        page = (await door.get(f"{path}?limit={limit}{cursor and '&cursor='}{cursor}")).content
        assert len(page["data"]) == limit or not page["has_more"]
        rows += page["data"]
        cursor = page["next_cursor"]
    return rows


async def test_products_come_page_by_page_complete_and_once(door: Door) -> None:
    wanted = {some_user() for _ in range(5)}
    for product_id in wanted:
        answer = await door.post("inventory", {"product_id": product_id, "product_name": "Lamp"})
    await door.seen("inventory", answer.content["token"])
    await door.system.settled()
    shown = [product["product_id"] for product in await pages(door, "inventory", 3)]
    assert shown == sorted(set(shown))
    assert wanted < set(shown)


async def test_a_users_summary_adds_up(door: Door) -> None:
    user_id = some_user()
    await door.import_orders(imported_line(user_id), imported_line(user_id, line_number=2, total="10.01"))
    cancelled = await door.place(user_id=user_id)
    await door.post(f"orders/{cancelled['order_id']}/cancel", {})
    placed = await door.place(user_id=user_id, quantity=7)
    summary = await door.seen(f"users/{user_id}/summary", placed["token"])
    assert summary == {
        "user_id": user_id,
        "total_orders": 4,
        "total_spent": 39.98,
        "spent": [{"amount": "39.98", "currency": "EUR"}],
        "avg_order_value": 19.99,
        "favorite_products": [{"product_id": door.product_id, "quantity": 9, "orders": 2}],
        "order_statuses": {"CANCELLED": 1, "COMPLETED": 2, "PENDING": 1},
    }


async def test_a_product_shows_its_stock_and_who_waits_for_it(door: Door) -> None:
    product_id = some_user()
    stock = {"product_id": product_id, "product_name": "Lamp", "quantity": 4, "unit_price": "49.99"}
    await door.post("inventory", stock | {"low_stock_threshold": 5})
    waiting = await door.place(product_id=product_id, quantity=3)
    cancelled = await door.place(product_id=product_id)
    answer = await door.post(f"orders/{cancelled['order_id']}/cancel", {}, {"Consistency-Token": waiting["token"]})
    await door.system.settled()
    product = await door.seen(f"inventory/{product_id}", answer.content["token"])
    assert (product["product_name"], product["unit_price"]) == ("Lamp", {"amount": "49.99", "currency": "EUR"})
    assert (product["total_quantity"], product["reserved_quantity"], product["available_quantity"]) == (4, 0, 4)
    assert product["low_stock_alert"] is True
    assert product["pending_orders_count"] == 1
    assert [(o["order_id"], o["quantity"]) for o in product["pending_orders"]] == [(waiting["order_id"], 3)]


async def test_the_statistics_count_every_order_once(door: Door) -> None:
    await door.system.settled()
    before = (await door.get("statistics/orders")).content
    user_id = some_user()
    await door.import_orders(imported_line(user_id, total="1000000.01"))
    placed = await door.place(user_id=user_id)
    after = await door.seen("statistics/orders", placed["token"])
    grown = {name: after[name] - before[name] for name in ("total_orders", "total_users", "total_items")}
    assert grown == {"total_orders": 2, "total_users": 1, "total_items": 5}
    assert _revenue(after) - _revenue(before) == Decimal("1000000.01")
    assert after["by_status"]["COMPLETED"] == before["by_status"].get("COMPLETED", 0) + 1


def _revenue(statistics: Any) -> Decimal:
    """In euros; other tests may have sold in other currencies."""
    return sum((Decimal(part["amount"]) for part in statistics["revenue"] if part["currency"] == "EUR"), Decimal())


async def test_who_has_the_newest_version_is_not_sent_it_again(door: Door) -> None:
    placed = await door.place()
    path = f"/cqrs/queries/orders/{placed['order_id']}"
    shown = await door.send(spell("GET", path, headers={"Consistency-Token": placed["token"]}))
    etag = shown.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"1-1", {etag}', "*"):
        answer = await door.send(spell("GET", path, headers={"If-None-Match": known}))
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag), known
        assert "Projection-Position" in answer.headers
    for known in ('"1-1"', "garbage", "", etag.strip('"')):
        assert (await door.send(spell("GET", path, headers={"If-None-Match": known}))).status == 200, known
    cancelled = await door.post(f"orders/{placed['order_id']}/cancel", {"reason": "changed my mind"})
    token = cancelled.content["token"]
    answer = await door.send(spell("GET", path, headers={"If-None-Match": etag, "Consistency-Token": token}))
    assert (answer.status, answer.content["status"]) == (200, "CANCELLED")
