"""What the user's document of CQRS with an event broker shows is true of this system: its curls, paths and models."""

import json
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from stack.sample import stock_sample
from stack.servers import PASSWORD, USER
from tests.support.broker import EXCHANGE, Broker, VirtualHost
from tests.support.system import System, until

GATEWAY = "http://localhost:8000"  # in the document
SOON_SECONDS = 20.0
PARTITIONS = range(8)

# From here to the next comment the text is the document's own, to the letter.
CREATE = r"""
curl -X POST http://localhost:8000/cqrs/commands/orders \
  -H "Content-Type: application/json" \
  -d '{
    "user_id": 123,
    "product_id": 456, 
    "quantity": 2
  }'
"""  # noqa: W291
QUERIES = """
# Détails d'une commande
curl http://localhost:8000/cqrs/queries/orders/{order_id}

# Commandes d'un utilisateur
curl http://localhost:8000/cqrs/queries/users/123/orders

# Inventaire
curl http://localhost:8000/cqrs/queries/inventory

# Statistiques
curl http://localhost:8000/cqrs/queries/statistics/orders
"""
COMMAND_PATHS = """
  - `POST /commands/orders` - Créer une commande
  - `POST /commands/payments` - Traiter un paiement  
  - `POST /commands/inventory` - Mettre à jour l'inventaire
"""  # noqa: W291
QUERY_PATHS = """
  - `GET /queries/orders/{id}` - Détails d'une commande
  - `GET /queries/users/{id}/orders` - Commandes d'un utilisateur
  - `GET /queries/inventory` - État de l'inventaire
  - `GET /queries/statistics/orders` - Statistiques des commandes
"""
HEALTH = """
- **Command Service Health**: `GET /cqrs/commands/health`
- **Query Service Health**: `GET /cqrs/queries/health`  
"""  # noqa: W291
ORDER = """
{
  "order_id": "uuid",
  "user_id": 123,
  "user_email": "user@example.com",
  "total_amount": 99.99,
  "status": "PAID",
  "items": [...],
  "payment_info": {...},
  "timeline": [
    {"event": "OrderInitiated", "timestamp": "..."},
    {"event": "OrderValidated", "timestamp": "..."},
    {"event": "OrderPaid", "timestamp": "..."}
  ]
}
"""
INVENTORY = """
{
  "product_id": 456,
  "product_name": "Product Name",
  "available_quantity": 98,
  "reserved_quantity": 2,
  "total_quantity": 100,
  "low_stock_alert": false,
  "pending_orders": [...]
}
"""
SUMMARY = """
{
  "user_id": 123,
  "total_orders": 5,
  "total_spent": 499.95,
  "avg_order_value": 99.99,
  "favorite_products": [...],
  "order_statuses": {"COMPLETED": 3, "SHIPPED": 2}
}
"""
# Here the document ends.


@dataclass(frozen=True, slots=True, kw_only=True)
class Curl:
    """What a curl of the document sends, and where."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


def read_curl(text: str) -> Curl:
    """Understand a command as a shell and curl do."""
    words = iter(shlex.split(text.replace("\\\n", " ")))
    assert next(words) == "curl"
    method, url, headers, body = "GET", "", {}, None
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(":")
                headers[name] = value.strip()
            case "-d":
                body = next(words)
            case _:
                url = word
    assert url.startswith(GATEWAY)
    return Curl(method=method, path=url.removeprefix(GATEWAY), headers=headers, body=body)


def read_paths(text: str) -> list[tuple[str, str]]:
    """Return method and path of each line."""
    return [(words[0], words[1]) for line in text.strip().splitlines() if (words := line.split("`")[1].split())]


def read_model(text: str) -> dict[str, Any]:
    return json.loads(text.replace("[...]", "[]").replace("{...}", "{}"))


class Reader:
    """Somebody who has read the document and has the system before them, with the sample product in stock."""

    def __init__(self, system: System, http: aiohttp.ClientSession) -> None:
        self.system = system
        self._http = http

    async def runs(self, curl: Curl) -> tuple[int, Any]:
        url = self.system.gateway + curl.path
        async with self._http.request(curl.method, url, headers=curl.headers, data=curl.body) as answer:
            return answer.status, await answer.json()

    async def get(self, url: str) -> Any:
        """None where it is not there."""
        async with self._http.get(url) as answer:
            return await answer.json() if answer.status == 200 else None

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._http.post(f"{self.system.gateway}/cqrs/commands/{path}", json=body) as answer:
            assert answer.status in (200, 201), await answer.text()
            return await answer.json()

    async def order_becomes(self, order_id: str, status: str) -> dict[str, Any]:
        url = f"{self.system.gateway}/cqrs/queries/orders/{order_id}"

        async def is_so() -> bool:
            return ((await self.get(url)) or {}).get("status") == status

        await until(is_so, seconds=SOON_SECONDS, what=f"the order is {status}")
        return await self.get(url)

    async def pays(self, **order: object) -> dict[str, Any]:
        """Order product 456 as user 123, wait for the stock, pay."""
        body = {"user_id": 123, "product_id": 456, "quantity": 2, **order}
        order_id = (await self.post("orders", body))["order_id"]
        await self.order_becomes(order_id, "VALIDATED")
        await self.post("payments", {"order_id": order_id, "card_token": "tok_approve"})
        return await self.order_becomes(order_id, "PAID")


@pytest.fixture(scope="module")
async def reader(fulfilling: System) -> AsyncIterator[Reader]:
    assert await stock_sample(fulfilling.gateway) is None
    await fulfilling.settled()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http:
        yield Reader(fulfilling, http)


def check_described(answer: dict[str, Any], text: str) -> None:
    """Every field of the document is there, and of its kind."""
    kinds = {name: type(value) for name, value in read_model(text).items()}
    assert {name: type(answer.get(name)) for name in kinds} == kinds, answer


async def test_the_documents_curls_create_an_order_and_show_it_everywhere(reader: Reader) -> None:
    status, created = await reader.runs(read_curl(CREATE))
    assert (status, created["status"]) == (201, "PENDING")
    await reader.order_becomes(created["order_id"], "VALIDATED")
    await reader.system.settled()
    curls = [
        line.replace("{order_id}", created["order_id"]) for line in QUERIES.splitlines() if line.startswith("curl")
    ]
    answers = [await reader.runs(read_curl(curl)) for curl in curls]
    assert [status for status, _ in answers] == [200] * 4
    order, orders, inventory, statistics = (content for _, content in answers)
    assert (order["user_id"], order["total_amount"]) == (123, 99.98)
    assert [(line["product_id"], line["quantity"]) for line in order["items"]] == [(456, 2)]
    assert created["order_id"] in [listed["order_id"] for listed in orders["data"]]
    assert 456 in [product["product_id"] for product in inventory["data"]]
    assert statistics["total_orders"] >= 1


async def test_a_paid_order_is_as_described(reader: Reader) -> None:
    order = await reader.pays(user_email="user@example.com")
    check_described(order, ORDER)
    assert (order["status"], order["user_email"]) == ("PAID", "user@example.com")
    described = [entry["event"] for entry in read_model(ORDER)["timeline"]]
    told = [entry["event"] for entry in order["timeline"]]
    assert [event for event in told if event in described] == described
    assert all(set(entry) == {"event", "timestamp"} for entry in order["timeline"])


async def test_the_inventory_is_as_described(reader: Reader) -> None:
    order = await reader.pays()
    await reader.system.settled()
    product = await reader.get(f"{reader.system.gateway}/cqrs/queries/inventory/456")
    check_described(product, INVENTORY)
    assert product["total_quantity"] == 100
    assert product["available_quantity"] + product["reserved_quantity"] == 100
    assert product["reserved_quantity"] >= 2
    assert order["order_id"] in [pending["order_id"] for pending in product["pending_orders"]]


async def test_a_users_summary_is_as_described(reader: Reader) -> None:
    await reader.pays(user_id=124)
    summary = await reader.get(f"{reader.system.gateway}/cqrs/queries/users/124/summary")
    check_described(summary, SUMMARY)
    assert (summary["total_spent"], summary["avg_order_value"]) == (99.98, 99.98)
    assert (summary["total_orders"], summary["order_statuses"]) == (1, {"PAID": 1})
    assert summary["favorite_products"][0]["product_id"] == 456


async def test_the_command_service_takes_what_the_document_lists(reader: Reader) -> None:
    """Here without the gateway, as on port 8010: an empty body is understood, and refused for what it lacks."""
    for method, path in read_paths(COMMAND_PATHS):
        url = reader.system.url("command") + path
        async with aiohttp.ClientSession() as http, http.request(method, url, json={}) as answer:
            assert answer.status == 422, path
            assert (await answer.json())["errors"], path


async def test_the_query_service_answers_what_the_document_lists(reader: Reader) -> None:
    order = await reader.pays()
    ids = {"orders": order["order_id"], "users": "123"}
    for method, path in read_paths(QUERY_PATHS):
        assert method == "GET"
        about = path.split("/")[2]
        assert await reader.get(reader.system.url("query") + path.replace("{id}", ids.get(about, ""))), path


async def test_both_sides_tell_their_health(reader: Reader) -> None:
    for _, path in read_paths(HEALTH):
        assert (await reader.get(reader.system.gateway + path))["status"] == "healthy"


@pytest.mark.usefixtures("reader")
async def test_rabbitmqs_pages_show_the_exchange_and_the_queues(rabbitmq: Broker, events_host: VirtualHost) -> None:
    assert (USER, PASSWORD) == ("admin", "admin")
    async with aiohttp.ClientSession(rabbitmq.management_url, headers=rabbitmq.login) as http:
        async with http.get("/") as page:
            assert (page.status, page.content_type) == (200, "text/html")
        async with http.get(f"/api/exchanges/{events_host.name}/{EXCHANGE}") as answer:
            assert (answer.status, (await answer.json())["type"]) == (200, "topic")
    queues = {f"{group}.p{partition}" for group in ("views", "sagas") for partition in PARTITIONS}

    async def are_there() -> bool:
        return queues <= (await events_host.queues()).keys()

    await until(are_there, seconds=SOON_SECONDS, what="each partition has its two queues")
