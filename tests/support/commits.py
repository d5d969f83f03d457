"""Commits as tests need them: whatever a test does not care about is filled in."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from common.envelope import Commit, RecordedEvent

RECORDED_AT = datetime(2026, 1, 31, 8, 30, 0, 125_000, UTC)
_numbers = count(1)


def an_event(name: str = "Keyboard", product_id: int = 456) -> RecordedEvent:
    return RecordedEvent(type="InventoryUpdated", schema=1, data={"product_id": product_id, "product_name": name})


def a_command_id() -> str:
    """Another one every time."""
    return str(UUID(int=next(_numbers)))


def a_commit(position: int = 0, stream: str = "inventory-456", version: int = 1, **rest: Any) -> Commit:
    filled: dict[str, Any] = {
        "partition_key": 456,
        "partition": 0,
        "events": (an_event(),),
        "command_id": a_command_id(),
        "fingerprint": "fingerprint",
        "recorded_at": RECORDED_AT,
    }
    return Commit(position=position, stream=stream, version=version, **(filled | rest))
