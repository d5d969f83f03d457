"""Giving back what was paid, for who knows the payment: the order's command, its answer and its refusals."""

from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest

from tests.support.door import Answer, Door, require_problem
from tests.support.system import System, until

PRODUCT = 7950
SOON_SECONDS = 20.0


@pytest.fixture(scope="module")
async def shop(fulfilling: System) -> AsyncIterator[Door]:
    """The door of a system that takes money."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        opened = Door(fulfilling, http, PRODUCT)
        stock = {"product_id": PRODUCT, "product_name": "Lamp", "quantity": 10**6, "unit_price": "20.00"}
        assert (await opened.post("inventory", stock)).status in (200, 201)
        yield opened


async def becomes(shop: Door, order_id: str, status: str) -> str:
    """Wait for the status; return the id of the last payment, if there is one."""

    async def is_so() -> bool:
        answer = await shop.get(f"orders/{order_id}")
        return answer.status == 200 and answer.content["status"] == status

    await until(is_so, seconds=SOON_SECONDS, what=f"the order is {status}")
    return ((await shop.get(f"orders/{order_id}")).content["payment_info"] or {}).get("payment_id", "")


async def placed(shop: Door) -> str:
    """An order of two lamps that waits for its payment."""
    order_id = (await shop.place(user_id=7951))["order_id"]
    await becomes(shop, order_id, "VALIDATED")
    return order_id


async def pay(shop: Door, order_id: str, card: str) -> None:
    answer = await shop.post("payments", {"order_id": order_id, "card_token": card})
    assert answer.status == 200, answer.body


async def paid(shop: Door) -> tuple[str, str]:
    """An order and the payment that paid it."""
    order_id = await placed(shop)
    await pay(shop, order_id, "tok_approve")
    return order_id, await becomes(shop, order_id, "PAID")


async def delivered(shop: Door) -> tuple[str, str]:
    order_id, payment_id = await paid(shop)
    for step, body in (("ship", {"carrier": "DHL", "tracking_number": "42"}), ("deliver", {})):
        assert (await shop.post(f"orders/{order_id}/{step}", body)).status == 200
    return order_id, payment_id


async def refund(shop: Door, payment: str, key: str | None = None, **body: str) -> Answer:
    return await shop.post(f"payments/{payment}/refund", body, {"Idempotency-Key": key or uuid4().hex})


async def test_who_knows_the_payment_gets_what_the_order_would_answer(shop: Door) -> None:
    order_id, payment_id = await delivered(shop)
    part = await refund(shop, payment_id, amount="15.00", reason="broken")
    assert (part.status, part.content["order_id"], part.content["changed"]) == (200, order_id, True)

    async def is_back() -> bool:
        refunded = (await shop.get(f"orders/{order_id}")).content["refunded"]
        return refunded == {"amount": "15.00", "currency": "EUR"}

    await until(is_back, seconds=SOON_SECONDS, what="the part is back")
    rest = await shop.post(f"orders/{order_id}/refund", {"payment_id": payment_id})
    assert (rest.status, rest.content.keys()) == (200, part.content.keys())
    assert part.headers.keys() == rest.headers.keys()
    await becomes(shop, order_id, "REFUNDED")


async def test_the_same_key_is_one_refund_and_the_same_answer(shop: Door) -> None:
    order_id, payment_id = await delivered(shop)
    key = uuid4().hex
    first = await refund(shop, payment_id, key, amount="5.00")
    again = await refund(shop, payment_id, key, amount="5.00")
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (200, 200, "true")
    assert first.content == again.content
    require_problem(await refund(shop, payment_id, key, amount="6.00"), 422, code="idempotency_key_reused")
    by_the_order = await shop.post(f"orders/{order_id}/refund", {"amount": "5.00"}, {"Idempotency-Key": key})
    require_problem(by_the_order, 422, code="idempotency_key_reused")


async def test_the_rules_of_the_order_refuse_it(shop: Door) -> None:
    order_id, payment_id = await paid(shop)
    require_problem(await refund(shop, payment_id), 409, code="order_not_delivered")
    for step, body in (("ship", {"carrier": "DHL", "tracking_number": "42"}), ("deliver", {})):
        assert (await shop.post(f"orders/{order_id}/{step}", body)).status == 200
    require_problem(await refund(shop, payment_id, amount="40.01"), 409, code="more_than_paid")
    require_problem(await refund(shop, payment_id, amount="-1"), 422, code="invalid_body")
    require_problem(await refund(shop, payment_id, payment_id=str(uuid4())), 422, code="another_payment")
    stale = await shop.post(f"payments/{payment_id}/refund", {}, {"If-Match": '"1"'})
    require_problem(stale, 412, code="stale_version")


async def test_a_payment_that_captured_nothing_is_not_refunded(shop: Door) -> None:
    order_id = await placed(shop)
    await pay(shop, order_id, "tok_decline")

    async def has_failed() -> bool:
        info = (await shop.get(f"orders/{order_id}")).content["payment_info"]
        return bool(info) and info["status"] == "FAILED"

    await until(has_failed, seconds=SOON_SECONDS, what="the payment has failed")
    failed = (await shop.get(f"orders/{order_id}")).content["payment_info"]["payment_id"]
    require_problem(await refund(shop, failed), 409, code="payment_not_captured")
    await pay(shop, order_id, "tok_approve")
    assert await becomes(shop, order_id, "PAID") != failed
    require_problem(await refund(shop, failed), 409, code="payment_not_captured")


async def test_what_a_cancelled_order_has_paid_goes_back_by_itself(shop: Door) -> None:
    order_id, payment_id = await paid(shop)
    assert (await shop.post(f"orders/{order_id}/cancel", {})).status == 200
    answer = await refund(shop, payment_id)
    assert (answer.status, answer.content["changed"]) == (200, False)
    await becomes(shop, order_id, "REFUNDED")


async def test_an_unknown_payment_is_404_and_a_wrong_one_400(shop: Door) -> None:
    require_problem(await refund(shop, str(uuid4())), 404, code="unknown_payment")
    for wrong in ("7", str(uuid4()).upper()):
        require_problem(await refund(shop, wrong), 400, code="invalid_id")
