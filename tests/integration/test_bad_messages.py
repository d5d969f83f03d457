"""What is refused over HTTP is refused by message, row by row, with the same tables (tests/support/bad_*.py).

Some rows say nothing about messages:

* paths, methods, queries, filters, cursors, consistency tokens: a message has none; it names its command by its key;
* the pieces of HTTP (chunks, lengths, hop-by-hop headers, If-Match lists): the broker's frames stand in their place,
  and `test_commands_by_message.py` breaks those;
* gzip bombs: nobody unpacks a message, and here its encoding is refused;
* tokens: `test_access.py` has them by message too;
* batches to import: they cannot be sent.
"""

import unicodedata
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.support.bad_bodies import (
    COSTLY,
    LIMIT_BYTES,
    NOT_JSON,
    WRONG_FIELDS,
    WRONG_ITEMS,
    WRONG_NUMBERS,
    WRONG_REASONS,
    WRONG_STOCK,
    with_quantity,
)
from tests.support.bad_ids import (
    NO_IDS,
    NO_NUMBERS,
    STRANGE_KEYS,
    UNREAD_ENCODINGS,
    WRONG_CORRELATION_IDS,
    WRONG_IF_MATCH,
    WRONG_KEYS,
    WRONG_TYPES,
)
from tests.support.bad_values import GOOD_AMOUNTS, INVISIBLE, KEPT, WRONG_AMOUNTS, WRONG_NAMES
from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.message_desk import ORDER, Desk, a_desk, require_nothing_is_left
from tests.support.refusals import CANCEL, CREATE, STOCK, Row, require_refused
from tests.support.system import running_system

SHORT_BYTES = 255  # of a property: what is longer cannot be sent
CPU_SECONDS = 0.020  # per message
IMPORTED = {"source": "old-shop", "line_number": 1, "user_id": 81, "placed_at": "1997-02-24T10:00:00Z"}


@pytest.fixture(scope="module")
async def host(rabbitmq: Broker) -> AsyncIterator[VirtualHost]:
    async with virtual_host(rabbitmq) as made:
        yield made


@pytest.fixture(scope="module")
async def desk(mongodb_url: str, host: VirtualHost, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """All rows go over it; in the end no message is left in hand, and no process has fallen."""
    folder = tmp_path_factory.mktemp("bad_messages")
    async with (
        running_system(mongodb_url, host.url, folder, services=("command",)) as system,
        a_desk(system, host.url) as opened,
    ):
        await opened.consumed()
        await opened.stocked()
        yield opened
        await require_nothing_is_left(opened, host)
        assert system.fallen == []


@pytest.fixture(scope="module")
async def about_an_order(desk: Desk) -> dict[str, Any]:
    """The headers of commands about an order that can be cancelled."""
    return {"headers": {"order_id": (await desk.sender.ask(CREATE, ORDER)).content["order_id"]}}


def new_product() -> int:
    return uuid4().int % 10**12 + 1


def shortened(value: object) -> str:
    return ascii(value)[:40]


def fits(text: str | bytes) -> bool:
    return isinstance(text, str) and len(text.encode()) <= SHORT_BYTES


# bodies


async def test_what_is_not_a_json_object_is_400(desk: Desk) -> None:
    await require_refused(desk, [Row(name, CREATE, body, (400,)) for name, body in NOT_JSON.items()])


async def test_a_quantity_is_a_whole_number_in_range(desk: Desk) -> None:
    rows = [Row(text[:12], CREATE, with_quantity(text), (422,), "invalid_body") for text in WRONG_NUMBERS]
    await require_refused(desk, rows)


async def test_a_wrong_or_unknown_field_is_422(desk: Desk) -> None:
    rows = [Row(name, CREATE, ORDER | wrong, (422,), "invalid_body") for name, wrong in WRONG_FIELDS.items()]
    await require_refused(desk, rows)


async def test_a_missing_field_is_422(desk: Desk) -> None:
    rest = {missing: {name: value for name, value in ORDER.items() if name != missing} for missing in ORDER}
    await require_refused(desk, [Row(name, CREATE, body, (422,), "invalid_body") for name, body in rest.items()])


async def test_wrong_items_are_422(desk: Desk) -> None:
    bodies = {name: {"user_id": 1, "items": items} for name, items in WRONG_ITEMS.items()}
    await require_refused(desk, [Row(name, CREATE, body, (422,), "invalid_body") for name, body in bodies.items()])


async def test_a_body_may_be_64_kib_and_not_a_byte_more(desk: Desk) -> None:
    full = orjson.dumps(ORDER).ljust(LIMIT_BYTES)
    assert (await desk.sender.ask(CREATE, full)).status == 201
    bodies = {"a blank more": full + b" ", "deep": b"[" * 100_000, "5 MB": b" " * 5_000_000}
    await require_refused(desk, [Row(name, CREATE, body, (413,), "body_too_large") for name, body in bodies.items()])


async def test_no_body_costs_more_than_20_ms(desk: Desk) -> None:
    times = 5
    rows = [Row(name, CREATE, body, (400, 422)) for name, body in COSTLY.items()] * times
    before = await desk.metric("process_cpu_seconds_total")
    await require_refused(desk, rows)
    assert await desk.metric("process_cpu_seconds_total") - before < len(rows) * CPU_SECONDS


async def test_a_wrong_reason_does_not_cancel(desk: Desk, about_an_order: dict[str, Any]) -> None:
    rows = [Row(shortened(body), CANCEL, body, (400, 422), None, about_an_order) for body in WRONG_REASONS]
    await require_refused(desk, rows)


async def test_a_wrong_inventory_is_422(desk: Desk) -> None:
    await require_refused(
        desk, [Row(str(wrong), STOCK, {"product_id": new_product()} | wrong, (422,)) for wrong in WRONG_STOCK]
    )


# values


def named(name: Any) -> dict[str, Any]:
    return {"product_id": new_product(), "product_name": name}


async def test_an_amount_is_digits_in_a_currency(desk: Desk) -> None:
    priced = {shortened(amount): named("Lamp") | {"unit_price": amount} for amount in WRONG_AMOUNTS}
    await require_refused(desk, [Row(name, STOCK, body, (422,), "invalid_body") for name, body in priced.items()])


async def test_text_with_what_cannot_be_seen_is_422(desk: Desk, about_an_order: dict[str, Any]) -> None:
    texts = {name: f"Te{sign}a" for name, sign in INVISIBLE.items()}
    await require_refused(desk, [Row(name, STOCK, named(text), (422,)) for name, text in texts.items()])
    reasons = {name: {"reason": text} for name, text in texts.items()}
    rows = [Row(name, CANCEL, body, (422,), None, about_an_order) for name, body in reasons.items()]
    await require_refused(desk, rows)


async def test_a_name_is_text_of_1_to_200_characters(desk: Desk, about_an_order: dict[str, Any]) -> None:
    longer = "\u0958"  # two code points in NFC
    rows = [Row(shortened(name), STOCK, named(name), (422,)) for name in (*WRONG_NAMES, longer * 200)]
    too_long = Row("a reason", CANCEL, {"reason": longer * 500}, (422,), "invalid_body", about_an_order)
    await require_refused(desk, [*rows, too_long])


async def kept(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """What the log says of a command that was done."""
    reply = await desk.sender.ask(STOCK, body)
    assert reply.status == 201, (body, reply.content)
    (commit,) = await desk.commits(command_id=reply.content["command_id"])
    return commit["events"][0]["data"]


async def test_strange_text_is_only_text_and_stored_in_nfc(desk: Desk) -> None:
    decomposed = unicodedata.normalize("NFD", "Crème brûlée Å")
    for text in (*KEPT, decomposed):
        assert (await kept(desk, named(text)))["product_name"] == unicodedata.normalize("NFC", text)


async def test_a_good_amount_is_kept_exactly(desk: Desk) -> None:
    for amount, shown in GOOD_AMOUNTS:
        digits, currency = shown["amount"].replace(".", ""), shown["currency"]
        price = (await kept(desk, named("Lamp") | {"unit_price": amount}))["unit_price"]
        assert price == {"amount": int(digits), "currency": currency}, amount


# what stands beside the body


async def test_an_order_id_is_a_uuid_in_lower_case(desk: Desk) -> None:
    headers = {name: {"headers": {"order_id": name}} for name in NO_IDS}
    rows = [Row(shortened(name), CANCEL, {}, (400,), "invalid_id", given) for name, given in headers.items()]
    await require_refused(desk, rows)


async def test_a_product_is_a_whole_number(desk: Desk) -> None:
    headers = {number: {"headers": {"product_id": number}} for number in NO_NUMBERS}
    key, body = "product.UpdateProduct", {"name": "Lamp"}
    rows = [Row(shortened(number), key, body, (400,), "invalid_id", given) for number, given in headers.items()]
    await require_refused(desk, rows)


async def test_a_body_of_another_type_or_encoding_is_415(desk: Desk) -> None:
    types = [Row(shortened(given), CREATE, ORDER, (415,), None, {"content_type": given}) for given in WRONG_TYPES]
    encodings = (*UNREAD_ENCODINGS, "gzip", "deflate", "gzip, gzip")
    packed = [Row(given, CREATE, ORDER, (415,), None, {"content_encoding": given}) for given in encodings]
    await require_refused(desk, [*types, *packed])


async def test_a_message_id_is_as_an_idempotency_key(desk: Desk) -> None:
    """The library of the tests makes one up where there is none; `test_commands_by_message.py` sends none by hand."""
    wrong = [key for key in WRONG_KEYS if key and fits(key)]
    await require_refused(desk, [Row(ascii(key), CREATE, ORDER, (400,), None, {"message_id": key}) for key in wrong])
    for key in STRANGE_KEYS:
        sent = {"message_id": (uuid4().hex + key)[:SHORT_BYTES]}
        first, again = [await desk.sender.ask(CREATE, ORDER, **sent) for _ in range(2)]
        assert (first.status, again.content, again.headers["replayed"]) == (201, first.content, True), key


async def test_a_correlation_id_has_128_visible_characters_at_most(desk: Desk) -> None:
    wrong = [value for value in WRONG_CORRELATION_IDS if fits(value)]
    rows = [Row(ascii(v), CREATE, ORDER, (400,), "invalid_correlation_id", {"correlation_id": v}) for v in wrong]
    await require_refused(desk, rows)


async def test_an_expected_version_is_a_number_alone(desk: Desk, about_an_order: dict[str, Any]) -> None:
    """What is wrong in If-Match is wrong here; the version alone, which is wrong there, is right here."""
    wrong = [bytearray(v) if isinstance(v, bytes) else v for v in WRONG_IF_MATCH if v != "1"]
    headers = [{"headers": about_an_order["headers"] | {"expected_version": version}} for version in wrong]
    code = "invalid_expected_version"
    await require_refused(
        desk, [Row(shortened(v), CANCEL, {}, (400,), code, given) for v, given in zip(wrong, headers, strict=True)]
    )


# what the rules say


async def test_what_an_order_does_not_allow_is_refused_with_its_reason(
    desk: Desk, about_an_order: dict[str, Any]
) -> None:
    waiting, over = about_an_order, {"headers": {"order_id": await _imported(desk)}}
    order_id, gone = waiting["headers"]["order_id"], {"headers": {"order_id": str(uuid4())}}
    stale = {"headers": waiting["headers"] | {"expected_version": 9}}
    shipping, paying = {"carrier": "DHL", "tracking_number": "1"}, {"card_token": "tok_approve"}
    await require_refused(
        desk,
        [
            Row("unknown", CANCEL, {}, (404,), "unknown_order", gone),
            Row("stale", CANCEL, {}, (412,), "stale_version", stale),
            Row("ship unpaid", "order.ShipOrder", shipping, (409,), "order_not_paid", waiting),
            Row("deliver unshipped", "order.DeliverOrder", {}, (409,), None, waiting),
            Row("pay unvalidated", "order.RequestPayment", paying | {"order_id": order_id}, (409,)),
            Row("refund unpaid", "order.RefundOrder", {"amount": "1"}, (409,), None, waiting),
            Row("delete unfinished", "order.DeleteOrder", {}, (409,), None, waiting),
            Row("cancel completed", CANCEL, {}, (409,), None, over),
            Row("pay twice", "order.RequestPayment", paying | {"order_id": over["headers"]["order_id"]}, (409,)),
            Row("refund too much", "order.RefundOrder", {"amount": "29.98"}, (409, 422), None, over),
            Row("unknown product", CREATE, ORDER | {"product_id": 10**9}, (422,), "unknown_product"),
        ],
    )


async def _imported(desk: Desk) -> str:
    """An order that was paid and completed elsewhere."""
    line = orjson.dumps(IMPORTED | {"item_count": 3, "total": "29.97"})
    url = f"{desk.system.url('command')}/commands/orders/import"
    async with desk.http.post(url, data=line, headers={"Content-Type": "application/x-ndjson"}) as answer:
        assert (await answer.json())["accepted"] == 1
    (commit,) = [commit for commit in await desk.commits() if commit["events"][0]["type"] == "OrderImported"]
    return commit["stream"].removeprefix("order-")
