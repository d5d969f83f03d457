"""What a message asks for, what its sender is answered, and when it is settled; without a broker."""

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiormq import spec
from aiormq.abc import DeliveredMessage
from pamqp import decode
from pamqp.header import ContentHeader

from command_service.messages.reading import ROUTES_BY_KEY, CommandMessage, identify_message, read_request
from command_service.messages.replying import refused
from command_service.messages.settling import Settling
from command_service.routes import ROUTES, identify
from command_service.sagas.errands import COMMANDS
from common.access.actors import ANYBODY, Actor
from common.access.door import Door
from common.envelope import Message
from common.errors import BadRequest, InvalidBody, LeveretError
from common.lenient_frames import UNREADABLE, read_leniently
from common.web import MAX_BODY_BYTES
from tests.support.appending import Service
from tests.support.memory_log import MemoryLog, Store
from tests.support.virtual_time import until, virtually

virtual = virtually("common.group_commit")
ORDER_ID = "57410cad-6e90-5177-96c8-1152331f01bb"
STOCK = orjson.dumps({"product_id": 7, "product_name": "Lamp", "quantity": 3})


def a_message(**changes: Any) -> CommandMessage:
    filled: dict[str, Any] = {
        "routing_key": "order.CancelOrder",
        "body": b"{}",
        "headers": {"order_id": ORDER_ID},
        "message_id": "1",
        "content_type": "application/json",
        "reply_to": "answers",
        "correlation_id": "one",
    }
    return CommandMessage(**(filled | changes))


def refusal_of(message: CommandMessage) -> LeveretError:
    with pytest.raises((BadRequest, InvalidBody)) as caught:
        read_request(message, ANYBODY, 0.0)
    return caught.value


# reading


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_command_of_the_routes_has_a_routing_key(route: Any) -> None:
    assert ROUTES_BY_KEY[f"{route.decider.context}.{route.command.__name__}"].command is route.command


def test_no_command_can_be_sent_that_is_not_in_the_routes() -> None:
    internal = {command for command, _ in COMMANDS.values()} - {route.command for route in ROUTES}
    assert internal
    for command in internal:
        for context in ("order", "payment", "inventory", "saga"):
            assert f"{context}.{command.__name__}" not in ROUTES_BY_KEY


def test_a_message_is_the_command_that_its_key_headers_and_body_say() -> None:
    request = read_request(a_message(headers={"order_id": ORDER_ID, "expected_version": 3}), ANYBODY, 5.0)
    assert type(request.command).__name__ == "CancelOrder"
    assert (request.stream, request.expected_version, request.deadline) == (f"order-{ORDER_ID}", 3, 5.0)
    assert (request.correlation_id, request.is_keyed) == ("one", True)


def test_without_a_correlation_id_the_command_begins_a_story_of_its_own() -> None:
    request = read_request(a_message(correlation_id=None), ANYBODY, 0.0)
    assert request.correlation_id == request.command_id


@pytest.mark.parametrize("version", [3, "3"])
def test_an_expected_version_is_a_number_or_its_digits(version: object) -> None:
    headers = {"order_id": ORDER_ID, "expected_version": version}
    assert read_request(a_message(headers=headers), ANYBODY, 0.0).expected_version == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"routing_key": "order.MakeOrder"}, "unknown_command"),
        ({"routing_key": "order.ValidateOrder"}, "unknown_command"),
        ({"routing_key": ""}, "unknown_command"),
        *(({"message_id": message_id}, "missing_message_id") for message_id in (None, "", " ")),
        ({"message_id": "\ufffd"}, "invalid_message_id"),
        ({"message_id": "a\nb"}, "invalid_message_id"),
        ({"app_id": "till\n2"}, "invalid_message_id"),
        ({"content_type": None}, "unsupported_media_type"),
        ({"content_type": "text/plain"}, "unsupported_media_type"),
        ({"content_encoding": "gzip"}, "unsupported_media_type"),
        ({"body": b" " * (MAX_BODY_BYTES + 1)}, "body_too_large"),
        ({"body": b""}, "invalid_json"),
        ({"body": b"{"}, "invalid_json"),
        ({"body": b"\xff\xfe"}, "invalid_json"),
        ({"body": b'{"reason":"a","reason":"b"}'}, "invalid_json"),
        ({"body": b"[]"}, "not_an_object"),
        ({"body": b'{"unknown": 1}'}, "invalid_body"),
        ({"headers": {}}, "missing_id"),
        ({"headers": {"order_id": None}}, "missing_id"),
        ({"headers": {"order_id": True}}, "missing_id"),
        ({"headers": {"order_id": b"\xff"}}, "missing_id"),
        ({"headers": {"order_id": {"$ne": 1}}}, "missing_id"),
        ({"headers": {"order_id": "../../admin"}}, "invalid_id"),
        ({"headers": {"order_id": ORDER_ID.upper()}}, "invalid_id"),
        ({"headers": {"order_id": ORDER_ID, "expected_version": "x"}}, "invalid_expected_version"),
        ({"headers": {"order_id": ORDER_ID, "expected_version": -1}}, "invalid_expected_version"),
        ({"headers": {"order_id": ORDER_ID, "expected_version": True}}, "invalid_expected_version"),
        ({"headers": {"order_id": ORDER_ID, "expected_version": 1.0}}, "invalid_expected_version"),
        ({"headers": dict(UNREADABLE)}, "malformed_headers"),
        ({"correlation_id": "x" * 129}, "invalid_correlation_id"),
        ({"correlation_id": "\u202e"}, "invalid_correlation_id"),
    ],
    ids=str,
)
def test_what_is_not_a_command_is_refused_with_a_code(changes: dict[str, Any], code: str) -> None:
    assert refusal_of(a_message(**changes)).code == code


def test_the_same_message_is_the_same_command() -> None:
    first, second = (
        read_request(a_message(), ANYBODY, 0.0),
        read_request(a_message(reply_to=None), ANYBODY, 9.0),
    )
    assert (first.command_id, first.fingerprint) == (second.command_id, second.fingerprint)


def test_another_body_or_another_id_under_one_message_id_is_another_command() -> None:
    other_id = ORDER_ID.replace("5", "6")
    said = [a_message(), a_message(body=b'{"reason":"x"}'), a_message(headers={"order_id": other_id})]
    assert len({read_request(message, ANYBODY, 0.0).fingerprint for message in said}) == 3


def test_senders_do_not_share_their_message_ids_with_each_other_nor_with_http() -> None:
    ids = {identify_message(ANYBODY, app_id, "1").command_id for app_id in (None, "till", "till2")}
    assert len(ids | {identify(Actor(name=name), "1").command_id for name in ("anonymous", "message", "import")}) == 6


# answering


def test_a_refusal_is_answered_with_a_problem() -> None:
    reply = refused(a_message(), BadRequest("body_too_large", "Less."))
    problem = orjson.loads(reply.body)
    assert (problem["status"], problem["code"], reply.content_type) == (
        413,
        "body_too_large",
        "application/problem+json",
    )
    assert (reply.exchange, reply.routing_key, reply.correlation_id) == ("", "answers", "one")


def test_a_refusal_names_the_fields() -> None:
    message = a_message(body=b'{"reason": 5, "other": 1}')
    problem = orjson.loads(refused(message, refusal_of(message)).body)
    assert {error["pointer"] for error in problem["errors"]} == {"/reason", "/other"}


@pytest.mark.parametrize("correlation_id", [None, "\ufffd", "\u20ac" * 100])
def test_a_correlation_id_that_cannot_be_sent_is_left_out(correlation_id: str | None) -> None:
    assert refused(a_message(correlation_id=correlation_id), BadRequest("x", "x")).correlation_id is None


# settling


@dataclass
class Letter:
    """A delivery whose end can be seen."""

    message: DeliveredMessage
    is_lost: bool = False
    ends: list[str] = field(default_factory=list)

    def settle(self, *, is_dead: bool = False) -> None:
        self.ends.append("dead" if is_dead else "acked")


@dataclass
class Answers:
    """Takes replies as the broker would."""

    sent: list[Message] = field(default_factory=list)

    async def send(self, reply: Message) -> None:
        self.sent.append(reply)

    @property
    def statuses(self) -> list[int]:
        return [reply.headers["status"] for reply in self.sent]


class Desk:
    """Settles messages on a log in memory."""

    def __init__(self) -> None:
        store = Store()
        self.log = MemoryLog(store)
        self.service = Service(self.log, store.info)
        self.answers = Answers()
        self._settling = Settling(self.service.handler, self.answers, Door(None), deadline_seconds=2.0)  # type: ignore[arg-type]

    def take(self, letter: Letter) -> asyncio.Task[None]:
        return asyncio.ensure_future(self._settling.settle(letter))  # type: ignore[arg-type]


def a_letter(body: bytes = STOCK, key: str = "inventory.UpdateInventory", message_id: str = "1") -> Letter:
    properties = spec.Basic.Properties(
        message_id=message_id, content_type="application/json", reply_to="answers", headers={}
    )
    delivery = spec.Basic.Deliver(consumer_tag="", delivery_tag=1, exchange="domain.commands", routing_key=key)
    header = ContentHeader(properties=properties, body_size=len(body))
    return Letter(DeliveredMessage(delivery=delivery, header=header, body=body, channel=None))  # type: ignore[arg-type]


@virtual
async def test_a_command_is_acked_after_its_commit_and_answered() -> None:
    desk, letter = Desk(), a_letter()
    await desk.take(letter)
    assert (desk.log.store.head, letter.ends, desk.answers.statuses) == (1, ["acked"], [201])
    await desk.service.end()


@virtual
async def test_the_same_message_again_gets_the_same_answer_and_writes_nothing() -> None:
    desk = Desk()
    for _ in range(2):
        await desk.take(a_letter())
    first, second = desk.answers.sent
    assert first.body == second.body
    assert [reply.headers["replayed"] for reply in desk.answers.sent] == [False, True]
    assert desk.log.store.head == 1
    await desk.service.end()


@virtual
async def test_a_refusal_is_answered_and_acked() -> None:
    desk, letter = Desk(), a_letter(b'{"product_id": 8, "adjust_by": -5}')
    await desk.take(letter)
    assert (desk.log.store.head, letter.ends, desk.answers.statuses) == (0, ["acked"], [422])
    await desk.service.end()


@virtual
async def test_while_the_log_is_away_a_command_waits_and_others_are_answered() -> None:
    desk, waits, bad = Desk(), a_letter(), a_letter(b"{")
    desk.log.is_cut = True
    waiting = desk.take(waits)
    await desk.take(bad)
    assert desk.answers.statuses == [400]
    await asyncio.sleep(60)
    assert (waits.ends, waiting.done()) == ([], False)
    desk.log.is_cut = False
    await until(waiting.done)
    assert (waits.ends, desk.answers.statuses, desk.log.store.head) == (["acked"], [400, 201], 1)
    await desk.service.end()


@virtual
async def test_a_command_whose_session_is_lost_is_given_up_without_a_word() -> None:
    """It is delivered again."""
    desk, letter = Desk(), a_letter()
    desk.log.is_cut = True
    waiting = desk.take(letter)
    await asyncio.sleep(1)
    letter.is_lost = True
    await until(waiting.done)
    assert (letter.ends, desk.answers.sent) == ([], [])
    await desk.service.end()


@virtual
async def test_a_command_that_we_stumble_over_is_dead_and_not_lost() -> None:
    desk, letter = Desk(), a_letter()
    desk.service.streams.get = _stumble  # type: ignore[method-assign]
    await desk.take(letter)
    assert (letter.ends, desk.answers.statuses) == (["dead"], [500])
    await desk.service.end()


async def _stumble(*_: object, **__: object) -> None:
    raise KeyError("a fault of ours")


# frames


def text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def table(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("shortstr", text(b"a\xff"), "a\ufffd"),
        ("shortstr", text("\u20ac".encode()), "\u20ac"),
        ("table", table(text(b"\xff") + b"t\x01"), UNREADABLE),
        ("table", table(text(b"x") + b"?"), UNREADABLE),
        ("table", table(text(b"x") + b"T" + b"\xff" * 8), UNREADABLE),
        ("table", table(text(b"x") + b"t\x01"), {"x": True}),
        ("timestamp", b"\xff" * 8, None),
    ],
    ids=str,
)
def test_what_the_library_cannot_read_is_read_all_the_same(kind: str, value: bytes, read: object) -> None:
    read_leniently()
    consumed, found = decode.by_type(value + b"what follows", kind)
    assert consumed == len(value)
    assert read is None or found == read
