"""LOG_FORMAT=json: every line of every service is an object with what machines need, and nothing that is personal."""

import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from pymongo import AsyncMongoClient

from tests.support.system import ROOT, WITHOUT_SAGAS, System, running_system, until

SOON_SECONDS = 20.0
PERSONAL = ("Grace Hopper", "grace@example.org", "Elm Street")
CORRELATION = "monday"


@pytest.fixture(scope="module")
async def system(mongodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Without a broker, so that somebody has something to say."""
    folder = tmp_path_factory.mktemp("logs")
    settings = {"LOG_FORMAT": "json", "LOG_LEVEL": "debug", "PYTHONWARNINGS": "ignore"}
    async with running_system(mongodb_url, "amqp://127.0.0.1:1/", folder, services=WITHOUT_SAGAS, **settings) as made:
        yield made


def lines(system: System) -> list[dict[str, Any]]:
    """Of all services; fails where one is no object."""
    texts = [line for path in system.folder.glob("*.log") for line in path.read_text().splitlines() if line]
    return [json.loads(text) for text in texts]


async def a_poisoned_order(system: System, trace_id: str) -> None:
    """Placed by somebody with a name, and followed by a commit that nobody can read."""
    body = {
        "user_id": 7,
        "product_id": 456,
        "quantity": 1,
        "customer_name": PERSONAL[0],
        "user_email": PERSONAL[1],
        "notes": PERSONAL[2],
    }
    headers = {"X-Correlation-ID": CORRELATION, "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    async with aiohttp.ClientSession() as http:
        stock = {"product_id": 456, "product_name": "Keyboard", "quantity": 5, "unit_price": "9.99"}
        url = f"{system.gateway}/cqrs/commands"
        async with http.post(f"{url}/inventory", json=stock, headers=headers) as answer:
            assert answer.status in (200, 201)
        async with http.post(f"{url}/orders", json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
    async with AsyncMongoClient(system.mongodb_url) as client:
        commits: Any = client[system.events_database]["commits"]
        newest = await commits.find_one({}, sort=[("_id", -1)])
        poison = {
            **newest,
            "_id": newest["_id"] + 1,
            "version": newest["version"] + 1,
            "command_id": secrets.token_hex(8),
        }
        assert newest["stream"].startswith("order-")
        poison["events"] = [{"type": "OrderCancelled", "schema": 99, "data": {"reason": PERSONAL[2]}}]
        await commits.insert_one(poison)


async def test_every_line_is_an_object_with_event_level_time_and_service(system: System) -> None:
    said = lines(system)
    assert {line["service"] for line in said} >= {"command", "projector", "query", "gateway"}
    assert [line for line in said if not {"event", "level", "timestamp", "service"} <= line.keys()] == []


async def test_a_line_about_a_commit_says_which_and_by_what_to_find_the_others(system: System) -> None:
    trace_id = secrets.token_hex(16)
    await a_poisoned_order(system, trace_id)

    async def is_told() -> bool:
        return any(line["event"] == "parked" for line in lines(system))

    await until(is_told, seconds=SOON_SECONDS, what="the projector says that it parked a document")
    told = next(line for line in lines(system) if line["event"] == "parked")
    assert told["correlation_id"] == CORRELATION
    assert told["trace_id"] == trace_id
    assert told["version"] >= 2
    assert told["stream"]
    assert told["position"] >= 2
    assert not [word for word in PERSONAL if word in json.dumps(lines(system))]


def test_what_libraries_say_has_the_same_form() -> None:
    program = (
        "import logging; from common.config import Settings; from common.logs import configure;"
        "configure(Settings(log_format='json'), 'gateway');"
        "logging.getLogger('somebody').warning('hello %s', 'there')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert {name: said[name] for name in ("event", "level", "service", "logger")} == {
        "event": "hello there",
        "level": "warning",
        "service": "gateway",
        "logger": "somebody",
    }
