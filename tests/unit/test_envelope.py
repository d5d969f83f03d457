"""Commits as messages: what comes out is what went in, and nobody else's word is taken (PROTOCOL R3, F4)."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace
from pydantic import TypeAdapter, ValidationError

from common.codec import decode_event, encode_event
from common.envelope import (
    MAX_BODY_BYTES,
    SEALED_HEADERS,
    Commit,
    Message,
    Part,
    RecordedEvent,
    Seal,
    format_instant,
    from_message,
    now_utc,
    to_messages,
    unsealed,
    whole,
)
from common.errors import Undecodable
from common.events.inventory import InventoryUpdated, LowStockDetected
from common.events.orders import OrderCancelled, OrderImported, OrderInitiated, OrderLine, OrderPersonal
from common.values import Money, Name
from tests.support.commits import a_commit, an_event

SEAL = Seal("the key of this system", "log 1")

NAME = TypeAdapter(Name)


def _is_a_name(text: str) -> bool:
    try:
        return bool(NAME.validate_python(text))
    except ValidationError:
        return False


names = st.text(min_size=1, max_size=20).filter(_is_a_name)
instants = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(
    lambda naive: naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
)
ids = st.integers(1, 2**53 - 1)
money = st.builds(Money, amount=st.integers(0, 10**15), currency=st.sampled_from(["EUR", "JPY"]))
lines = st.lists(st.builds(OrderLine, product_id=ids, quantity=st.integers(1, 1000)), min_size=1, max_size=4).map(tuple)
events = st.one_of(
    st.builds(
        InventoryUpdated,
        product_id=ids,
        product_name=st.none() | names,
        quantity=st.none() | st.integers(0, 10**9),
        unit_price=st.none() | money,
        low_stock_threshold=st.none(),
    ),
    st.builds(LowStockDetected, product_id=ids, available=st.just(1), threshold=st.just(2)),
    st.builds(
        OrderInitiated,
        order_id=st.uuids().map(str),
        user_id=ids,
        items=lines,
        personal=st.builds(OrderPersonal, email=st.sampled_from([None, "a@example.org"])),
    ),
    st.builds(OrderCancelled, order_id=st.uuids().map(str), code=names, reason=st.none() | names),
    st.builds(
        OrderImported,
        order_id=st.uuids().map(str),
        user_id=ids,
        source=names,
        line_number=ids,
        placed_at=instants,
        items=lines,
        item_count=st.integers(0, 10**9),
        paid=money,
    ),
)
commits = st.builds(
    Commit,
    position=st.integers(1, 2**53),
    stream=st.sampled_from(["order-7", "inventory-456", "media-a-b"]),
    version=st.integers(1, 10**6),
    partition_key=ids,
    partition=st.integers(0, 255),
    events=st.lists(events.map(encode_event), min_size=1, max_size=6).map(tuple),
    command_id=st.uuids().map(str),
    fingerprint=st.text("0123456789abcdef", min_size=32, max_size=32),
    recorded_at=instants,
    actor=st.sampled_from(["anonymous", "Jörg"]),
    correlation_id=st.none() | st.just("c"),
    causation_id=st.none() | st.just("d"),
    traceparent=st.none() | st.just("e"),
)


def received(message: Message) -> Part:
    return from_message(message.headers, message.body, SEAL)


def spoken(commit: Commit) -> Commit:
    """With its events as the rules see them."""
    return replace(commit, events=tuple(decode_event(event) for event in commit.events))  # type: ignore[arg-type]


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(commits, st.data())
def test_R3_decode_of_messages_equals_decode_of_the_commit(commit: Commit, data: st.DataObject) -> None:
    prev = data.draw(st.integers(0, commit.position - 1))
    parts = [received(message) for message in to_messages(commit, prev, SEAL)]
    assert [(part.index, part.count, part.prev) for part in parts] == [
        (index, len(commit.events), prev) for index in range(len(commit.events))
    ]
    assert spoken(whole(parts)) == spoken(commit)


def test_R3_a_message_is_a_cloud_event_routed_by_partition_context_and_type() -> None:
    commit = a_commit(1207, "order-7", 3, partition=5, events=(an_event(), an_event("Mouse")), traceparent="trace")
    first, second = to_messages(commit, 1200, SEAL)
    assert first.routing_key == "p5.order.InventoryUpdated"
    assert [first.id, second.id] == ["1207.0", "1207.1"]
    said = {name: value for name, value in second.headers.items() if name.startswith("ce-") or name == "traceparent"}
    assert said == {
        "ce-specversion": "1.0",
        "ce-id": "1207.1",
        "ce-source": "/leveret/order",
        "ce-type": "InventoryUpdated",
        "ce-subject": "order-7",
        "ce-time": "2026-01-31T08:30:00.125Z",
        "ce-dataschema": "/leveret/events/InventoryUpdated/1",
        "traceparent": "trace",
    }
    assert json.loads(second.body) == {"product_id": 456, "product_name": "Mouse"}


def test_R3_everything_a_commit_says_is_in_every_message() -> None:
    commit = a_commit(2, actor="a", correlation_id="b", causation_id="c", traceparent="d")
    part = received(to_messages(commit, 1, SEAL)[0])
    assert part.commit == commit
    assert all(getattr(commit, field.name) for field in fields(Commit) if field.name not in ("partition", "chain"))


@pytest.mark.parametrize("with_bodies", [True, False])
def test_R3_an_event_that_is_too_large_goes_out_without_its_body(*, with_bodies: bool) -> None:
    large = RecordedEvent(type="InventoryUpdated", schema=1, data={"text": "x" * MAX_BODY_BYTES})
    small, big = to_messages(a_commit(1, events=(an_event(), large)), 0, SEAL, with_bodies=with_bodies)
    assert (small.body != b"") == with_bodies
    assert big.body == b""
    assert received(small).complete == with_bodies
    assert not received(big).complete


def test_a_draft_at_a_position_is_the_same_but_for_the_position() -> None:
    draft = a_commit(actor="a", correlation_id="b", causation_id="c", traceparent="d", partition=7, version=3)
    assert draft.at(9) == replace(draft, position=9)


def _tamperings() -> list[Any]:
    message = to_messages(a_commit(7, traceparent="t"), 3, SEAL)[0]
    changed = [
        pytest.param(name, value + 1 if isinstance(value, int) else value + "0", id=name)
        for name, value in message.headers.items()
        if name != "log_id"
    ]
    return [*changed, pytest.param("body", "log", id="says it has no body")]


@pytest.mark.parametrize(("name", "value"), _tamperings())
def test_F4_a_message_with_any_header_changed_is_not_ours(name: str, value: Any) -> None:
    message = to_messages(a_commit(7, traceparent="t"), 3, SEAL)[0]
    with pytest.raises(Undecodable, match="sealed") as refused:
        from_message(message.headers | {name: value}, message.body, SEAL)
    assert refused.value.code == "wrong_mac"


def test_F4_a_header_that_a_broker_adds_does_not_make_a_message_foreign() -> None:
    message = to_messages(a_commit(7), 3, SEAL)[0]
    added = {"x-delivery-count": 1, "x-death": [{"queue": "views.p0"}], "bytes": b"\xff"}
    assert from_message(message.headers | added, message.body, SEAL) == received(message)


@pytest.mark.parametrize("name", ["mac", "prev", "position", "traceparent"])
def test_F4_a_message_that_lacks_a_header_is_not_ours(name: str) -> None:
    message = to_messages(a_commit(7, traceparent="t"), 3, SEAL)[0]
    headers = {n: v for n, v in message.headers.items() if n != name}
    with pytest.raises(Undecodable):
        from_message(headers, message.body, SEAL)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"product_id":456,"product_name":"Keyboarb"}'])
def test_F4_a_message_with_another_body_is_not_ours(body: bytes) -> None:
    message = to_messages(a_commit(7), 3, SEAL)[0]
    with pytest.raises(Undecodable, match="sealed"):
        from_message(message.headers, body, SEAL)


@pytest.mark.parametrize("key", ["another key", "", "the key of this system "])
def test_F4_a_message_sealed_with_another_key_is_not_ours(key: str) -> None:
    message = to_messages(a_commit(7), 3, Seal(key, SEAL.log_id))[0]
    with pytest.raises(Undecodable, match="sealed"):
        received(message)


def test_F4_a_message_of_another_log_is_not_ours_though_the_key_is_the_same() -> None:
    message = to_messages(a_commit(7), 3, Seal("the key of this system", "log 2"))[0]
    with pytest.raises(Undecodable) as refused:
        received(message)
    assert refused.value.code == "foreign_log"
    with pytest.raises(Undecodable, match="sealed"):
        from_message(message.headers | {"log_id": SEAL.log_id}, message.body, SEAL)


@pytest.mark.parametrize(
    "headers",
    [{}, {"log_id": "log 1"}, {"log_id": "log 1", "mac": b"\xff"}, {"log_id": "log 1", "x": 2**70}, {"log_id": 1}],
    ids=repr,
)
def test_F4_rubbish_is_undecodable_and_nothing_worse(headers: dict[str, Any]) -> None:
    with pytest.raises(Undecodable):
        from_message(headers, b"\xff", SEAL)


def test_F4_what_is_sealed_and_yet_garbled_is_undecodable() -> None:
    headers: dict[str, Any] = {"log_id": SEAL.log_id}
    headers["mac"] = SEAL.mac(headers, b"{")
    with pytest.raises(Undecodable) as refused:
        from_message(headers, b"{", SEAL)
    assert refused.value.code == "malformed_message"


def a_replay() -> Message:
    return to_messages(a_commit(7, traceparent="t"), 3, SEAL, is_replay=True)[0]


def test_a_replay_says_what_the_live_message_said_and_that_it_is_one() -> None:
    commit = a_commit(7, traceparent="t")
    live, replayed = (to_messages(commit, 3, SEAL, is_replay=is_replay)[0] for is_replay in (False, True))
    differing = {name for name in replayed.headers if replayed.headers[name] != live.headers.get(name)}
    assert (differing, replayed.headers["replay"]) == ({"replay", "mac"}, True)
    assert (replayed.id, replayed.routing_key, replayed.body) == (live.id, live.routing_key, live.body)
    part = from_message(replayed.headers, replayed.body, SEAL, replays=True)
    assert (part.commit, part.is_replay, received(live).is_replay) == (received(live).commit, True, False)


def test_F4_a_replay_is_taken_only_by_who_asks_for_replays() -> None:
    message = a_replay()
    for refuse in (lambda: received(message), lambda: unsealed(message.headers, message.body)):
        with pytest.raises(Undecodable) as refused:
            refuse()
        assert refused.value.code == "replayed"
    assert unsealed(message.headers, message.body, replays=True).is_replay


@pytest.mark.parametrize("value", [None, False, 0, "true"])
def test_F4_a_replay_whose_mark_was_taken_off_is_not_taken_for_live(value: object) -> None:
    message = a_replay()
    with pytest.raises(Undecodable, match="sealed"):
        from_message(message.headers | {"replay": value}, message.body, SEAL)


def test_a_live_message_that_was_marked_is_not_taken_for_a_replay() -> None:
    message = to_messages(a_commit(7), 3, SEAL)[0]
    with pytest.raises(Undecodable, match="sealed"):
        from_message(message.headers | {"replay": True}, message.body, SEAL, replays=True)


def test_a_live_message_has_the_mac_that_it_had_before_there_were_replays() -> None:
    """So versions before and after believe each other; and one from before takes a replay for a forgery."""
    message = to_messages(a_commit(7), 3, SEAL)[0]
    signed = json.dumps([message.headers.get(n) for n in SEALED_HEADERS], separators=(",", ":")).encode()
    key = hashlib.blake2b(b"the key of this system", digest_size=32).digest()
    expected = hashlib.blake2b(signed + b"\n" + message.body, key=key, digest_size=16).hexdigest()
    assert message.headers["mac"] == expected


def test_an_instant_is_written_in_utc_with_milliseconds() -> None:
    assert format_instant(now_utc(1.0009)) == "1970-01-01T00:00:01.000Z"
    assert format_instant(datetime.fromisoformat("2026-01-31T08:30:00.125+02:00")) == "2026-01-31T06:30:00.125Z"
