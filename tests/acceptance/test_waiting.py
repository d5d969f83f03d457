"""`Prefer: wait`: one request tells what became of an order."""

from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest

from tests.support.door import Answer, Door, spell
from tests.support.system import System

PRODUCT = 7960
SOLD_OUT = 7961
WAIT = {"Prefer": "wait=9"}


@pytest.fixture(scope="module")
async def shop(fulfilling: System) -> AsyncIterator[Door]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        opened = Door(fulfilling, http, PRODUCT)
        for product_id, quantity in ((PRODUCT, 10**6), (SOLD_OUT, 0)):
            stock = {"product_id": product_id, "product_name": "Lamp", "quantity": quantity, "unit_price": "20.00"}
            assert (await opened.post("inventory", stock, WAIT)).status in (200, 201)
        yield opened


async def ordered(shop: Door, headers: dict[str, str], **changes: object) -> Answer:
    answer = await shop.post("orders", shop.order(**changes), headers)
    assert answer.status == 201, answer.body
    return answer


async def test_an_order_is_answered_when_the_saga_has_decided_and_the_view_shows_it(shop: Door) -> None:
    for product_id, status in ((PRODUCT, "VALIDATED"), (SOLD_OUT, "REJECTED")):
        answer = await ordered(shop, WAIT, product_id=product_id)
        assert (answer.content["status"], answer.headers["Preference-Applied"]) == (status, "wait=9")
        shown = await shop.get(f"orders/{answer.content['order_id']}", {"Consistency-Token": answer.content["token"]})
        assert (shown.content["status"], shown.headers["ETag"]) == (status, answer.headers["ETag"])
        assert answer.headers["Consistency-Token"] == answer.content["token"]


async def test_a_payment_is_answered_with_what_the_bank_said(shop: Door) -> None:
    for card, status in (("tok_decline", "VALIDATED"), ("tok_approve", "PAID")):
        order_id = (await ordered(shop, WAIT)).content["order_id"]
        answer = await shop.post("payments", {"order_id": order_id, "card_token": card}, WAIT)
        assert (answer.status, answer.content["status"]) == (200, status)
        shown = (await shop.get(f"orders/{order_id}")).content
        assert shown["payment_info"]["status"] == ("CAPTURED" if status == "PAID" else "FAILED")


async def test_a_wait_that_is_too_short_changes_nothing(shop: Door) -> None:
    order_id = (await ordered(shop, WAIT)).content["order_id"]
    payment = {"order_id": order_id, "card_token": "tok_never"}
    answer = await shop.post("payments", payment, {"Prefer": "wait=1"})
    assert (answer.status, answer.content["changed"]) == (200, True)
    assert "Preference-Applied" not in answer.headers


async def test_the_same_key_waits_again(shop: Door) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first, again = await ordered(shop, key), await ordered(shop, key | WAIT)
    assert first.content["status"] == "PENDING"
    assert (again.content["order_id"], again.content["position"]) == (
        first.content["order_id"],
        first.content["position"],
    )
    assert (again.content["status"], again.headers["Idempotent-Replayed"]) == ("VALIDATED", "true")


@pytest.mark.parametrize("preference", ["respond-async, wait=9", 'wait="9"; strict', "WAIT = 9", "wait=999999"])
async def test_preferences_may_be_written_in_many_ways(shop: Door, preference: str) -> None:
    answer = await ordered(shop, {"Prefer": preference})
    assert answer.content["status"] == "VALIDATED"
    assert answer.headers["Preference-Applied"] == ("wait=30" if "999" in preference else "wait=9")


@pytest.mark.parametrize("preference", ["", "wait", "wait=", "wait=-1", "wait=1.5", "await=9", "wait=0", "waiting=9"])
async def test_a_preference_that_nobody_understands_is_none(shop: Door, preference: str) -> None:
    answer = await ordered(shop, {"Prefer": preference})
    assert answer.content["status"] == "PENDING"
    assert "Preference-Applied" not in answer.headers


async def test_other_commands_wait_for_their_view(shop: Door) -> None:
    order_id = (await ordered(shop, WAIT)).content["order_id"]
    answer = await shop.post(f"orders/{order_id}/cancel", {"reason": "no"}, WAIT)
    assert (answer.content["status"], answer.headers["Preference-Applied"]) == ("CANCELLED", "wait=9")
    assert (await shop.get(f"orders/{order_id}")).content["status"] == "CANCELLED"
    product_id = uuid4().int % 10**12 + 10**6
    product = {"product_id": product_id, "name": "Keyboard", "price": "49.99", "sku": "KB-456"}
    assert (await shop.post("products", product, WAIT)).headers["Preference-Applied"] == "wait=9"
    assert (await shop.get(f"products/{product_id}")).status == 200
    file = {"bucket": "shop", "key": "a.png", "url": "https://files.example.org/a.png", "type": "image"}
    answer = await shop.post(f"products/{product_id}/media", file, WAIT)
    assert answer.headers["Preference-Applied"] == "wait=9"
    own = f'"{answer.content["version"]}-{answer.content["position"]}"'
    assert answer.headers["ETag"] == own, "of the files, which are a stream of their own"


async def test_what_has_no_body_is_not_waited_for(shop: Door) -> None:
    assert (await shop.send(spell("HEAD", "/cqrs/commands/health", headers=WAIT))).status == 200


async def test_a_refusal_does_not_wait(shop: Door) -> None:
    answer = await shop.post(f"orders/{uuid4()}/cancel", {}, WAIT)
    assert answer.status == 404
    assert "Preference-Applied" not in answer.headers
