"""New products on real servers: all that belongs to them is there, or nothing is left; the price is followed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.shop_front import SOON_SECONDS, Shop, a_product, running_shop
from tests.support.system import until

PRODUCT_IDS = iter(range(20_000, 30_000))


@pytest.fixture(scope="module")
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with running_shop(mongodb_url, rabbitmq, tmp_path_factory.mktemp("onboarding")) as shop:
        yield shop


def a_new_product(**other: Any) -> dict[str, Any]:
    return a_product(next(PRODUCT_IDS), **other)


async def becomes(shop: Shop, product_id: int, status: str) -> dict[str, Any]:
    return await shop.product_is(product_id, lambda shown: shown["status"] == status, f"the product is {status}")


async def test_a_product_is_offered_once_all_that_belongs_to_it_is_there(shop: Shop) -> None:
    body = a_new_product()
    product_id = body["product_id"]
    assert (await shop.post("products", body))[0] == 201
    shown = await becomes(shop, product_id, "ACTIVE")
    assert shown["counts"] == {"attributes": 2, "media": 2, "inventory_media": 1}
    assert shown["attributes"] == body["attributes"]
    assert (shown["inventory"]["quantity"], shown["inventory"]["sku"]) == (10, "KB-1")
    saga = await shop.told_by_its_saga(f"product_onboarding:{product_id}", "over")
    assert {step["outcome"] for step in saga["steps"]} == {"accepted"}
    order = await shop.becomes(await shop.ordered((product_id, 2)), "VALIDATED")
    assert order["total"]["amount"] == "99.98"
    assert order["items"][0]["product_name"] == "Clicky Keyboard"


async def test_when_one_part_is_refused_nothing_is_left_and_each_step_can_be_seen(shop: Shop) -> None:
    body = a_new_product(attributes=[{"key": "colour", "value": "black"}])
    product_id = body["product_id"]
    assert (await shop.post("inventory", {"product_id": product_id, "product_name": "Lamp", "quantity": 1}))[0] == 201
    assert (await shop.post("products", body))[0] == 201
    shown = await becomes(shop, product_id, "ROLLED_BACK")
    assert (shown["attributes"], shown["media"]) == ([], [])
    saga = await shop.told_by_its_saga(f"product_onboarding:{product_id}", "over")
    outcomes = {step["step"]: step["outcome"] for step in saga["steps"]}
    assert outcomes["make/inventory"] not in ("accepted", None)
    undone = [step["step"] for step in saga["steps"] if step["step"].startswith("undo/")]
    assert undone == ["undo/attributes", "undo/media/1", "undo/media/0"]
    assert saga["steps"][-1]["step"] == "roll_back"
    assert (await shop.get(f"inventory/{product_id}"))["product_name"] == "Lamp"


async def test_a_product_that_is_withdrawn_gives_up_all_that_belongs_to_it(shop: Shop) -> None:
    body = a_new_product()
    product_id = body["product_id"]
    await shop.post("products", body)
    await becomes(shop, product_id, "ACTIVE")
    assert (await shop.post(f"products/{product_id}/rollback", {"reason": "a mistake"}))[0] == 200
    shown = await shop.product_is(
        product_id,
        lambda shown: shown["inventory"] is None and not any(shown["counts"].values()),
        "nothing belongs to the product",
    )
    assert shown["status"] == "ROLLED_BACK"
    status, refusal = await shop.post("products", body)
    assert (status, refusal["code"]) == (409, "product_rolled_back")


async def test_the_stock_follows_the_price(shop: Shop) -> None:
    body = a_new_product(media=[], inventory_media=[], attributes=[])
    product_id = body["product_id"]
    await shop.post("products", body)
    await becomes(shop, product_id, "ACTIVE")
    assert (await shop.post(f"products/{product_id}/price", {"price": "59.99"}))[0] == 200

    async def is_priced() -> bool:
        return (await shop.get(f"inventory/{product_id}"))["unit_price"] == {"amount": "59.99", "currency": "EUR"}

    await until(is_priced, seconds=SOON_SECONDS, what="the stock has the new price")
    order = await shop.becomes(await shop.ordered((product_id, 1)), "VALIDATED")
    assert order["total"]["amount"] == "59.99"


async def test_killed_sagas_finish_what_they_began(shop: Shop) -> None:
    bodies = [a_new_product() for _ in range(20)]
    for body in bodies:
        assert (await shop.post("products", body))[0] == 201
    await shop.system.kill("saga")
    await shop.system.start("saga")
    for body in bodies:
        shown = await becomes(shop, body["product_id"], "ACTIVE")
        assert shown["counts"] == {"attributes": 2, "media": 2, "inventory_media": 1}
