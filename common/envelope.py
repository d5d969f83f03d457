"""A commit, the messages it travels as, and the way back (PROTOCOL R3, F4)."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from common.errors import Undecodable

EXCHANGE = "domain.events"
MAX_BODY_BYTES = 256 * 1024  # a larger event goes out without its body, and the feed reads the log
REPLAY = "replay"  # the header of a message that tells again what was told before (ADR 27)


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as it is stored: its name, the schema it was written in, and its data."""

    type: str
    schema: int
    data: dict[str, Any]


class Commit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One accepted command: all its events. A draft has position 0.

    `chain` is its link to the commit before it in its stream (common/chain.py); the log's own, and in no message.
    """

    position: int = 0
    stream: str
    version: int
    partition_key: int
    partition: int
    events: tuple[RecordedEvent, ...]
    command_id: str
    fingerprint: str
    recorded_at: datetime
    actor: str = "anonymous"
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    chain: bytes | None = None

    def at(self, position: int) -> "Commit":
        """The draft as it stands in the log."""
        return Commit(
            position=position,
            stream=self.stream,
            version=self.version,
            partition_key=self.partition_key,
            partition=self.partition,
            events=self.events,
            command_id=self.command_id,
            fingerprint=self.fingerprint,
            recorded_at=self.recorded_at,
            actor=self.actor,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            traceparent=self.traceparent,
            chain=self.chain,
        )

    @property
    def context(self) -> str:
        """The word before the first dash of the stream's name: `order`, `inventory`."""
        return self.stream.partition("-")[0]

    @property
    def subject(self) -> str:
        """What stands behind it: the id of the order, the product."""
        return self.stream.partition("-")[2]


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event on the wire, or the answer to a command; no two on their way have the same `id`."""

    id: str
    routing_key: str
    headers: dict[str, Any]
    body: bytes
    exchange: str = EXCHANGE
    content_type: str = "application/json"
    correlation_id: str | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of a commit as it came off the wire; `commit` has that one event only.

    `prev` is the position of the partition's previous commit. Without a body (`complete` is False) the event must be
    read from the log.
    """

    commit: Commit
    index: int
    count: int
    prev: int
    complete: bool = True
    is_replay: bool = False


SEALED_HEADERS = [
    "ce-specversion",
    "ce-id",
    "ce-source",
    "ce-type",
    "ce-subject",
    "ce-time",
    "ce-dataschema",
    "position",
    "version",
    "partition_key",
    "partition",
    "command_id",
    "fingerprint",
    "actor",
    "correlation_id",
    "causation_id",
    "traceparent",
    "schema",
    "index",
    "count",
    "prev",
    "log_id",
    "body",
]


class Seal:
    """Makes and checks the MAC that keeps other people's messages out of the views."""

    def __init__(self, key: str, log_id: str) -> None:
        self.log_id = log_id
        self._key = hashlib.blake2b(key.encode(), digest_size=32).digest()

    def mac(self, headers: Mapping[str, Any], body: bytes) -> str:
        """Keyed BLAKE2b over the headers that we make, in a fixed order, then the body; a broker may add others.

        REPLAY counts only where it is: a live message's MAC is what it was before there were replays, and no version
        takes one for live, with the header or without.
        """
        signed = [headers.get(name) for name in SEALED_HEADERS]
        if (replay := headers.get(REPLAY)) is not None:
            signed.append(replay)
        return hashlib.blake2b(orjson.dumps(signed) + b"\n" + body, key=self._key, digest_size=16).hexdigest()


def to_messages(
    commit: Commit, prev: int, seal: Seal, *, with_bodies: bool = True, is_replay: bool = False
) -> tuple[Message, ...]:
    """Return one message per event, in order: CloudEvents 1.0 in AMQP binary mode, plus what our own feed needs."""
    base = {
        "ce-specversion": "1.0",
        "ce-source": "/leveret/" + commit.context,
        "ce-subject": commit.stream,
        "ce-time": format_instant(commit.recorded_at),
        "position": commit.position,
        "version": commit.version,
        "partition_key": commit.partition_key,
        "partition": commit.partition,
        "command_id": commit.command_id,
        "fingerprint": commit.fingerprint,
        "actor": commit.actor,
        "count": len(commit.events),
        "prev": prev,
        "log_id": seal.log_id,
    }
    for name in ("correlation_id", "causation_id", "traceparent"):
        if value := getattr(commit, name):
            base[name] = value
    if is_replay:
        base[REPLAY] = True
    route = f"p{commit.partition}.{commit.context}."
    return tuple(
        _message(event, index, base, route, seal, with_bodies=with_bodies) for index, event in enumerate(commit.events)
    )


def _message(
    event: RecordedEvent, index: int, base: dict[str, Any], route: str, seal: Seal, *, with_bodies: bool
) -> Message:
    body = orjson.dumps(event.data, option=orjson.OPT_UTC_Z)
    headers = base | {
        "ce-id": f"{base['position']}.{index}",
        "ce-type": event.type,
        "ce-dataschema": f"/leveret/events/{event.type}/{event.schema}",
        "schema": event.schema,
        "index": index,
    }
    if not with_bodies or len(body) > MAX_BODY_BYTES:
        headers["body"], body = "log", b""
    headers["mac"] = seal.mac(headers, body)
    return Message(id=headers["ce-id"], routing_key=route + event.type, headers=headers, body=body)


def from_message(headers: Mapping[str, Any], body: bytes, seal: Seal, *, replays: bool = False) -> Part:
    """Return the event that a message carries; Undecodable if it is not one of this log's own.

    Who acts on events must not act twice: a replay is Undecodable, too, unless asked for.
    """
    if headers.get("log_id") != seal.log_id:
        raise Undecodable("foreign_log", "the message belongs to another log")
    try:
        is_ours = seal.mac(headers, body) == headers.get("mac")
    except (ValueError, TypeError) as error:
        raise _malformed(error) from error
    if not is_ours:
        raise Undecodable("wrong_mac", "the message was not sealed with this system's key")
    return unsealed(headers, body, replays=replays)


def unsealed(headers: Mapping[str, Any], body: bytes, *, replays: bool = False) -> Part:
    """The same, on the word of whoever sent it: for readers without the key."""
    if headers.get(REPLAY) is not None and not replays:
        raise Undecodable("replayed", "the message tells again what was told before")
    try:
        return _part(headers, body)
    except (KeyError, ValueError, TypeError) as error:
        raise _malformed(error) from error


def _malformed(error: Exception) -> Undecodable:
    return Undecodable("malformed_message", f"the message lacks or garbles {error}")


def _part(headers: Mapping[str, Any], body: bytes) -> Part:
    _require_sense(headers)
    complete = headers.get("body") != "log"
    event = RecordedEvent(
        type=headers["ce-type"], schema=headers["schema"], data=orjson.loads(body) if complete else {}
    )
    commit = Commit(
        position=headers["position"],
        stream=headers["ce-subject"],
        version=headers["version"],
        partition_key=headers["partition_key"],
        partition=headers["partition"],
        events=(event,),
        command_id=headers["command_id"],
        fingerprint=headers["fingerprint"],
        recorded_at=datetime.fromisoformat(headers["ce-time"]),
        actor=headers["actor"],
        correlation_id=headers.get("correlation_id"),
        causation_id=headers.get("causation_id"),
        traceparent=headers.get("traceparent"),
    )
    return Part(
        commit=commit,
        index=headers["index"],
        count=headers["count"],
        prev=headers["prev"],
        complete=complete,
        is_replay=headers.get(REPLAY) is not None,
    )


def _require_sense(headers: Mapping[str, Any]) -> None:
    """A message can carry our seal and still be nonsense: another version's, or a mistake of ours."""
    numbers = [headers[name] for name in ("prev", "position", "index", "count", "version", "partition", "schema")]
    prev, position, index, count, *_ = numbers
    if not all(type(number) is int for number in numbers):
        raise ValueError("a number")
    if not (0 <= prev < position and 0 <= index < count):
        raise ValueError("the order of its numbers")


def whole(parts: Sequence[Part]) -> Commit:
    """Put the parts of one commit, given in the order of their index, together again."""
    first = parts[0].commit
    if len(parts) == 1:
        return first
    return Commit(
        position=first.position,
        stream=first.stream,
        version=first.version,
        partition_key=first.partition_key,
        partition=first.partition,
        events=tuple(part.commit.events[0] for part in parts),
        command_id=first.command_id,
        fingerprint=first.fingerprint,
        recorded_at=first.recorded_at,
        actor=first.actor,
        correlation_id=first.correlation_id,
        causation_id=first.causation_id,
        traceparent=first.traceparent,
    )


def format_instant(instant: datetime) -> str:
    """RFC 3339, UTC, milliseconds: `2026-01-31T08:30:00.125Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def now_utc(seconds: float) -> datetime:
    """Seconds since the epoch as an aware instant in whole milliseconds."""
    return datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)
