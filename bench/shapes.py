"""Documents and messages of the size and shape that this system stores and sends, for the raw ceilings."""

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import orjson
from bson import Int64
from pymongo import IndexModel

PARTITIONS = 8

COMMIT_INDEXES = (  # PROTOCOL L1; `_id` has its own
    IndexModel([("stream", 1), ("version", 1)], unique=True),
    IndexModel([("command_id", 1)], unique=True),
    IndexModel([("partition", 1), ("_id", 1)]),
)


def commit(position: int, user_id: int) -> dict[str, Any]:
    """A commit of one OrderInitiated with one line."""
    order_id = str(uuid.uuid4())
    return {
        "_id": Int64(position),
        "stream": f"order-{order_id}",
        "version": 1,
        "partition_key": user_id,
        "partition": crc32(str(user_id).encode()) % PARTITIONS,
        "events": [{"type": "OrderInitiated", "schema": 1, "data": order_placed(order_id, user_id)}],
        "command_id": str(uuid.uuid4()),
        "fingerprint": secrets.token_hex(16),
        "recorded_at": datetime.now(UTC),
        "actor": "anonymous",
        "correlation_id": str(uuid.uuid4()),
        "causation_id": None,
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
    }


def order_placed(order_id: str, user_id: int) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "user_id": user_id,
        "items": [{"product_id": 456, "quantity": 1}],
        "personal": {},
    }


def message_body(user_id: int) -> bytes:
    return orjson.dumps(order_placed(str(uuid.uuid4()), user_id))


def message_headers(position: int) -> dict[str, Any]:
    """As PROTOCOL R3 has them."""
    return {
        "ce-specversion": "1.0",
        "ce-id": f"{position}.0",
        "ce-source": "/orders",
        "ce-type": "OrderInitiated",
        "ce-subject": f"order-{uuid.uuid4()}",
        "ce-time": datetime.now(UTC).isoformat(),
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        "position": position,
        "version": 1,
        "index": 0,
        "count": 1,
        "prev": position - 1,
        "command_id": str(uuid.uuid4()),
        "log_id": str(uuid.uuid4()),
        "mac": secrets.token_hex(16),
    }
