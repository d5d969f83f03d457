"""Commits as people are shown them: who, when and why, and what happened; never what identifies a person or a card."""

from typing import Any

from common.chain import PERSONAL
from common.envelope import Commit, RecordedEvent
from common.values import is_currency
from query_service.money import show_amount
from query_service.shown.orders import AuditedCommit, AuditedEvent


def show_commit(commit: Commit) -> AuditedCommit:
    reasons = [event.data["reason"] for event in commit.events if event.data.get("reason")]
    return {
        "version": commit.version,
        "position": commit.position,
        "recorded_at": commit.recorded_at,
        "actor": commit.actor,
        "reason": reasons[0] if reasons else None,
        "command_id": commit.command_id,
        "correlation_id": commit.correlation_id,
        "causation_id": commit.causation_id,
        "events": [show_event(event) for event in commit.events],
    }


def show_event(event: RecordedEvent) -> AuditedEvent:
    return {"event": event.type, "schema": event.schema, "data": _shown(event.data)}


def _shown(value: Any) -> Any:
    """Without what is personal, and with amounts as people write them."""
    match value:
        case {"amount": int(amount), "currency": str(currency), **rest} if not rest and is_currency(currency):
            return show_amount(amount, currency)
        case dict():
            return {name: _shown(inner) for name, inner in value.items() if name != PERSONAL}
        case list() | tuple():
            return [_shown(inner) for inner in value]
    return value


def without_personal(value: Any) -> Any:
    """As it is stored, but for that."""
    match value:
        case dict():
            return {name: without_personal(inner) for name, inner in value.items() if name != PERSONAL}
        case list() | tuple():
            return [without_personal(inner) for inner in value]
    return value
