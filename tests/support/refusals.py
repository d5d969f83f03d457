"""Commands by message that must be refused: sent one behind the other, and judged row by row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.support.door import GIVES_AWAY
from tests.support.message_desk import ORDER, Desk
from tests.support.sender import DEAD, QUEUE, Reply

CREATE, CANCEL, STOCK = "order.CreateOrder", "order.CancelOrder", "inventory.UpdateInventory"


@dataclass(frozen=True, slots=True)
class Row:
    """One message and how it is answered; `name` stands in the failure."""

    name: str
    key: str
    body: Any
    statuses: tuple[int, ...]
    code: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])


async def require_refused(desk: Desk, rows: Iterable[Row]) -> None:
    """Each is answered as its row says, the log is as it was, nothing waits or is dead, and the next good one works."""
    rows, before = tuple(rows), await desk.commits()
    sent = [await desk.sender.send_with_reply(row.key, row.body, **row.properties) for row in rows]
    replies = [await desk.sender.answer(correlation_id) for correlation_id in sent]
    wrong = {row.name: reply for row, reply in zip(rows, replies, strict=True) if not _is_as_told(row, reply)}
    assert not wrong, wrong
    assert await desk.commits() == before, "something was written"
    assert (await desk.sender.ask(CREATE, ORDER)).status == 201
    assert [await desk.sender.ready(queue) for queue in (QUEUE, DEAD)] == [0, 0]


def _is_as_told(row: Row, reply: Reply) -> bool:
    """A problem as RFC 9457 wants it, and without a word about what we are made of."""
    said = orjson.dumps(reply.content)
    return (
        reply.status in row.statuses
        and reply.content_type == "application/problem+json"
        and {"type", "title", "detail", "trace_id", "code"} <= reply.content.keys()
        and reply.content["status"] == reply.status
        and reply.content["code"] == (row.code or reply.content["code"])
        and not [clue for clue in GIVES_AWAY if clue in said]
    )
