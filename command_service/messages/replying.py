"""What a sender is answered, and how it gets there: over a connection of its own, once, and never at any cost."""

import asyncio
import contextlib
from typing import Any

import orjson
import structlog
from prometheus_client import Counter
from uuid_utils import uuid7

from command_service.handling import Outcome
from command_service.messages.reading import CommandMessage
from command_service.requests import begins_a_stream, content_of
from command_service.routes import CommandRoute
from common.broker import Publisher, Refused, is_routed
from common.envelope import Message
from common.errors import InvalidBody, LeveretError, Unavailable
from common.tracing import trace_id_of
from common.web import PROBLEM_TYPE, problem_content, status_of

REPLY_SECONDS = 5.0  # a broker that has not taken a reply by then does without
MOST_NAME_BYTES = 255  # of a queue, and of a correlation_id
REPLIES = Counter("leveret_command_replies_total", "Answers to commands that came by message", ["outcome"])
STATUSES = {"unknown_command": 404, "body_too_large": 413, "unsupported_media_type": 415}
_REPLACED = "\ufffd"

log = structlog.get_logger(__name__)


def accepted(message: CommandMessage, route: CommandRoute, outcome: Outcome) -> Message:
    status = 201 if begins_a_stream(outcome) else 200
    content = orjson.dumps(content_of(route, outcome), option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)
    return _reply(message, {"status": status, "replayed": outcome.replayed}, content, "application/json")


def refused(message: CommandMessage, error: LeveretError) -> Message:
    errors = error.errors if isinstance(error, InvalidBody) else ()
    status = STATUSES.get(error.code) or status_of(error)
    trace_id = trace_id_of(message.headers.get("traceparent"))
    content = problem_content(status, error.code, error.detail, trace_id, errors)
    return _reply(message, {"status": status}, orjson.dumps(content), PROBLEM_TYPE)


def _reply(message: CommandMessage, headers: dict[str, Any], body: bytes, content_type: str) -> Message:
    return Message(
        id=str(uuid7()),
        routing_key=message.reply_to or "",
        headers=headers,
        body=body,
        exchange="",
        content_type=content_type,
        correlation_id=message.correlation_id if _can_be_named(message.correlation_id) else None,
    )


def _can_be_named(text: str | None) -> bool:
    """What could not be read cannot be sent either."""
    return bool(text) and _REPLACED not in (text or "") and len((text or "").encode()) <= MOST_NAME_BYTES


class Replies:
    """Sends replies. One that cannot be sent is counted: its sender asks again, with the same message_id."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._publisher: Publisher | None = None
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, reply: Message) -> None:
        """Return when the broker has it, or does not want it, or REPLY_SECONDS are over."""
        if not reply.routing_key:
            return
        outcome = await self._outcome(reply) if _can_be_named(reply.routing_key) else "unroutable"
        REPLIES.labels(outcome).inc()
        if outcome != "routed":
            log.info("reply_lost", outcome=outcome)

    async def close(self) -> None:
        self._drop()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _outcome(self, reply: Message) -> str:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                with contextlib.suppress(Unavailable):  # the session may have been lost long ago
                    return await self._publish(reply)
                return await self._publish(reply)
        except Refused:
            return "refused"
        except Unavailable:
            return "unavailable"
        except TimeoutError:
            self._drop()
            return "unavailable"

    async def _publish(self, reply: Message) -> str:
        publisher = await self._open()
        try:
            (confirmation,) = await publisher.publish([reply])
            return "routed" if await is_routed(confirmation) else "unroutable"
        except Unavailable:
            if self._publisher is publisher:
                self._drop()
            raise

    def _drop(self) -> None:
        """Another session is opened when it is needed; this one is closed meanwhile."""
        publisher, self._publisher = self._publisher, None
        if publisher:
            closing = asyncio.create_task(publisher.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _open(self) -> Publisher:
        async with self._opening:
            if self._publisher is None:
                self._publisher = await Publisher.open(self._url, "replies")
            return self._publisher
