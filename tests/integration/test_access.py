"""Who may do what, at the gateway and behind it, over HTTP and by message: real services that ask for tokens."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from command_service import aggregates
from command_service.messages.reading import routing_key_of
from command_service.routes import IMPORT_ROUTE, ROUTES
from common.access.actors import Role
from common.access.policies import ADMINS, Policy
from query_service.routes import LOG_QUERIES, QUERIES
from tests.support.broker import Broker, virtual_host
from tests.support.issuing import Issuer, bearer, signed_by_nobody, signed_with_the_public_key
from tests.support.sender import Sender, a_sender
from tests.support.system import WITHOUT_SAGAS, System, running_system, until

ISSUER = Issuer()
ADA, BOB = 42, 43  # customers
LAMP = 900
SOON_SECONDS = 20.0
CUSTOMER, OTHER = bearer(ISSUER.token("customer", ADA)), bearer(ISSUER.token("customer", BOB))
SUPPORT, WAREHOUSE = bearer(ISSUER.token("support", sub="sue")), bearer(ISSUER.token("warehouse"))
ADMIN = bearer(ISSUER.token("admin"))
BY_ROLE = {Role.CUSTOMER: CUSTOMER, Role.SUPPORT: SUPPORT, Role.WAREHOUSE: WAREHOUSE, Role.ADMIN: ADMIN}
IN_PATH = {"order_id": str(uuid4()), "saga_id": str(uuid4()), "payment_id": str(uuid4())}
IN_PATH |= {"product_id": "900", "user_id": "42", "order_number": "ORD-2026-1"}
IN_PATH |= {"position": "1", "correlation_id": "x", "stream": "inventory-900"}
OF_COMMANDS = ("/commands", "/ops/aggregates")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: Any
    headers: Mapping[str, str]


class Client:
    """Speaks to the gateway, or past it."""

    def __init__(self, system: System, http: aiohttp.ClientSession) -> None:
        self.system = system
        self._http = http

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: Any = None,
        *,
        at: str = "gateway",
    ) -> Answer:
        """`path` begins with /commands or /queries."""
        url = self.system.url(at) + ("/cqrs" if at == "gateway" else "") + path
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            return Answer(answer.status, await answer.json(content_type=None), answer.headers)

    async def head(self) -> int:
        return (await self.ask("GET", "/ops/positions", at="command")).content["head"]

    async def ordered(self, who: Mapping[str, str], user_id: int) -> Answer:
        return await self.ask("POST", "/commands/orders", who, {"user_id": user_id, "product_id": LAMP, "quantity": 1})


@pytest.fixture(scope="module")
async def client(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    folder = tmp_path_factory.mktemp("access")
    settings = {"AUTH": "on", "AUTH_KEYS": str(ISSUER.write_to(folder))}
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, folder, services=WITHOUT_SAGAS, **settings) as system,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http,
    ):
        client = Client(system, http)
        stock = {"product_id": LAMP, "product_name": "Lamp", "quantity": 1000, "unit_price": "5.00"}
        assert (await client.ask("POST", "/commands/inventory", WAREHOUSE, stock)).status == 201
        yield client


GUARDED: list[tuple[str, str, Policy]] = [
    *((route.method, route.path, route.policy) for route in (*ROUTES, IMPORT_ROUTE)),
    *(("GET", route.path, route.policy) for route in (*QUERIES, *LOG_QUERIES) if route.policy.roles),
    ("GET", aggregates.PATH, ADMINS),
]


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: IN_PATH[found[1]], path)


async def test_without_a_token_nobody_sends_a_command_or_reads_what_is_personal(client: Client) -> None:
    head = await client.head()
    for at in ("gateway", "itself"):
        for method, path, _ in GUARDED:
            behind = "command" if path.startswith(OF_COMMANDS) else "query"
            answer = await client.ask(method, filled(path), at=behind if at == "itself" else at)
            assert (answer.status, answer.content["code"]) == (401, "missing_token"), (at, method, path)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="leveret"'
    assert await client.head() == head


async def test_each_route_is_for_the_roles_of_its_policy_and_no_other(client: Client) -> None:
    head = await client.head()
    for method, path, policy in GUARDED:
        assert policy.roles
        for role, who in BY_ROLE.items():
            answer = await client.ask(method, filled(path), who)
            is_shut = answer.status == 403 and answer.content["code"] == "forbidden"
            assert is_shut == (role not in policy.roles), (role, method, path, answer)
    assert await client.head() == head  # without bodies, or about what is not there


async def test_what_the_shop_shows_to_everybody_needs_no_token(client: Client) -> None:
    for path, policy in ((route.path, route.policy) for route in QUERIES):
        if policy.roles is None:
            assert (await client.ask("GET", filled(path))).status in (200, 404), path
    for path in ("/commands/health", "/queries/health"):
        assert (await client.ask("GET", path)).status == 200


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([("Authorization", "Basic YWRhOnNlY3JldA==")], id="basic"),
        pytest.param([("Authorization", "Bearer nonsense")], id="nonsense"),
        pytest.param([("Authorization", f"Bearer {signed_by_nobody()}")], id="alg none"),
        pytest.param([("Authorization", f"Bearer {signed_with_the_public_key(ISSUER)}")], id="HS256"),
        pytest.param([("Authorization", f"Bearer {ISSUER.token(exp=1)}")], id="expired"),
        pytest.param([("Authorization", f"Bearer {Issuer().token()}")], id="another issuer's"),
        pytest.param(list(ADMIN.items()) * 2, id="twice"),
    ],
)
async def test_a_bad_token_is_refused_at_the_gateway_and_behind_it(
    client: Client, given: list[tuple[str, str]]
) -> None:
    head = await client.head()
    for at in ("gateway", "command"):
        answer = await client.ask("POST", "/commands/inventory", given, {"product_id": 1, "quantity": 1}, at=at)
        assert answer.status == 401, at
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="leveret", error="invalid_token"')
    assert await client.head() == head


async def test_customers_order_for_themselves_alone(client: Client) -> None:
    refused = await client.ordered(CUSTOMER, BOB)
    assert (refused.status, refused.content["code"]) == (403, "not_your_user_id")
    assert (await client.ordered(CUSTOMER, ADA)).status == 201
    assert (await client.ordered(SUPPORT, ADA)).status == 201


async def test_what_another_ordered_is_not_there(client: Client) -> None:
    order_id = (await client.ordered(CUSTOMER, ADA)).content["order_id"]
    shown = await becomes_visible(client, order_id)
    assert shown.content["user_id"] == ADA
    head = await client.head()
    number = shown.content["order_number"]
    for path in (f"/queries/orders/{order_id}", f"/queries/orders/by-number/{number}"):
        assert (await client.ask("GET", path, CUSTOMER)).status == 200
        assert (await client.ask("GET", path, WAREHOUSE)).status == 200
        hidden = await client.ask("GET", path, OTHER)
        assert (hidden.status, hidden.content["code"]) == (404, "unknown_order")
    missing = await client.ask("GET", "/queries/orders/by-number/ORD-2026-999999", OTHER)
    told = hidden.content["detail"].replace(number, "ORD-2026-999999")
    assert told == missing.content["detail"], "it tells nothing that a number of no order does not tell"
    about = f"/commands/orders/{order_id}"
    address = {"shipping_address": {"line1": "1 Lane", "city": "Bath", "postal_code": "BA1", "country": "GB"}}
    attempts = (
        ("POST", f"{about}/items", {"product_id": LAMP, "quantity": 1}),
        ("POST", f"{about}/items/remove", {"product_id": LAMP, "quantity": 1, "reason": "no"}),
        ("PUT", f"{about}/shipping-address", address),
        ("POST", f"{about}/cancel", {"reason": "no"}),
        ("POST", "/commands/payments", {"order_id": order_id, "card_token": "tok_visa"}),
    )
    for method, path, body in attempts:
        hidden = await client.ask(method, path, OTHER, body)
        assert (hidden.status, hidden.content["code"]) == (404, "unknown_order"), (path, hidden)
    assert await client.head() == head
    assert (await client.ask("POST", f"{about}/cancel", CUSTOMER, {"reason": "mine"})).status == 200


async def becomes_visible(client: Client, order_id: str) -> Answer:
    async def is_there() -> bool:
        return (await client.ask("GET", f"/queries/orders/{order_id}", CUSTOMER)).status == 200

    await until(is_there, seconds=SOON_SECONDS, what="the order is in the view")
    return await client.ask("GET", f"/queries/orders/{order_id}", CUSTOMER)


async def test_lists_and_sums_show_customers_what_is_theirs(client: Client) -> None:
    for who, user_id in ((CUSTOMER, ADA), (OTHER, BOB)):
        token = (await client.ordered(who, user_id)).content["token"]
        answer = await client.ask("GET", "/queries/orders", {**who, "Consistency-Token": token})
        assert {order["user_id"] for order in answer.content["data"]} == {user_id}
    everybody = await client.ask("GET", "/queries/orders", SUPPORT)
    assert {order["user_id"] for order in everybody.content["data"]} >= {ADA, BOB}
    own = (await client.ask("GET", "/queries/orders/count", CUSTOMER)).content["count"]
    assert own == (await client.ask("GET", f"/queries/orders/count?user_id={ADA}", SUPPORT)).content["count"]
    other = await client.ask("GET", f"/queries/orders?user_id={BOB}", CUSTOMER)
    assert (other.status, other.content["code"]) == (403, "not_your_user_id")
    for path in (f"/queries/users/{BOB}/orders", f"/queries/users/{BOB}/summary"):
        assert (await client.ask("GET", path, CUSTOMER)).status == 404
        assert (await client.ask("GET", path, OTHER)).status == 200


async def test_which_orders_wait_for_a_product_is_not_for_everybody(client: Client) -> None:
    order_id = (await client.ordered(CUSTOMER, ADA)).content["order_id"]
    await becomes_visible(client, order_id)
    path = f"/queries/inventory/{LAMP}"
    shown = {
        name: (await client.ask("GET", path, who)).content for name, who in (("staff", WAREHOUSE), ("ada", CUSTOMER))
    }
    shown["nobody"] = (await client.ask("GET", path)).content
    assert order_id in [order["order_id"] for order in shown["staff"]["pending_orders"]]
    assert [shown["ada"]["pending_orders"], shown["nobody"]["pending_orders"]] == [[], []]
    assert shown["nobody"]["pending_orders_count"] == shown["staff"]["pending_orders_count"] > 0


async def test_the_warehouse_ships_and_does_not_cancel(client: Client) -> None:
    order_id = (await client.ordered(CUSTOMER, ADA)).content["order_id"]
    path, body = f"/commands/orders/{order_id}/status", {"status": "CANCELLED", "reason": "no"}
    refused = await client.ask("PUT", path, WAREHOUSE, body)
    assert (refused.status, refused.content["code"]) == (403, "forbidden")
    assert (await client.ask("PUT", path, SUPPORT, body)).status == 200


async def test_the_log_says_who_did_it(client: Client) -> None:
    order_id = (await client.ordered(CUSTOMER, ADA)).content["order_id"]
    assert (
        await client.ask("POST", f"/commands/orders/{order_id}/cancel", SUPPORT, {"reason": "on the phone"})
    ).status == 200
    audit = await client.ask("GET", f"/queries/orders/{order_id}/audit", SUPPORT)
    assert [entry["actor"] for entry in audit.content["data"]] == ["customer:42", "sue"]


async def test_the_same_key_of_two_people_is_two_commands(client: Client) -> None:
    key, body = {"Idempotency-Key": uuid4().hex}, {"user_id": ADA, "product_id": LAMP, "quantity": 1}
    mine = await client.ask("POST", "/commands/orders", CUSTOMER | key, body)
    again = await client.ask("POST", "/commands/orders", CUSTOMER | key, body)
    theirs = await client.ask("POST", "/commands/orders", SUPPORT | key, body)
    assert (again.content["order_id"], again.headers.get("Idempotent-Replayed")) == (mine.content["order_id"], "true")
    assert theirs.content["order_id"] != mine.content["order_id"]


@pytest.fixture
async def sender(client: Client) -> AsyncIterator[Sender]:
    async with a_sender(client.system.amqp_url) as sender:

        async def is_consumed() -> bool:
            return await sender.consumers() == 1

        await until(is_consumed, seconds=SOON_SECONDS, what="commands are consumed")
        yield sender


async def test_a_message_says_who_sends_it_as_a_request_does(client: Client, sender: Sender) -> None:
    head = await client.head()
    order = {"user_id": ADA, "product_id": LAMP, "quantity": 1}
    token = CUSTOMER["Authorization"]
    for headers, body, status in (
        ({}, order, 401),
        ({"authorization": 7}, order, 401),
        ({"authorization": "Bearer x"}, order, 401),
        ({"authorization": token}, order | {"user_id": BOB}, 403),
    ):
        reply = await sender.ask("order.CreateOrder", body, headers=headers)
        assert (reply.status, reply.content_type) == (status, "application/problem+json"), headers
    refused = await sender.ask(
        "inventory.UpdateInventory", {"product_id": LAMP, "quantity": 1}, headers={"authorization": token}
    )
    assert (refused.status, refused.content["code"]) == (403, "forbidden")
    assert await client.head() == head
    assert (await sender.ask("order.CreateOrder", order, headers={"authorization": token})).status == 201


async def test_no_command_by_message_is_open(client: Client, sender: Sender) -> None:
    for route in ROUTES:
        reply = await sender.ask(routing_key_of(route), {}, headers=IN_PATH)
        assert reply.status == 401, route


@pytest.mark.parametrize("service", ["command", "query", "gateway"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"AUTH": "on", "AUTH_KEYS": ""}, "no keys are named"),
        ({"AUTH": "on", "AUTH_KEYS": "/nowhere/jwks.json"}, "no JWKS"),
        ({"AUTH": "off", "BIND_HOST": "0.0.0.0"}, "would let everybody in"),
    ],
    ids=["no keys", "no such file", "open to the world"],
)
async def test_a_service_that_nobody_guards_refuses_to_start(
    mongodb_url: str, tmp_path: Path, service: str, settings: dict[str, str], said: str
) -> None:
    async with running_system(mongodb_url, "", tmp_path, services=(), **settings) as system:
        assert await system.run_until_it_ends(service) == 1
    assert said in (tmp_path / f"{service}.log").read_text()
