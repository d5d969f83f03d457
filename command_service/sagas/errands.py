"""Wants on their way: each is a command under an id that the saga chose, done or refused for ever (PROTOCOL S2, S3)."""

import asyncio
from datetime import datetime
from typing import Protocol

import msgspec
import orjson

from command_service.handling import CommandHandler, Request
from command_service.sagas.commands import COMMANDS
from command_service.sagas.shapes import Want
from common.access.actors import Actor, Role
from common.bodies import parse_body
from common.envelope import RecordedEvent
from common.errors import KeyReused, Refusal, Unavailable
from common.log import Log
from common.logs import found_by

COMMAND_SECONDS = 5.0  # for one try
ACTOR = Actor(name="saga", role=Role.SYSTEM)
MOST_DETAIL = 500  # characters of a refusal


class Errand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A want on its way: whose it is, and under which id it goes; `partition_key` is the saga's.

    `caused_by` is the command that the saga reacted to, `traceparent` where its commit stands, or the step itself.
    """

    saga_id: str
    command_id: str
    partition_key: int
    want: Want
    caused_by: str | None = None
    traceparent: str | None = None

    @property
    def told(self) -> dict[str, str]:
        """What every log line about it says."""
        named = {"saga": self.saga_id, "step": self.want.step, "command_id": self.command_id}
        return named | found_by(self.saga_id, self.traceparent)


class Done(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="done"):
    """What the log has under the errand's id; a refusal is an event, too. No events: the goal was reached already."""

    events: tuple[RecordedEvent, ...] = ()
    recorded_at: datetime | None = None


class Errands(Protocol):
    """Whoever does errands."""

    async def do(self, errand: Errand) -> Done:
        """Try once; raises Unavailable when nothing can be said about the outcome."""
        ...


class ErrandHandler:
    """Does errands where the appender is."""

    def __init__(self, handler: CommandHandler, log: Log) -> None:
        self._handler = handler
        self._log = log

    async def do(self, errand: Errand) -> Done:
        """One try. What was refused is written down under the same id, so that nothing else can follow (S3)."""
        try:
            try:
                return await self._handle(errand, errand.want)
            except KeyReused:
                raise
            except Refusal as refusal:
                return await self._handle(errand, refused(errand, refusal))
        except KeyReused:  # the id stands in the log, in another stream than the one we tried
            if commit := await self._log.find_command(errand.command_id):
                return Done(events=commit.events, recorded_at=commit.recorded_at)
            raise Unavailable("The outcome is not visible yet.") from None

    async def _handle(self, errand: Errand, want: Want) -> Done:
        command_type, decider = COMMANDS[want.command]
        body = orjson.dumps(want.body)
        outcome = await self._handler.handle(
            Request(
                command=parse_body(command_type, body),
                decider=decider,
                subject=want.subject,
                command_id=errand.command_id,
                is_keyed=True,
                fingerprint=f"saga {errand.want.command}",
                deadline=asyncio.get_running_loop().time() + COMMAND_SECONDS,
                body_bytes=len(body),
                partition_key=errand.partition_key,
                actor=ACTOR,
                correlation_id=errand.saga_id,
                causation_id=errand.caused_by,
                traceparent=errand.traceparent,
            )
        )
        return Done(events=outcome.events, recorded_at=outcome.recorded_at)


def refused(errand: Errand, refusal: Refusal) -> Want:
    """What is done instead."""
    step, round_ = errand.want.step, errand.want.round
    body = {"step": step, "round": round_, "code": refusal.code, "detail": refusal.detail[:MOST_DETAIL]}
    return Want(step=step, round=round_, command="RecordRefusal", subject=errand.saga_id, body=body)
