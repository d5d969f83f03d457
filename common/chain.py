"""The chain of a stream: each commit's link says what it is and what stood before it, so that neither can change."""

import hashlib

import orjson

from common.envelope import Commit

PERSONAL = "personal"  # a field of an event's data that may be erased, and so is in no link


def link(previous: bytes | None, commit: Commit) -> bytes:
    """Return 32 bytes made of the commit and of the link before it, None at the beginning of a stream.

    Neither its position nor its partition is in it: the one is not known yet, the other may be given anew.
    """
    said = [
        commit.stream,
        commit.version,
        commit.partition_key,
        [[event.type, event.schema, _kept(event.data)] for event in commit.events],
        commit.command_id,
        commit.fingerprint,
        commit.recorded_at,
        commit.actor,
        commit.correlation_id,
        commit.causation_id,
        commit.traceparent,
    ]
    content = orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return hashlib.sha256((previous or b"") + content).digest()


def _kept(data: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if name != PERSONAL} if PERSONAL in data else data
