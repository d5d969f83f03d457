"""The contract of messages is valid AsyncAPI, and says of every message what it carries."""

import copy
import functools
import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from command_service.messages.contract import EVENTS_OF, make_message_contract
from command_service.messages.headers import EVENT_HEADERS
from command_service.messages.reading import ROUTES_BY_KEY
from common.command_queue import COMMAND_EXCHANGE
from common.envelope import EXCHANGE, REPLAY, SEALED_HEADERS, Commit, RecordedEvent, Seal, to_messages
from common.events import EVENT_TYPES

OFFICIAL = Path(__file__).parents[1] / "schemas" / "asyncapi-3.0.0.json.gz"
"""The one without ids, as it is in @asyncapi/specs 6.11.1 (Apache-2.0)."""
GOLDEN = Path(__file__).parents[1] / "contract" / "events"
EVENTS = sorted(path.name for path in GOLDEN.glob("*.json"))


@functools.cache
def document() -> dict[str, Any]:
    return make_message_contract()


def faults(document: dict[str, Any]) -> list[str]:
    """By the schema that the AsyncAPI initiative publishes."""
    schema = orjson.loads(gzip.decompress(OFFICIAL.read_bytes()))
    return [error.message[:300] for error in validator_for(schema)(schema).iter_errors(document)]


def misfits(name: str, content: Any, *, part: str = "schemas/{}") -> list[str]:
    registry = Registry().with_resource("urn:messages", Resource(document(), DRAFT202012))
    validator = Draft202012Validator({"$ref": f"urn:messages#/components/{part.format(name)}"}, registry=registry)
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(content)]


def test_the_document_is_valid_asyncapi() -> None:
    assert faults(document()) == []


def test_a_document_that_is_not_would_be_noticed() -> None:
    broken = copy.deepcopy(document())
    broken["channels"]["OrderPaid"]["bindings"] = {"amqp": {"is": "routingKey", "exchange": {"type": "tropic"}}}
    assert faults(broken)


def references(part: Any) -> list[str]:
    match part:
        case {"$ref": str(reference)}:
            return [reference]
        case dict():
            return [found for inner in part.values() for found in references(inner)]
        case list():
            return [found for inner in part for found in references(inner)]
    return []


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(document())):
        part: Any = document()
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_every_event_is_on_its_exchange_under_its_routing_key() -> None:
    named = {name for union in EVENTS_OF.values() for name, kind in EVENT_TYPES.items() if kind in kinds_of(union)}
    assert named == set(EVENT_TYPES)
    channel = document()["channels"]["OrderPaid"]
    assert channel["address"] == "p{partition}.order.OrderPaid"
    bindings = document()["components"]["channelBindings"]
    assert bindings["events"]["amqp"]["exchange"]["name"] == EXCHANGE
    assert bindings["commands"]["amqp"]["exchange"]["name"] == COMMAND_EXCHANGE


def kinds_of(union: Any) -> tuple[type, ...]:
    return getattr(union, "__args__", (union,))


def test_every_command_that_can_be_sent_is_there_under_its_routing_key() -> None:
    addresses = {channel["address"] for channel in document()["channels"].values()}
    assert set(ROUTES_BY_KEY) <= addresses


@pytest.mark.parametrize("golden", EVENTS)
def test_what_is_published_is_what_the_contract_says(golden: str) -> None:
    """Every schema of every event that was ever stored, as the relay sends it."""
    name, schema, _ = golden.split(".")
    data = orjson.loads((GOLDEN / golden).read_bytes())
    commit = Commit(
        position=7,
        stream="order-57410cad-6e90-5177-96c8-1152331f01bb",
        version=1,
        partition_key=1,
        partition=0,
        events=(RecordedEvent(type=name, schema=int(schema), data=data),),
        command_id="57410cad-6e90-5177-96c8-1152331f01bb",
        fingerprint="0" * 32,
        recorded_at=datetime(2026, 1, 31, tzinfo=UTC),
        correlation_id="a story",
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    )
    (message,) = to_messages(commit, 6, Seal("a key for tests", "a log"))
    assert misfits("EventHeaders", message.headers) == []
    assert misfits(name, orjson.loads(message.body), part="messages/{}/payload") == []
    is_newest = int(schema) == EVENT_TYPES[name].schema_version
    assert misfits(name if is_newest else f"{name}{schema}", orjson.loads(message.body)) == []


def test_the_headers_of_events_are_those_that_are_sealed() -> None:
    assert EVENT_HEADERS["properties"].keys() == {*SEALED_HEADERS, REPLAY, "mac"}
