"""Products, their files, attributes and stock over HTTP, as a client who follows no saga sees them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.test_contract_queries import pages
from tests.support.door import Answer, Door, require_problem

FRONT = {"bucket": "products", "key": "front.jpg", "url": "https://cdn.example.org/front.jpg", "type": "image"}
SHELF = {"bucket": "warehouse", "key": "shelf.jpg", "url": "https://cdn.example.org/shelf.jpg", "type": "image"}
NAMED = {"bucket": FRONT["bucket"], "key": FRONT["key"]}


def some_product() -> int:
    return uuid4().int % 10**12 + 10**6


def a_product(product_id: int, **changes: Any) -> dict[str, Any]:
    return {"product_id": product_id, "name": "Keyboard", "price": "49.99", "sku": "KB-456"} | changes


async def done(door: Door, path: str, body: Any) -> Answer:
    answer = await door.post(path, body)
    assert answer.status in (200, 201), answer.body
    return answer


async def created(door: Door, **changes: Any) -> int:
    product_id = some_product()
    await done(door, "products", a_product(product_id, **changes))
    return product_id


async def test_a_product_is_created_and_its_location_shows_it(door: Door) -> None:
    product_id = some_product()
    answer = await door.post("products", a_product(product_id, category="Input devices", description="A loud one."))
    assert (answer.status, answer.content["product_id"], answer.content["status"]) == (201, product_id, "PENDING")
    assert answer.headers["Location"] == f"/cqrs/queries/products/{product_id}"
    shown = await door.seen(f"products/{product_id}", answer.content["token"])
    assert (shown["name"], shown["price"]) == ("Keyboard", {"amount": "49.99", "currency": "EUR"})
    assert (shown["category"], shown["status"], shown["version"]) == ("Input devices", "PENDING", 1)


async def test_a_product_goes_its_way_and_every_step_shows(door: Door) -> None:
    product_id = await created(door)
    about = f"products/{product_id}"
    await done(door, f"{about}/update", {"name": "Quiet keyboard"})
    await done(door, f"{about}/price", {"price": "39.99"})
    active = await done(door, f"{about}/activate", {})
    assert active.content["status"] == "ACTIVE"
    shown = await door.seen(about, active.content["token"])
    assert (shown["name"], shown["price"]["amount"], shown["status"]) == ("Quiet keyboard", "39.99", "ACTIVE")
    gone = await done(door, f"{about}/rollback", {"reason": "It is not sold any more."})
    shown = await door.seen(about, gone.content["token"])
    assert (shown["status"], shown["rollback_code"]) == ("ROLLED_BACK", "rolled_back")
    require_problem(await door.post("products", a_product(product_id)), 409, code="product_rolled_back")
    require_problem(await door.post(f"{about}/activate", {}), 409, code="product_rolled_back")


async def test_the_parts_of_a_product_show_in_it_and_by_themselves(door: Door) -> None:
    product_id = await created(door)
    about = f"products/{product_id}"
    begun = await done(door, f"{about}/inventory", {"product_name": "Keyboard", "quantity": 9, "sku": "KB-456"})
    assert begun.headers["Location"] == f"/cqrs/queries/inventory/{product_id}"
    first = await done(door, f"{about}/media", FRONT)
    assert (first.status, first.headers["Location"]) == (201, f"/cqrs/queries/{about}/media")
    await done(door, f"{about}/inventory/media", SHELF)
    await done(door, f"{about}/attributes", {"key": "colour", "value": "black"})
    batch = [{"key": "keys", "value": "104"}, {"key": "colour", "value": "black"}]
    token = (await done(door, f"{about}/attributes/batch", {"attributes": batch})).content["token"]
    shown = await door.seen(about, token)
    assert shown["counts"] == {"attributes": 2, "media": 1, "inventory_media": 1}
    assert (await door.seen(f"{about}/media", token))["data"] == shown["media"] == [FRONT]
    assert (await door.seen(f"{about}/attributes", token))["data"] == shown["attributes"]
    stock = await door.seen(f"{about}/inventory", token)
    assert stock == {"product_id": product_id, **shown["inventory"], "media": [SHELF]}
    assert (stock["quantity"], stock["sku"], stock["status"]) == (9, "KB-456", "ACTIVE")
    for path in (about, f"{about}/inventory", f"{about}/media", f"{about}/attributes"):
        etag = (await door.get(path)).headers["ETag"]
        assert (await door.get(path, {"If-None-Match": etag})).status == 304, path


async def test_the_parts_of_a_product_are_taken_away_again(door: Door) -> None:
    product_id = await created(door)
    about = f"products/{product_id}"
    await done(door, f"{about}/inventory", {"product_name": "Keyboard", "quantity": 9})
    await done(door, f"{about}/inventory/media", FRONT)
    await done(door, f"{about}/media", FRONT)
    await done(door, f"{about}/attributes", {"key": "colour", "value": "black"})
    await done(door, f"{about}/inventory/media/remove", NAMED)
    await done(door, f"{about}/media/rollback", NAMED)
    await done(door, f"{about}/attributes/rollback", {"keys": ["colour"]})
    token = (await done(door, f"{about}/inventory/rollback", {})).content["token"]
    shown = await door.seen(about, token)
    assert (shown["inventory"], shown["counts"]) == (None, {"attributes": 0, "media": 0, "inventory_media": 0})
    answer = await door.get(f"{about}/inventory", {"Consistency-Token": token})
    require_problem(answer, 404, code="unknown_inventory")
    assert (await door.seen(f"inventory/{product_id}", token))["status"] == "ROLLED_BACK"


ROLLBACKS = ("rollback", "media/rollback", "attributes/rollback", "inventory/rollback", "inventory/media/remove")


@pytest.mark.parametrize("path", ROLLBACKS)
async def test_what_was_never_made_is_rolled_back_without_a_word(door: Door, path: str) -> None:
    bodies = {"rollback": {"reason": "Never mind."}, "inventory/media/remove": NAMED}
    async with door.nothing_written():
        answer = await door.post(f"products/{some_product()}/{path}", bodies.get(path, {}))
    assert (answer.status, answer.content["changed"], answer.content["version"]) == (200, False, 0)


async def test_stock_is_reserved_released_and_committed_by_its_address(door: Door) -> None:
    product_id = await created(door)
    stock = {"product_name": "Keyboard", "quantity": 9, "unit_price": "49.99"}
    await done(door, f"products/{product_id}/inventory", stock)
    about, kept, given_back = f"inventory/{product_id}", str(uuid4()), str(uuid4())
    for reservation_id in (kept, given_back):
        body = {"order_id": str(uuid4()), "reservation_id": reservation_id, "quantity": 2}
        await done(door, f"{about}/reserve", body)
    await done(door, f"{about}/release", {"order_id": str(uuid4()), "reservation_id": given_back})
    answer = await done(door, f"{about}/commit", {"order_id": str(uuid4()), "reservation_id": kept})
    shown = await door.seen(about, answer.content["token"])
    assert (shown["total_quantity"], shown["reserved_quantity"], shown["sold_quantity"]) == (7, 0, 2)
    require_problem(await door.post(f"products/{product_id}/inventory/rollback", {}), 409, code="stock_sold")
    product = await door.seen(f"products/{product_id}", answer.content["token"])
    assert product["inventory"]["quantity"] == 7


async def test_an_inactive_inventory_gives_nothing_away(door: Door) -> None:
    product_id = some_product()
    stock = {"product_id": product_id, "product_name": "Lamp", "quantity": 9, "unit_price": "1", "status": "INACTIVE"}
    await done(door, "inventory", stock)
    body = {"order_id": str(uuid4()), "reservation_id": str(uuid4()), "quantity": 2}
    require_problem(await door.post(f"inventory/{product_id}/reserve", body), 409, code="inventory_inactive")
    contradiction = await door.post(f"inventory/{product_id}/reserve", body | {"product_id": product_id + 1})
    require_problem(contradiction, 422, code="another_product")


async def test_a_product_known_only_by_its_inventory_is_not_known(door: Door) -> None:
    product_id = some_product()
    answer = await done(door, "inventory", {"product_id": product_id, "product_name": "Lamp"})
    token = {"Consistency-Token": answer.content["token"]}
    require_problem(await door.get(f"products/{product_id}", token), 404, code="unknown_product")
    for part in ("attributes", "media", "inventory"):
        require_problem(await door.get(f"products/{product_id}/{part}", token), 404, code="unknown_product")


async def test_products_are_found_by_every_filter(door: Door) -> None:
    word = f"w{uuid4().hex[:12]}"
    category, sku = word.capitalize(), word.upper()
    wanted = [await created(door, category=category, sku=sku, name=f"Lamp {word}", price="7.01") for _ in range(5)]
    await created(door, category=category, sku=f"{sku}-2", price="7.02")
    await door.system.settled()
    for query in (f"sku={sku}", f"category={category}&max_price=7.01", f"q=lamp+{word[:9]}", f"q=LAMP+{word}"):
        rows = [row["product_id"] for row in await pages_of(door, query)]
        assert sorted(rows) == sorted(wanted), query
    for query in (f"category={category}&status=PENDING", f"q={word[:9]}"):
        assert len(await pages_of(door, query)) == 6, query
    everything = [row["product_id"] for row in await pages(door, "products", 100)]
    assert set(wanted) < set(everything)
    assert everything == sorted(set(everything))


async def pages_of(door: Door, query: str) -> list[dict[str, Any]]:
    rows, cursor = [], ""
    while cursor is not None:
        answer = await door.get(f"products?limit=2&{query}{cursor and '&cursor='}{cursor}")
        assert answer.status == 200, answer.body
        rows += answer.content["data"]
        cursor = answer.content["next_cursor"]
    return rows


async def test_a_list_that_no_index_serves_is_refused(door: Door) -> None:
    answer = await door.get("products?q=lamp&sku=KB-456")
    require_problem(answer, 400, code="unsupported_filters")
    assert "category and status" in answer.content["detail"]
    require_problem(await door.get("products?colour=black"), 400, code="unknown_parameter")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"product_id": 0}, "/product_id"),
        ({"name": ""}, "/name"),
        ({"price": 49.99}, "/price"),
        ({"sku": "kb-456"}, "/sku"),
        ({"category": "x" * 101}, "/category"),
        ({"media": [FRONT | {"type": "image/jpeg"}]}, "/media/0/type"),
        ({"media": [FRONT | {"url": "javascript:alert(1)"}]}, "/media/0/url"),
        ({"media": [FRONT, FRONT]}, "/media"),
        ({"inventory": {"quantity": -1}}, "/inventory/quantity"),
        ({"inventory_media": [SHELF]}, ""),
        ({"attributes": [{"key": "k", "value": ""}]}, "/attributes/0/value"),
        ({"colour": "black"}, "/colour"),
    ],
    ids=repr,
)
async def test_a_wrong_product_is_422_and_the_field_is_named(door: Door, changes: Any, pointer: str) -> None:
    async with door.nothing_written():
        answer = await door.post("products", a_product(some_product()) | changes)
        require_problem(answer, 422, code="invalid_body")
    assert [error["pointer"] for error in answer.content["errors"]] == [pointer]


@pytest.mark.parametrize("product_id", ["0", "x", "1.5", "9007199254740992", "01"])
async def test_a_product_is_addressed_by_its_number(door: Door, product_id: str) -> None:
    async with door.nothing_written():
        require_problem(await door.post(f"products/{product_id}/activate", {}), 400, code="invalid_id")
    require_problem(await door.get(f"products/{product_id}"), 400, code="invalid_id")


async def test_a_product_that_does_not_exist_is_404(door: Door) -> None:
    about = f"products/{some_product()}"
    async with door.nothing_written():
        for path, body in (("activate", {}), ("price", {"price": "1"}), ("update", {"name": "x"}), ("media", FRONT)):
            require_problem(await door.post(f"{about}/{path}", body), 404, code="unknown_product")
        require_problem(await door.post(f"{about}/inventory/media", SHELF), 404, code="unknown_inventory")


async def test_a_price_is_changed_at_the_version_that_was_read(door: Door) -> None:
    product_id = await created(door)
    about = f"products/{product_id}"
    await done(door, f"{about}/attributes", {"key": "colour", "value": "black"})
    await door.system.settled()
    read = await door.get(about)
    assert read.headers["ETag"].startswith('"1-')
    etag = {"If-Match": read.headers["ETag"]}
    assert (await door.post(f"{about}/price", {"price": "2"}, etag)).status == 200
    require_problem(await door.post(f"{about}/price", {"price": "3"}, etag), 412, code="stale_version")
