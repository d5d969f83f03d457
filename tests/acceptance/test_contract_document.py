"""The contract that the gateway serves, and that the answers of a running system are what it says."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from gateway.operations import make_own_contract
from tests.support.conformance import contract, whole_contract
from tests.support.door import Door, require_problem, spell
from tests.support.system import System, until

PRODUCT = 7001
FILE = {"bucket": "shop", "key": "front.png", "url": "https://files.example.org/front.png", "type": "image"}
A_PRODUCT = {
    "product_id": PRODUCT,
    "name": "Desk lamp",
    "price": "19.99",
    "sku": "LAMP-1",
    "inventory": {"quantity": 5},
    "media": [FILE],
    "inventory_media": [FILE],
    "attributes": [{"key": "colour", "value": "red"}],
}
STREAM = "/cqrs/queries/stream"  # without an end: it has tests of its own
POSITIONS = "/cqrs/ops/positions"  # the gateway's own, which takes any parameter
QUERIES = sorted(
    path
    for path, methods in whole_contract()["paths"].items()
    if "get" in methods and path.startswith(("/cqrs/queries/", "/cqrs/ops/")) and path != POSITIONS
)
REFUSED = {
    "/cqrs/queries/orders/{saga_id}/saga": 404,  # no sagas run here
    "/cqrs/queries/sagas/{saga_id}": 404,
    "/cqrs/ops/sagas/{saga}/{saga_id}": 404,
    "/cqrs/ops/parked/{projection}/{key}": 409,  # nothing is parked
}


async def test_the_gateway_serves_the_contract_that_the_tables_make(door: Door) -> None:
    answer = await door.send(spell("GET", "/cqrs/openapi.json"))
    assert answer.status == 200
    assert answer.content == whole_contract()
    again = await door.send(spell("GET", "/cqrs/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}))
    assert (again.status, again.body) == (304, b"")


async def test_the_gateway_serves_the_contract_of_messages(door: Door) -> None:
    answer = await door.send(spell("GET", "/cqrs/asyncapi.json"))
    assert answer.content["asyncapi"] == "3.0.0"
    assert {"OrderPaid", "CreateOrder"} <= answer.content["channels"].keys()


@pytest.fixture(scope="module")
async def ids(door: Door) -> Mapping[str, str]:
    """Something of each kind to ask for."""
    for command, body in parts_of_a_product():
        answer = await door.post(command, body)
        assert answer.status in (200, 201), answer.body
    placed = await door.place(notes="ring twice", customer_name="Ada", user_email="ada@example.org")
    order = await door.seen(f"orders/{placed['order_id']}", placed["token"])
    await door.system.settled()
    return {
        "order_id": placed["order_id"],
        "saga": "order_fulfilment",
        "saga_id": placed["order_id"],
        "order_number": order["order_number"],
        "user_id": str(order["user_id"]),
        "product_id": str(PRODUCT),
        "position": str(placed["position"]),
        "correlation_id": placed["command_id"],
        "stream": f"order-{placed['order_id']}",
        "name": "orders",
        "projection": "products",
        "key": str(PRODUCT),
    }


def parts_of_a_product() -> list[tuple[str, Any]]:
    """Without sagas each part is made by its own command."""
    place = f"products/{PRODUCT}"
    return [
        ("products", A_PRODUCT),
        (f"{place}/inventory", {"product_name": "Desk lamp", "quantity": 5, "sku": "LAMP-1", "unit_price": "19.99"}),
        (f"{place}/media", FILE),
        (f"{place}/attributes", {"key": "colour", "value": "red"}),
        (f"{place}/inventory/media", FILE),
    ]


@pytest.mark.parametrize("path", [path for path in QUERIES if path != STREAM])
async def test_every_query_is_answered_as_the_contract_says(door: Door, ids: Mapping[str, str], path: str) -> None:
    answer = await door.send(spell("GET", path.format(**ids)))
    assert answer.status == REFUSED.get(path, 200), answer.body
    operation = whole_contract()["paths"][path]["get"]
    if "304" in operation["responses"]:
        tag = {"If-None-Match": answer.headers["ETag"]}
        assert (await door.send(spell("GET", path.format(**ids), headers=tag))).status == 304


@pytest.mark.parametrize("path", sorted(make_own_contract()["paths"]))
async def test_what_the_gateway_tells_itself_is_as_the_contract_says(door: Door, path: str) -> None:
    assert (await door.send(spell("GET", path.format(slug="stale-version")))).status == 200


async def test_sagas_are_shown_as_the_contract_says(fulfilling: System) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        shop = Door(fulfilling, http, PRODUCT)
        stock = {"product_id": PRODUCT, "product_name": "Desk lamp", "quantity": 10**6, "unit_price": "19.99"}
        assert (await shop.post("inventory", stock)).status in (200, 201)
        order_id = (await shop.place())["order_id"]

        async def has_steps() -> bool:
            answer = await shop.get(f"orders/{order_id}/saga")
            return answer.status == 200 and bool(answer.content["steps"])

        await until(has_steps, seconds=20.0, what="the saga has asked for something")
        for path in (f"sagas/{order_id}", "sagas?state=running"):
            assert (await shop.get(path)).status == 200


@pytest.mark.parametrize("path", QUERIES)
async def test_a_query_takes_no_parameter_that_is_not_in_the_contract(
    door: Door, ids: Mapping[str, str], path: str
) -> None:
    if not path.endswith("/health"):
        require_problem(await door.send(spell("GET", path.format(**ids) + "?more=1")), 400, code="unknown_parameter")


async def test_a_refusal_of_the_running_system_leads_to_its_page(door: Door) -> None:
    refused = await door.get("orders/57410cad-6e90-5177-96c8-1152331f01bb")
    require_problem(refused, 404, code="unknown_order")
    page = await door.send(spell("GET", refused.content["type"]))
    assert page.status == 200
    assert refused.content["title"].encode() in page.body


async def test_an_answer_that_the_contract_does_not_know_would_be_noticed(door: Door) -> None:
    answer = await door.get("statistics/orders")
    changed = answer.body.replace(b'"total_orders"', b'"all_orders"')
    with pytest.raises(AssertionError, match="all_orders"):
        contract().check("GET", "/cqrs/queries/statistics/orders", 200, answer.headers, changed)
