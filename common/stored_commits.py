"""How a commit is stored in MongoDB."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from bson import Int64, encode
from msgspec.structs import fields
from pymongo.asynchronous.collection import AsyncCollection

from common.envelope import Commit, RecordedEvent

_FIELDS = {field.name for field in fields(Commit)}


def stored_size_bytes(events: Sequence[RecordedEvent]) -> int:
    return len(encode({"events": [_event_document(event) for event in events]}))


def _event_document(event: RecordedEvent) -> dict[str, Any]:
    return {"type": event.type, "schema": event.schema, "data": event.data}


def to_document(commit: Commit) -> dict[str, Any]:
    return {
        "_id": Int64(commit.position),
        "stream": commit.stream,
        "version": commit.version,
        "partition_key": commit.partition_key,
        "partition": commit.partition,
        "events": [_event_document(event) for event in commit.events],
        "command_id": commit.command_id,
        "fingerprint": commit.fingerprint,
        "recorded_at": commit.recorded_at,
        "actor": commit.actor,
        "correlation_id": commit.correlation_id,
        "causation_id": commit.causation_id,
        "traceparent": commit.traceparent,
        "chain": commit.chain,
    }


def from_document(document: dict[str, Any]) -> Commit:
    """What a later version has written beside is left out: it may run at the same time."""
    document["position"] = int(document.pop("_id"))
    for name in document.keys() - _FIELDS:
        del document[name]
    document["events"] = tuple(RecordedEvent(**event) for event in document["events"])
    return Commit(**document)


WITHOUT_METADATA = {"stream": 1, "version": 1, "partition_key": 1, "partition": 1, "events": 1, "recorded_at": 1}


def to_be_folded(commits: AsyncCollection) -> AsyncCollection:
    """The collection, its instants read without their zone: to give each its zone takes the driver as long as the rest.

    `decode_event` knows that all are UTC.
    """
    return commits.with_options(codec_options=commits.codec_options.with_options(tz_aware=False, tzinfo=None))


def from_partial_document(document: dict[str, Any]) -> Commit:
    """Of a document read WITHOUT_METADATA: nobody is told which command it was, or who sent it."""
    return Commit(
        position=int(document["_id"]),
        stream=document["stream"],
        version=document["version"],
        partition_key=document["partition_key"],
        partition=document["partition"],
        events=tuple([RecordedEvent(**event) for event in document["events"]]),
        command_id="",
        fingerprint="",
        recorded_at=document["recorded_at"].replace(tzinfo=UTC),
    )


def to_commit(document: dict[str, Any] | None) -> Commit | None:
    return from_document(document) if document else None
