"""Orders that are changed on their way, on real servers: stock and total follow, whatever was reserved before."""

from collections.abc import AsyncIterator

import pytest

from tests.support.broker import Broker
from tests.support.shop_front import SOON_SECONDS, Shop, running_shop
from tests.support.system import until


@pytest.fixture(scope="module")
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with running_shop(mongodb_url, rabbitmq, tmp_path_factory.mktemp("changes")) as shop:
        yield shop


async def totals(shop: Shop, order_id: str, amount: str) -> dict[str, object]:
    async def is_so() -> bool:
        order = await shop.get(f"orders/{order_id}")
        return order.get("status") == "VALIDATED" and order["total"]["amount"] == amount

    await until(is_so, seconds=SOON_SECONDS, what=f"the order is validated at {amount}")
    return await shop.get(f"orders/{order_id}")


async def test_what_is_added_is_reserved_and_what_is_removed_is_free_again(shop: Shop) -> None:
    keyboard, mouse = await shop.stocked(10, "49.99"), await shop.stocked(5, "20.00")
    order_id = await shop.ordered((keyboard, 2))
    await totals(shop, order_id, "99.98")
    assert (await shop.post(f"orders/{order_id}/items", {"product_id": mouse, "quantity": 3}))[0] == 200
    order = await totals(shop, order_id, "159.98")
    assert order["items_count"] == 5
    await shop.stock_is(mouse, total=5, reserved=3)
    removal = {"product_id": keyboard, "quantity": 1, "reason": "one is enough"}
    assert (await shop.post(f"orders/{order_id}/items/remove", removal))[0] == 200
    await totals(shop, order_id, "109.99")
    await shop.stock_is(keyboard, total=10, reserved=1)
    assert (await shop.pay(order_id, "tok_approve", "109.99"))[0] == 200
    await shop.becomes(order_id, "PAID")
    assert (await shop.post(f"orders/{order_id}/items", {"product_id": mouse, "quantity": 1}))[0] == 409
    assert (await shop.post(f"orders/{order_id}/ship", {"carrier": "DHL", "tracking_number": "42"}))[0] == 200
    await shop.stock_is(keyboard, total=9, reserved=0, sold=1)
    await shop.stock_is(mouse, total=2, reserved=0, sold=3)


async def test_pieces_of_a_product_may_have_two_prices(shop: Shop) -> None:
    lamp = await shop.stocked(10, "10.00")
    order_id = await shop.ordered((lamp, 1))
    await totals(shop, order_id, "10.00")
    assert (await shop.post("inventory", {"product_id": lamp, "unit_price": "12.50"}))[0] == 200
    assert (await shop.post(f"orders/{order_id}/items", {"product_id": lamp, "quantity": 2}))[0] == 200
    order = await totals(shop, order_id, "35.00")
    assert [(line["quantity"], line["unit_price"]["amount"]) for line in order["items"]] == [(1, "10.00"), (2, "12.50")]


async def test_what_cannot_be_had_in_addition_rejects_the_order(shop: Shop) -> None:
    lamp, rare = await shop.stocked(10), await shop.stocked(1)
    order_id = await shop.ordered((lamp, 2))
    await totals(shop, order_id, "20.00")
    assert (await shop.post(f"orders/{order_id}/items", {"product_id": rare, "quantity": 2}))[0] == 200
    order = await shop.becomes(order_id, "REJECTED")
    assert order["reject_code"] == "insufficient_stock"
    await shop.stock_is(lamp, total=10, reserved=0)
    await shop.stock_is(rare, total=1, reserved=0)


async def test_changes_in_a_row_end_where_they_lead(shop: Shop) -> None:
    lamp = await shop.stocked(50)
    order_id = await shop.ordered((lamp, 2))
    for number in range(6):
        change = {"product_id": lamp, "quantity": 3}
        if number % 3 == 2:
            assert (await shop.post(f"orders/{order_id}/items/remove", change | {"reason": "fewer"}))[0] == 200
        else:
            assert (await shop.post(f"orders/{order_id}/items", change))[0] == 200
    await totals(shop, order_id, "80.00")
    await shop.stock_is(lamp, total=50, reserved=8)
    assert (await shop.post(f"orders/{order_id}/cancel"))[0] == 200
    await shop.told_by_its_saga(order_id, "over")
    await shop.stock_is(lamp, total=50, reserved=0)


async def test_parts_of_what_was_paid_go_back_until_all_is_back(shop: Shop) -> None:
    order_id = await shop.ordered((await shop.stocked(5), 3))
    await totals(shop, order_id, "30.00")
    assert (await shop.pay(order_id, "tok_approve"))[0] == 200
    payment_id = (await shop.becomes(order_id, "PAID"))["payment_info"]["payment_id"]
    assert (await shop.post(f"orders/{order_id}/refund"))[0] == 409
    await shop.post(f"orders/{order_id}/ship", {"carrier": "DHL", "tracking_number": "42"})
    await shop.post(f"orders/{order_id}/deliver")
    assert (await shop.post(f"orders/{order_id}/refund", {"amount": "12.50", "reason": "broken"}))[0] == 200

    async def is_back() -> bool:
        return (await shop.get(f"orders/{order_id}"))["refunded"] == {"amount": "12.50", "currency": "EUR"}

    await until(is_back, seconds=SOON_SECONDS, what="the part is back")
    assert (await shop.get(f"orders/{order_id}"))["status"] == "DELIVERED"
    assert (await shop.post(f"orders/{order_id}/refund", {"amount": "17.51"}))[0] == 409
    assert (await shop.post(f"orders/{order_id}/refund"))[0] == 200
    order = await shop.becomes(order_id, "REFUNDED")
    assert order["refunded"] == {"amount": "30.00", "currency": "EUR"}
    await shop.told_by_its_saga(order_id, "over")
    charge = (await shop.books())[payment_id]
    assert (charge["captured_count"], charge["refunded_count"], charge["refunded_amount"]) == (1, 2, 3000)
