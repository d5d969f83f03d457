"""Order fulfilment on real servers: stock, payment and order agree at the end, whatever card and customer do."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.broker import Broker
from tests.support.shop_front import SOON_SECONDS, Shop, running_shop
from tests.support.system import until

PAYMENT_SECONDS = 6.0


@pytest.fixture(scope="module")
async def shop(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder, seconds = tmp_path_factory.mktemp("fulfilment"), str(PAYMENT_SECONDS)
    async with running_shop(mongodb_url, rabbitmq, folder, PAYMENT_SECONDS=seconds, PAYMENTS_HOLD_SECONDS="3") as shop:
        yield shop


async def test_an_order_is_reserved_paid_shipped_delivered_and_completed(shop: Shop) -> None:
    keyboard, mouse = await shop.stocked(10, "49.99"), await shop.stocked(5, "20.00")
    order_id = await shop.ordered((mouse, 1), (keyboard, 2))
    order = await shop.becomes(order_id, "VALIDATED")
    assert order["total"] == {"amount": "119.98", "currency": "EUR"}
    await shop.stock_is(keyboard, total=10, reserved=2)
    assert (await shop.pay(order_id, "tok_approve", "119.98"))[0] == 200
    order = await shop.becomes(order_id, "PAID")
    assert order["payment_info"]["status"] == "CAPTURED"
    assert (await shop.post(f"orders/{order_id}/ship", {"carrier": "DHL", "tracking_number": "42"}))[0] == 200
    await shop.stock_is(keyboard, total=8, reserved=0, sold=2)
    await shop.stock_is(mouse, total=4, reserved=0, sold=1)
    assert (await shop.post(f"orders/{order_id}/deliver"))[0] == 200
    assert (await shop.post(f"orders/{order_id}/complete"))[0] == 200
    order = await shop.becomes(order_id, "COMPLETED")
    await shop.told_by_its_saga(order_id, "over")
    assert [entry["event"] for entry in order["timeline"]] == [
        *("OrderInitiated", "OrderValidated", "PaymentRequested", "OrderPaid"),
        *("OrderShipped", "OrderDelivered", "OrderCompleted"),
    ]


@pytest.mark.parametrize(("quantity", "price", "code"), [(6, "1.00", "insufficient_stock"), (1, None, "no_price")])
async def test_what_cannot_be_had_is_rejected_and_nothing_stays_reserved(
    shop: Shop, quantity: int, price: str | None, code: str
) -> None:
    plenty, scarce = await shop.stocked(100), await shop.stocked(5, price)
    order = await shop.becomes(await shop.ordered((plenty, 3), (scarce, quantity)), "REJECTED")
    assert order["reject_code"] == code
    assert order["reject_reason"]
    await shop.stock_is(plenty, total=100, reserved=0)
    await shop.stock_is(scarce, total=5, reserved=0)


async def test_a_declined_payment_may_be_tried_again(shop: Shop) -> None:
    order_id = await shop.ordered((await shop.stocked(5), 1))
    await shop.becomes(order_id, "VALIDATED")
    assert (await shop.pay(order_id, "tok_decline"))[0] == 200

    async def is_declined() -> bool:
        return ((await shop.get(f"orders/{order_id}"))["payment_info"] or {}).get("status") == "FAILED"

    await until(is_declined, seconds=SOON_SECONDS, what="the payment is declined")
    assert (await shop.pay(order_id, "tok_approve"))[0] == 200
    await shop.becomes(order_id, "PAID")


async def test_a_wrong_amount_is_422_and_a_second_payment_409(shop: Shop) -> None:
    order_id = await shop.ordered((await shop.stocked(5), 1))
    await shop.becomes(order_id, "VALIDATED")
    assert (await shop.pay(order_id, "tok_approve", "9.99"))[0] == 422
    assert (await shop.pay(order_id, "tok_approve", "10.00"))[0] == 200
    assert (await shop.pay(order_id, "tok_approve", "10.00"))[0] == 409
    await shop.becomes(order_id, "PAID")
    assert (await shop.pay(order_id, "tok_approve", "10.00"))[0] == 409


async def test_who_does_not_pay_in_time_is_cancelled_and_the_stock_is_free_again(shop: Shop) -> None:
    product = await shop.stocked(5)
    order = await shop.becomes(await shop.ordered((product, 4)), "CANCELLED")
    assert "time" in order["cancel_reason"]
    assert order["cancel_code"] == "payment_overdue"
    await shop.stock_is(product, total=5, reserved=0)


@pytest.mark.parametrize("card", ["tok_slow", "tok_twice", "tok_flaky"])
async def test_a_provider_with_bad_manners_charges_once(shop: Shop, card: str) -> None:
    order_id = await shop.ordered((await shop.stocked(5), 1))
    await shop.becomes(order_id, "VALIDATED")
    assert (await shop.pay(order_id, card))[0] == 200
    order = await shop.becomes(order_id, "PAID")
    charge = (await shop.books())[order["payment_info"]["payment_id"]]
    assert (charge["captured_count"], charge["refunded_count"]) == (1, 0)


async def test_a_provider_that_never_answers_has_taken_nothing(shop: Shop) -> None:
    product = await shop.stocked(5)
    order_id = await shop.ordered((product, 1))
    await shop.becomes(order_id, "VALIDATED")
    assert (await shop.pay(order_id, "tok_never"))[0] == 200

    async def is_asked_again() -> bool:
        last = (await shop.get(f"sagas/{order_id}"))["steps"][-1]
        return (last["step"], last["outcome"]) == ("charge", None) and last["attempts"] > 0

    await until(is_asked_again, seconds=SOON_SECONDS, what="the provider is asked again")
    order = await shop.becomes(order_id, "CANCELLED", seconds=40)
    saga = await shop.told_by_its_saga(order_id, "over")
    charge = next(step for step in saga["steps"] if step["step"] == "charge")
    assert charge["attempts"] > 1
    assert charge["last_error"]
    assert "card" not in str(saga)
    charge = (await shop.books())[order["payment_info"]["payment_id"]]
    assert charge["captured_count"] == 0
    await shop.stock_is(product, total=5, reserved=0)


async def test_a_paid_order_that_is_cancelled_is_refunded_and_its_stock_free_again(shop: Shop) -> None:
    product = await shop.stocked(5)
    order_id = await shop.ordered((product, 2))
    await shop.becomes(order_id, "VALIDATED")
    await shop.pay(order_id, "tok_approve")
    await shop.becomes(order_id, "PAID")
    assert (await shop.post(f"orders/{order_id}/cancel"))[0] == 200
    order = await shop.becomes(order_id, "REFUNDED")
    await shop.stock_is(product, total=5, reserved=0)
    charge = (await shop.books())[order["payment_info"]["payment_id"]]
    assert (charge["captured_count"], charge["refunded_count"]) == (1, 1)


async def test_money_that_comes_after_the_cancellation_goes_back(shop: Shop) -> None:
    product = await shop.stocked(5)
    order_id = await shop.ordered((product, 1))
    await shop.becomes(order_id, "VALIDATED")
    await shop.pay(order_id, "tok_slow")
    assert (await shop.post(f"orders/{order_id}/cancel"))[0] == 200
    await shop.becomes(order_id, "CANCELLED")
    await shop.stock_is(product, total=5, reserved=0)

    async def is_even() -> bool:
        order = await shop.get(f"orders/{order_id}")
        charge = (await shop.books()).get((order["payment_info"] or {}).get("payment_id"), {})
        is_told = order["payment_info"]["status"] == "FAILED"
        return is_told and (not charge or charge["captured_count"] == charge["refunded_count"])

    await until(is_even, seconds=SOON_SECONDS, what="captured and refunded agree, and the order says so")


async def test_of_many_who_want_the_last_pieces_as_many_get_them_as_there_are(shop: Shop) -> None:
    product = await shop.stocked(50)
    orders = await asyncio.gather(*(shop.ordered((product, 1), user_id=n) for n in range(1, 201)))
    outcomes: dict[str, int] = {}

    async def are_decided() -> bool:
        views = await asyncio.gather(*(shop.get(f"orders/{order_id}") for order_id in orders))
        outcomes.clear()
        for view in views:
            outcomes[view.get("status", "")] = outcomes.get(view.get("status", ""), 0) + 1
        return set(outcomes) <= {"VALIDATED", "REJECTED", "CANCELLED"}

    await until(are_decided, seconds=30, what="every order is decided")
    assert outcomes["REJECTED"] == 150
    assert outcomes.get("VALIDATED", 0) + outcomes.get("CANCELLED", 0) == 50
    await shop.stock_is(product, total=50, reserved=0)  # nobody paid
