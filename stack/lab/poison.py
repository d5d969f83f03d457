"""Commits written into the log past the command service, which nobody can read until they are mended.

A commit of ours is known by its command's id, so that one of an earlier run is mended, too. Its link is that of what it
says once it is mended: until then `cqrs log verify` calls it changed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

from msgspec.structs import replace

from common.chain import link
from common.codec import encode_event
from common.envelope import Commit
from common.errors import Unavailable
from common.events import Event
from common.events.orders import OrderDeleted, OrderImported
from common.group_commit import Appender
from common.log import MongoLog, open_log_as_it_is
from common.mongo import open_client, reaching
from common.stored_commits import stored_size_bytes
from common.tasks import end
from common.values import Money
from stack.lab.shown import Mended, Planted

UNKNOWN_SCHEMA = 99
USER_ID = 900_000
MARK = "lab-poison-"
_OURS = {"$gte": MARK, "$lt": MARK[:-1] + "."}  # "." comes next after "-"
SECONDS = 5.0


async def plant(mongodb_url: str, database: str) -> Planted:
    """An order that is there, and then is told something of a schema that there is not. Its saga never begins."""
    async with _opened(mongodb_url, database) as log:
        order_id, now = str(uuid4()), _now()
        imported = OrderImported(
            order_id=order_id,
            user_id=USER_ID,
            source="the lab",
            line_number=1,
            placed_at=now,
            item_count=1,
            paid=Money(amount=100, currency="EUR"),
        )
        first = _draft(log, None, order_id, imported, now)
        healthy = _draft(log, first, order_id, OrderDeleted(order_id=order_id), now)
        (event,) = healthy.events
        poisoned = replace(healthy, events=(replace(event, schema=UNKNOWN_SCHEMA),))
        await _append(log, first)
        commit = await _append(log, poisoned)
        return {"stream": commit.stream, "position": commit.position}


async def mend(mongodb_url: str, database: str) -> Mended:
    """Give what was planted its schema back. Again, it finds nothing."""
    async with _opened(mongodb_url, database) as log:
        planted = {"command_id": _OURS, "events.0.schema": UNKNOWN_SCHEMA}
        change = {"$set": {"events.0.schema": OrderDeleted.schema_version}}
        with reaching("The log cannot be reached."):
            done = await log.database["commits"].update_many(planted, change)
        return {"commits": done.modified_count}


@asynccontextmanager
async def _opened(mongodb_url: str, database: str) -> AsyncIterator[MongoLog]:
    async with open_client(mongodb_url, name="lab") as client:
        log = await open_log_as_it_is(client[database])
        if log is None:
            raise Unavailable("There is no log yet; the first command service makes it.")
        yield log


def _draft(log: MongoLog, before: Commit | None, order_id: str, event: Event, now: datetime) -> Commit:
    draft = Commit(
        stream=f"order-{order_id}",
        version=before.version + 1 if before else 1,
        partition_key=USER_ID,
        partition=log.info.partition_of(USER_ID),
        events=(encode_event(event),),
        command_id=f"{MARK}{uuid4()}",
        fingerprint="",
        recorded_at=now,
        actor="lab",
        correlation_id=order_id,
    )
    return replace(draft, chain=link(before.chain if before else None, draft))


async def _append(log: MongoLog, draft: Commit) -> Commit:
    """Numbered by the same rules as those of the command services, beside which it is written."""
    appender = Appender(log, on_superseded=lambda _: None)
    running = asyncio.create_task(appender.run())
    try:
        deadline = asyncio.get_running_loop().time() + SECONDS
        return await appender.append(draft, size_bytes=stored_size_bytes(draft.events), deadline=deadline)
    finally:
        appender.close()
        await end(running)


def _now() -> datetime:
    """As MongoDB keeps it: the link is made of it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
