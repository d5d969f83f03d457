"""Money and text: what they cannot mean is refused, and what is only unusual is kept as it is."""

import unicodedata
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.bad_values import GOOD_AMOUNTS, INVISIBLE, KEPT, WRONG_AMOUNTS, WRONG_NAMES
from tests.support.door import Door, require_problem


def new_product() -> int:
    return uuid4().int % 10**12 + 1


@pytest.mark.parametrize("amount", WRONG_AMOUNTS, ids=[repr(amount)[:40] for amount in WRONG_AMOUNTS])
async def test_an_amount_is_digits_in_a_currency(door: Door, amount: Any) -> None:
    async with door.nothing_written():
        stock = {"product_id": new_product(), "product_name": "Lamp", "unit_price": amount}
        require_problem(await door.post("inventory", stock), 422, code="invalid_body")


@pytest.mark.parametrize(("amount", "shown"), GOOD_AMOUNTS)
async def test_a_good_amount_comes_back_exactly(door: Door, amount: Any, shown: dict[str, str]) -> None:
    product_id = new_product()
    answer = await door.post("inventory", {"product_id": product_id, "product_name": "Lamp", "unit_price": amount})
    assert answer.status == 201
    assert (await door.seen(f"inventory/{product_id}", answer.content["token"]))["unit_price"] == shown


@pytest.mark.parametrize("name", INVISIBLE)
async def test_text_with_what_cannot_be_seen_is_422(door: Door, name: str) -> None:
    text = f"Te{INVISIBLE[name]}a"
    order_id = (await door.place())["order_id"]
    async with door.nothing_written():
        require_problem(await door.post("inventory", {"product_id": new_product(), "product_name": text}), 422)
        require_problem(await door.post(f"orders/{order_id}/cancel", {"reason": text}), 422)


@pytest.mark.parametrize("text", KEPT, ids=[ascii(text)[:30] for text in KEPT])
async def test_strange_text_is_only_text(door: Door, text: str) -> None:
    product_id = new_product()
    answer = await door.post("inventory", {"product_id": product_id, "product_name": text})
    assert answer.status == 201
    assert "Set-Cookie" not in answer.headers
    shown = await door.get(f"inventory/{product_id}", {"Consistency-Token": answer.content["token"]})
    assert shown.headers["Content-Type"].startswith("application/json")
    assert shown.content["product_name"] == text


async def test_text_is_stored_in_nfc(door: Door) -> None:
    product_id, name = new_product(), unicodedata.normalize("NFD", "Crème brûlée Å")
    answer = await door.post("inventory", {"product_id": product_id, "product_name": name})
    product = await door.seen(f"inventory/{product_id}", answer.content["token"])
    assert product["product_name"] == unicodedata.normalize("NFC", name) != name
    async with door.nothing_written():
        same = await door.post("inventory", {"product_id": product_id, "product_name": name})
    assert same.content["changed"] is False


async def test_a_text_that_nfc_makes_too_long_is_422(door: Door) -> None:
    order_id = (await door.place())["order_id"]
    longer = "\u0958"  # two code points in NFC
    async with door.nothing_written():
        stock = {"product_id": new_product(), "product_name": longer * 200}
        require_problem(await door.post("inventory", stock), 422, code="invalid_body")
        reason = {"reason": longer * 500}
        require_problem(await door.post(f"orders/{order_id}/cancel", reason), 422, code="invalid_body")


@pytest.mark.parametrize("name", WRONG_NAMES, ids=lambda name: repr(name)[:12])
async def test_a_name_is_text_of_1_to_200_characters(door: Door, name: Any) -> None:
    async with door.nothing_written():
        require_problem(await door.post("inventory", {"product_id": new_product(), "product_name": name}), 422)


async def test_no_log_tells_what_people_wrote(door: Door) -> None:
    secret = uuid4().hex[:10]  # short, so that no library abbreviates it
    order_id = (await door.place(user_email=f"{secret}@example.org"))["order_id"]
    answer = await door.post(f"orders/{order_id}/cancel", {"reason": secret + "\r\n[31mred"})
    assert answer.status == 200
    for body in ({"user_email": secret}, {secret: 1}, {"user_email": f"{secret}\0@example.org"}):
        await door.post("orders", door.order(**body))
    await door.post("inventory", {"product_id": new_product(), "product_name": secret + "\u0958" * 150})
    await door.system.settled()
    logs: list[Path] = sorted(door.system.folder.glob("*.log"))
    assert logs
    assert [path.name for path in logs if secret in path.read_text()] == []
