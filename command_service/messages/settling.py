"""One message from its delivery to its outcome: done, refused for good, or dead."""

import asyncio
from collections.abc import Callable

import structlog
from aiormq.abc import DeliveredMessage
from prometheus_client import Counter

from command_service.handling import CommandHandler, Outcome
from command_service.messages.reading import CommandMessage, authorization_of, read_request, route_of
from command_service.messages.replying import Replies, accepted, refused
from command_service.requests import require_correlation_id
from common.access.actors import Actor
from common.access.door import Door
from common.command_queue import Delivery
from common.envelope import Message
from common.errors import BadRequest, InvalidBody, LeveretError, Refusal, TooManyRequests, Unauthenticated, Unavailable
from common.logs import found_by
from common.tasks import BackOff

MESSAGES = Counter(
    "leveret_command_messages_total", "Commands that came by message, by what became of them", ["outcome"]
)

log = structlog.get_logger(__name__)


class Settling:
    """Settles messages; `deadline_seconds` bounds each try of a command, not the number of tries."""

    def __init__(self, handler: CommandHandler, replies: Replies, door: Door, *, deadline_seconds: float) -> None:
        self._handler = handler
        self._door = door
        self._replies = replies
        self._deadline_seconds = deadline_seconds

    async def settle(self, delivery: Delivery) -> None:
        """Have the command done, answer, then take the message out of its queue.

        A crash before the end leaves the message to the next process: it finds the commit under the command's id, and
        answers the same again. While the log is away the command is tried until the delivery's session is lost.
        """
        message = read(delivery.message)
        is_dead = False
        try:
            reply = await self._answer(message, lambda: delivery.is_lost)
        except Unavailable:
            return
        except Exception as error:
            log.exception("command_message_failed", routing_key=_known_key(message), **_found_by(message))
            reply, is_dead = refused(message, _our_fault(error)), True
            MESSAGES.labels("dead").inc()
        await self._replies.send(reply)
        delivery.settle(is_dead=is_dead)

    async def _answer(self, message: CommandMessage, is_lost: Callable[[], bool]) -> Message:
        """Raises Unavailable when the message will come again, and what only a fault of ours can raise."""
        try:
            outcome = await self._insist(message, is_lost)
        except (Refusal, Unauthenticated, BadRequest, InvalidBody) as error:
            MESSAGES.labels(error.code).inc()
            if not message.reply_to:
                log.info(
                    "command_message_refused", routing_key=_known_key(message), code=error.code, **_found_by(message)
                )
            return refused(message, error)
        MESSAGES.labels("replayed" if outcome.replayed else "done" if outcome.changed else "already_so").inc()
        return accepted(message, route_of(message), outcome)

    async def _insist(self, message: CommandMessage, is_lost: Callable[[], bool]) -> Outcome:
        """A token is looked at once: it may end while the command waits for the log."""
        back_off, actor = BackOff(), None
        while True:
            try:
                actor = actor or await self._admit(message)
                deadline = asyncio.get_running_loop().time() + self._deadline_seconds
                return await self._handler.handle(read_request(message, actor, deadline))
            except (Unavailable, TooManyRequests):
                await back_off.pause()
                if is_lost():
                    raise Unavailable("The message will come again.") from None

    async def _admit(self, message: CommandMessage) -> Actor:
        actor = await self._door.admit(authorization_of(message), route_of(message).policy)
        self._door.limits.count(actor)
        return actor


def read(delivered: DeliveredMessage) -> CommandMessage:
    properties = delivered.header.properties
    return CommandMessage(
        routing_key=getattr(delivered.delivery, "routing_key", None) or "",
        body=delivered.body,
        headers=properties.headers or {},
        message_id=properties.message_id,
        app_id=properties.app_id,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
    )


def _found_by(message: CommandMessage) -> dict[str, str]:
    """What a sender gave, where it may stand in a commit."""
    try:
        correlation_id = require_correlation_id(message.correlation_id or None, "A correlation_id")
    except BadRequest:
        correlation_id = None
    return found_by(correlation_id, message.headers.get("traceparent"))


def _known_key(message: CommandMessage) -> str:
    """What strangers write does not go into the log as it is."""
    try:
        route_of(message)
    except BadRequest:
        return "unknown"
    return message.routing_key


def _our_fault(error: Exception) -> LeveretError:
    if isinstance(error, LeveretError):
        return error
    return LeveretError("internal_error", "This is our fault; the command is kept, and was not done.")
