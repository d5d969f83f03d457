"""The headers and properties of messages, as the contract describes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from command_service.routes import MAX_KEY_CHARACTERS
from common.contract.operations import Schema

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_FROM_ONE = {"type": "integer", "minimum": 1}
_TRACEPARENT = {"type": "string", "description": "W3C Trace Context."}

EVENT_HEADERS: dict[str, Any] = {
    "title": "EventHeaders",
    "description": "CloudEvents 1.0 in AMQP's binary mode, and where the event stands in the log.",
    "type": "object",
    "properties": {
        "ce-specversion": {"const": "1.0"},
        "ce-id": {
            "type": "string",
            "description": "`<position>.<index>`, as the property message_id: the same event has always the same.",
            "pattern": r"^[0-9]+\.[0-9]+$",
        },
        "ce-source": {"type": "string", "examples": ["/leveret/order"]},
        "ce-type": {"type": "string", "description": "The event's name."},
        "ce-subject": {"type": "string", "description": "The stream: the context's word and its subject's id."},
        "ce-time": {"type": "string", "format": "date-time", "description": "When it was recorded."},
        "ce-dataschema": {"type": "string", "examples": ["/leveret/events/OrderPaid/1"]},
        "schema": {**_FROM_ONE, "description": "The version of the event's schema."},
        "position": {**_FROM_ONE, "description": "Of its commit in the log."},
        "version": {**_FROM_ONE, "description": "Of its commit in its stream."},
        "index": {**_COUNT, "description": "Of the event in its commit."},
        "count": {**_FROM_ONE, "description": "How many events its commit has."},
        "prev": {**_COUNT, "description": "The position of the partition's commit before."},
        "partition": _COUNT,
        "partition_key": {"type": "integer", "description": "The user's or product's id."},
        "command_id": {"type": "string", "description": "The command that made it."},
        "fingerprint": _TEXT,
        "actor": {"type": "string", "description": "Who sent the command."},
        "correlation_id": _TEXT,
        "causation_id": _TEXT,
        "traceparent": _TRACEPARENT,
        "log_id": {"type": "string", "description": "Of which log it is."},
        "body": {"const": "log", "description": "There is no body; the event is read from the log, or by a query."},
        "replay": {"const": True, "description": "It tells again what was told before; live messages lack it."},
        "mac": {"type": "string", "description": "A keyed hash over all this and the body."},
    },
    "required": [
        *("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "ce-dataschema"),
        *("schema", "position", "version", "index", "count", "prev", "partition", "partition_key"),
        *("command_id", "fingerprint", "actor", "log_id", "mac"),
    ],
}

REPLY_HEADERS: dict[str, Any] = {
    "title": "ReplyHeaders",
    "type": "object",
    "properties": {
        "status": {"type": "integer", "description": "As over HTTP."},
        "replayed": {"type": "boolean", "description": "An earlier message had done it."},
    },
    "required": ["status"],
}

SENDER_PROPERTIES: Mapping[str, Any] = {
    "message_id": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_KEY_CHARACTERS,
        "description": "Needed. Sent again with the same one, it is the same command.",
    },
    "app_id": {"type": "string", "maxLength": MAX_KEY_CHARACTERS, "description": "Whose message_id it is."},
    "content_type": {"const": "application/json"},
    "correlation_id": {"type": "string", "description": "Stands in the answer, and on what the command causes."},
    "reply_to": {"type": "string", "description": "The queue that wants the answer."},
}


def command_headers(ids: Iterable[str]) -> Schema:
    """What stands in the path over HTTP stands in headers here."""
    ids = tuple(ids)
    return {
        "type": "object",
        "properties": {
            **{name: {"type": ["string", "integer"]} for name in ids},
            "expected_version": {"type": ["integer", "string"], "description": "As If-Match over HTTP."},
            "traceparent": _TRACEPARENT,
            "authorization": {"type": "string", "description": "Bearer and a token, where AUTH=on."},
        },
        "required": list(ids),
    }
