"""The saga that docs/writing-a-saga.md shows, beside the others on real servers: a file and a row are all it takes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.shop_front import SOON_SECONDS, Shop, running_shop
from tests.support.system import WITHOUT_SAGAS, until
from tests.support.third_saga import NOTICE_SECONDS

PRODUCT_IDS = iter(range(30_000, 40_000))
FEW_LEFT = [{"key": "stock", "value": "few left"}]


@pytest.fixture(scope="module")
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder = tmp_path_factory.mktemp("third_saga")
    async with running_shop(mongodb_url, rabbitmq, folder, services=WITHOUT_SAGAS) as shop:
        shop.system.module_of["saga"] = "tests.support.third_saga"
        yield shop


async def with_notices_for(shop: Shop, seconds: float) -> None:
    """Sagas that begin from now on have so much time."""
    shop.system.environment_of["saga"] = {NOTICE_SECONDS: str(seconds)}
    await (shop.system.restart("saga") if "saga" in shop.system.running else shop.system.start("saga"))


async def offered(shop: Shop) -> int:
    """A product with six pieces, of which three are few."""
    product_id = next(PRODUCT_IDS)
    stock = {"quantity": 6, "low_stock_threshold": 3}
    body = {"product_id": product_id, "name": "Lamp", "price": "10.00", "inventory": stock}
    assert (await shop.post("products", body))[0] == 201

    async def is_offered() -> bool:
        return (await shop.get(f"products/{product_id}")).get("status") == "ACTIVE"

    await until(is_offered, seconds=SOON_SECONDS, what="the product is offered")
    return product_id


async def tells(shop: Shop, product_id: int, attributes: list[dict[str, str]]) -> None:
    async def does() -> bool:
        return (await shop.get(f"products/{product_id}"))["attributes"] == attributes

    await until(does, seconds=SOON_SECONDS, what=f"the product tells {attributes}")


async def saga_of(shop: Shop, product_id: int, state: str) -> dict[str, Any]:
    return await shop.told_by_its_saga(f"few_left:{product_id}", state)


def outcomes(saga: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(step["step"], step["round"], step["outcome"]) for step in saga["steps"]]


async def test_a_product_says_that_few_are_left_until_its_stock_is_filled_up(shop: Shop) -> None:
    await with_notices_for(shop, 3600)
    product_id = await offered(shop)
    await shop.becomes(await shop.ordered((product_id, 3)), "VALIDATED")
    await tells(shop, product_id, FEW_LEFT)
    assert (await saga_of(shop, product_id, "running"))["waits_for"] == "pieces"
    assert (await shop.post("inventory", {"product_id": product_id, "quantity": 50}))[0] == 200
    await tells(shop, product_id, [])
    saga = await saga_of(shop, product_id, "over")
    assert outcomes(saga) == [("show", 1, "accepted"), ("hide", 1, "accepted")]
    assert (await shop.post("inventory", {"product_id": product_id, "quantity": 4}))[0] == 200
    await tells(shop, product_id, FEW_LEFT)


async def test_what_nobody_fills_up_is_told_no_longer_than_agreed(shop: Shop) -> None:
    await with_notices_for(shop, 2)
    product_id = await offered(shop)
    await shop.becomes(await shop.ordered((product_id, 3)), "VALIDATED")
    saga = await saga_of(shop, product_id, "over")
    assert outcomes(saga) == [("show", 1, "accepted"), ("hide", 1, "accepted")]
    await tells(shop, product_id, [])


async def test_a_stock_without_a_product_is_left_alone(shop: Shop) -> None:
    await with_notices_for(shop, 2)
    product_id = next(PRODUCT_IDS)
    few = {"product_id": product_id, "product_name": "Lamp", "quantity": 3, "low_stock_threshold": 3}
    assert (await shop.post("inventory", few))[0] == 201
    saga = await saga_of(shop, product_id, "over")
    assert outcomes(saga) == [("show", 1, "unknown_product")]
    assert saga["trouble"] is None
