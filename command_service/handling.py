"""From a command to its answer: decide on what is known, append, say nothing that is not certain (PROTOCOL L6-L10)."""

import asyncio
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from prometheus_client import Counter

from command_service.command_spans import in_span
from command_service.domain.decider import Context, Decider
from command_service.insisting import insist
from command_service.known import Known, advanced, fold
from command_service.streams import Stream, Streams
from common.access.actors import Actor
from common.chain import link
from common.codec import encode_event
from common.envelope import Commit, RecordedEvent, now_utc
from common.errors import CommandRejected, KeyReused, NotFound, PreconditionFailed, Refusal, Unavailable
from common.group_commit import Appender, Replayed, Superseded
from common.log import MAX_COMMIT_BYTES, MAX_EVENTS, Log, LogInfo
from common.spans import tracer
from common.stored_commits import stored_size_bytes
from common.values import Message

SMALL_BODY_BYTES = 8 * 1024  # what such a body makes fits in SMALL_COMMIT_BYTES and is not measured
SMALL_COMMIT_BYTES = 16 * 1024
COMMANDS = Counter("leveret_commands_total", "Commands handled", ["command", "outcome"])
_commands = functools.cache(COMMANDS.labels)


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A command on its way: what, to which stream, by whom, until when.

    `creates` is set where the stream's name is made from the command's id. `deadline` is on the loop's clock.
    """

    command: Message
    decider: Decider[Any, Any, Any]
    subject: str
    command_id: str
    fingerprint: str
    deadline: float
    body_bytes: int = 0
    is_keyed: bool = False
    partition_key: int | None = None
    creates: bool = False
    expected_version: int | None = None
    actor: Actor
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None

    @property
    def stream(self) -> str:
        return f"{self.decider.context}-{self.subject}"


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a command did: where its stream stands, what was written, and whether this or an earlier request did it."""

    subject: str
    command_id: str
    version: int
    position: int
    partition: int | None
    status: str | None
    events: tuple[RecordedEvent, ...] = ()
    recorded_at: datetime | None = None
    changed: bool = True
    replayed: bool = False


@dataclass(slots=True)
class _Doubt:
    """`version` is the highest at which an insert of this command was sent and may still become visible.

    `sent` are the versions and instants of those inserts: by them this request knows its own commit.
    """

    version: int = 0
    sent: set[tuple[int, datetime]] = field(default_factory=set)


class CommandHandler:
    """Handles commands for one process; the appender must call `streams.forget` when it supersedes a stream."""

    def __init__(
        self, log: Log, info: LogInfo, appender: Appender, streams: Streams, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._log = log
        self._info = info
        self._appender = appender
        self._streams = streams
        self._clock = clock
        self._running: dict[str, asyncio.Future[tuple[str, Outcome] | None]] = {}

    async def handle(self, request: Request) -> Outcome:
        """Return what the command did; raises a Refusal, or Unavailable when nobody can say."""
        tracing = tracer()
        return await (in_span(tracing, request, self._counted) if tracing else self._counted(request))

    async def _counted(self, request: Request) -> Outcome:
        name = type(request.command).__name__
        try:
            outcome = await (self._once(request) if request.is_keyed else self._settle(request))
        except (Refusal, Unavailable) as error:
            _commands(name, error.code).inc()
            raise
        _commands(name, "replayed" if outcome.replayed else "done" if outcome.changed else "already_so").inc()
        return outcome

    async def _once(self, request: Request) -> Outcome:
        """Concurrent repeats of a key wait for the first one and get its answer, if it has one to give (L10)."""
        while running := self._running.get(request.command_id):
            if first := await asyncio.shield(running):
                return _repeated(request, *first)
        answer = self._running[request.command_id] = asyncio.get_running_loop().create_future()
        told: tuple[str, Outcome] | None = None
        try:
            outcome = await self._settle(request)
            told = (request.fingerprint, outcome) if outcome.changed else None
            return outcome
        finally:
            del self._running[request.command_id]
            answer.set_result(told)

    async def _settle(self, request: Request) -> Outcome:
        """Try until there is an answer that can be relied on, or the deadline has passed (L8)."""
        doubt = _Doubt()
        may_be_new = iter((request.creates,))
        return await insist(lambda: self._attempt(request, doubt, is_new=next(may_be_new, False)), request.deadline)

    async def _attempt(self, request: Request, doubt: _Doubt, *, is_new: bool) -> Outcome | None:
        """Decide and append once; None means: decide again."""
        context = await self._context(request)
        stream = await self._streams.get(request.stream, request.decider, is_new=is_new)
        # From here to the append nothing is awaited, so that nobody else decides on this state in between.
        try:
            events = _decide(request, stream.ahead, context)
        except Refusal:
            events = ()
        if not events:
            return await self._confirm(request, stream, doubt)
        version = stream.ahead.version + 1
        try:
            return await self._append(request, stream, events, context)
        except Replayed as replay:
            return await self._replay(request, replay.commit, doubt)
        except Superseded as superseded:
            if superseded.unknown:
                return await self._look_up(request, version, context.now, doubt)
        return None

    async def _append(self, request: Request, stream: Stream, events: tuple[Any, ...], context: Context) -> Outcome:
        draft = self._draft(request, stream.ahead, events, context)
        state = advanced(request.decider, stream.ahead, events)
        size_bytes = SMALL_COMMIT_BYTES if _is_small(request) else _measure(draft.events)
        appended = self._appender.append(draft, size_bytes=size_bytes, deadline=request.deadline)
        before = stream.ahead
        stream.queue(before.after(draft, state), appended)
        commit = await asyncio.shield(appended)  # a client that leaves does not take its commit out of the queue
        settled = before.after(commit, state)
        stream.settle(settled)
        self._streams.note(request.stream, request.decider, settled, more_events=len(events))
        return _outcome(request, settled, commit.partition, commit)

    def _draft(self, request: Request, known: Known, events: tuple[Any, ...], context: Context) -> Commit:
        key = request.partition_key if known.partition_key is None else known.partition_key
        if key is None:
            raise NotFound(
                "unknown_" + request.decider.context, f"There is no {request.decider.context} {request.subject}."
            )
        draft = Commit(
            stream=request.stream,
            version=known.version + 1,
            partition_key=key,
            partition=self._info.partition_of(key),
            events=tuple(encode_event(event) for event in events),
            command_id=request.command_id,
            fingerprint=request.fingerprint,
            recorded_at=context.now,
            actor=request.actor.name,
            correlation_id=request.correlation_id,
            causation_id=request.causation_id,
            traceparent=request.traceparent,
        )
        return replace(draft, chain=link(known.chain, draft))

    async def _confirm(self, request: Request, stream: Stream, doubt: _Doubt) -> Outcome | None:
        """L9: what writes nothing is answered only on what the log says, after a look for the command's own commit."""
        if stream.last_queued:
            await asyncio.wait((stream.last_queued,))
        known = await self._streams.read(request.stream, request.decider, stream.settled)
        context = await self._context(request)
        refusal, events = None, ()
        try:
            events = _decide(request, known, context)
        except Refusal as error:
            refusal = error
        if found := await self._log.find_command(request.command_id):
            return await self._replay(request, found, doubt)
        if events:
            self._streams.forget(request.stream)
            return None
        if doubt.version > known.version:
            raise Unavailable("An earlier attempt of this command may still be written.")
        if refusal:
            raise refusal
        partition = None if known.partition_key is None else self._info.partition_of(known.partition_key)
        return replace(_outcome(request, known, partition), changed=False)

    async def _look_up(self, request: Request, version: int, at: datetime, doubt: _Doubt) -> Outcome | None:
        """L8: nobody knows whether the insert at this version was written; ask the log."""
        doubt.version = max(doubt.version, version)
        doubt.sent.add((version, at))
        found = await self._log.find_command(request.command_id)
        return await self._replay(request, found, doubt) if found else None

    async def _replay(self, request: Request, commit: Commit, doubt: _Doubt) -> Outcome:
        """Answer as the commit that carries the command's id was answered; it may be this very request's."""
        if commit.fingerprint != request.fingerprint or commit.stream != request.stream:
            raise _key_reused()
        known = Known(request.decider.initial)
        if commit.version > 1:
            known = await self._streams.read(commit.stream, request.decider, until=commit.version - 1)
        known = fold(request.decider, known, [commit])
        return replace(
            _outcome(request, known, commit.partition, commit),
            replayed=(commit.version, commit.recorded_at) not in doubt.sent,
        )

    async def _context(self, request: Request) -> Context:
        decider = request.decider
        references = decider.references(request.command)
        if decider.owner:
            references |= {f"{decider.owner}-{request.subject}"}
        known_streams = frozenset([name for name in references if await self._streams.exists(name)])
        return Context(
            subject=request.subject, now=now_utc(self._clock()), actor=request.actor, known_streams=known_streams
        )


def _repeated(request: Request, fingerprint: str, outcome: Outcome) -> Outcome:
    if fingerprint != request.fingerprint:
        raise _key_reused()
    return replace(outcome, replayed=True)


def _key_reused() -> KeyReused:
    return KeyReused("idempotency_key_reused", "This Idempotency-Key was used for another command; take a new one.")


def _decide(request: Request, known: Known, context: Context) -> tuple[Any, ...]:
    events = request.decider.decide(request.command, known.state, context)
    if not _is_small(request):
        _measure(tuple(encode_event(event) for event in events))
    if request.expected_version is not None and request.expected_version != known.version:
        raise PreconditionFailed(
            "stale_version", f"If-Match says version {request.expected_version}; it is {known.version} now."
        )
    return events


def _is_small(request: Request) -> bool:
    return request.body_bytes <= SMALL_BODY_BYTES and not request.decider.outgrows


def _measure(events: tuple[RecordedEvent, ...]) -> int:
    size_bytes = stored_size_bytes(events)
    if len(events) > MAX_EVENTS or size_bytes > MAX_COMMIT_BYTES:
        raise CommandRejected(
            "too_large", f"What this command causes is more than {MAX_EVENTS} events or {MAX_COMMIT_BYTES} bytes."
        )
    return size_bytes


def _outcome(request: Request, known: Known, partition: int | None, commit: Commit | None = None) -> Outcome:
    return Outcome(
        subject=request.subject,
        command_id=request.command_id,
        version=known.version,
        position=known.position,
        partition=partition,
        status=request.decider.status(known.state),
        events=commit.events if commit else (),
        recorded_at=commit.recorded_at if commit else None,
    )
