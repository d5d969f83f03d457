"""An order's audit trail: every commit of its stream, with who, when and why, as the log has it."""

from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit, RecordedEvent
from common.errors import NotFound
from common.log import read_commits
from common.values import is_currency
from query_service.answers import Answer, order_id_of
from query_service.money import show_amount
from query_service.paging import invalid_cursor, page, read_cursor, read_limit, write_cursor
from query_service.shown.orders import AuditedCommit, AuditedEvent

PERSONAL = "personal"
"""What identifies a person, or a card, stands below this name in every event, and is not told here."""


async def audit_of_order(http: web.Request, log: AsyncDatabase) -> Answer:
    """In the order of the versions. It is read from the log: what the views do not show yet is there too."""
    order_id, limit = order_id_of(http), read_limit(http.query)
    whose, after = read_cursor(http.query, (str, int)) or [order_id, 0]
    if whose != order_id or not 0 <= after < 2**31:
        raise invalid_cursor()
    commits = await read_commits(log, f"order-{order_id}", after, limit_commits=limit + 1)
    if not commits and not after:
        raise NotFound("unknown_order", f"There is no order {order_id}.")
    shown = [show_commit(commit) for commit in commits[:limit]]
    return Answer(page(shown, write_cursor([order_id, shown[-1]["version"]]) if len(commits) > limit else None))


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
        "events": [_show_event(event) for event in commit.events],
    }


def _show_event(event: RecordedEvent) -> AuditedEvent:
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
