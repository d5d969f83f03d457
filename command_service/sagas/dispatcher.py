"""Gets wants done: each is a command under its own id, repeated until it has an outcome (PROTOCOL S2, S3, S5)."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from msgspec.structs import replace
from prometheus_client import Counter, Gauge

from command_service.domain.payments import RecordPaymentResult, RecordRefundResult
from command_service.payment_provider import Charge, Part, PaymentProvider
from command_service.sagas.errands import Errand, Errands, refused
from command_service.sagas.shapes import Accepted, Refused, Want
from common.codec import decode_event
from common.envelope import RecordedEvent
from common.errors import Refusal, Unavailable
from common.events.sagas import CommandRefused
from common.log import Log
from common.spans import tracer
from common.tasks import BackOff, end
from common.values import Message, Money

FIRST_PAUSE_SECONDS = 0.05
MOST_AT_ONCE = 256

log = structlog.get_logger(__name__)
WANTS = Counter("leveret_saga_wants_total", "Wants that have an outcome", ["command", "outcome"])
OPEN = Gauge("leveret_saga_wants_open", "Wants sent and without an outcome")

Answer = Accepted | Refused


@dataclass(slots=True)
class Dispatcher:
    """Sends wants side by side and tells their outcomes; one that was sent already is not sent again."""

    errands: Errands
    log: Log
    provider: PaymentProvider
    tell: Callable[[Errand, Answer], None]
    note: Callable[[Errand, int, str], Awaitable[None]]  # how many tries failed, and why the last one did
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    def send(self, errand: Errand) -> None:
        if errand.command_id not in self._tasks:
            self._tasks[errand.command_id] = asyncio.create_task(self._until_answered(errand))
            OPEN.set(len(self._tasks))

    async def close(self) -> None:
        """Leave off; who comes next sends what is open again."""
        await end(*self._tasks.values())

    async def recall(self, errand: Errand) -> Answer | None:
        """Return the outcome that the log has, if it has one; nothing is sent."""
        commit = await self.log.find_command(errand.command_id)
        return _interpreted(errand.want, commit.events, commit.recorded_at) if commit else None

    async def _until_answered(self, errand: Errand) -> None:
        try:
            answer = await self._traced(errand)
        finally:
            del self._tasks[errand.command_id]
            OPEN.set(len(self._tasks))
        WANTS.labels(errand.want.command, answer.code if isinstance(answer, Refused) else "accepted").inc()
        self.tell(errand, answer)

    async def _traced(self, errand: Errand) -> Answer:
        """In a span of its own where spans are wanted: from the first try to the outcome."""
        tracing = tracer()
        if tracing is None:
            return await self._repeated(errand)
        attributes = {"leveret.saga": errand.saga_id, "leveret.command_id": errand.command_id}
        name = f"step {errand.want.command}"
        with tracing.span(name, "internal", attributes, parent=errand.traceparent) as span:
            answer = await self._repeated(replace(errand, traceparent=span.traceparent))
            span.tell({"leveret.outcome": answer.code if isinstance(answer, Refused) else "accepted"})
            return answer

    async def _repeated(self, errand: Errand) -> Answer:
        back_off = BackOff(FIRST_PAUSE_SECONDS)
        for failed in itertools.count(1):
            try:
                async with self._room:
                    return await self._answer(errand)
            except Unavailable as error:
                reason = error.detail
            except Exception as error:  # a mistake of ours is no outcome (S3): it is tried again, and can be seen
                log.exception("want_failed", **errand.told)
                reason = type(error).__name__
            with contextlib.suppress(Unavailable):
                await self.note(errand, failed, reason)
            await back_off.pause()
        raise AssertionError("unreachable")

    async def _answer(self, errand: Errand) -> Answer:
        """One try, of the provider first where it is asked; what it refuses is written down like any refusal (S3)."""
        want = errand.want
        if ask := _ASKING.get(want.command):
            if known := await self.recall(errand):
                return known
            try:
                result = await ask(self.provider, want)
                want = replace(want, body=result.model_dump(mode="json", exclude_none=True))
            except Refusal as refusal:
                want = refused(errand, refusal)
        done = await self.errands.do(replace(errand, want=want))
        return _interpreted(errand.want, done.events, done.recorded_at)


def _interpreted(want: Want, records: tuple[RecordedEvent, ...], at: datetime | None) -> Answer:
    events = tuple(map(decode_event, records))
    match events:
        case (CommandRefused(code=code, detail=detail),):
            return Refused(step=want.step, round=want.round, code=code, detail=detail)
    return Accepted(step=want.step, round=want.round, events=events, at=at)


async def _charge(provider: PaymentProvider, want: Want) -> RecordPaymentResult:
    """Ask for the money; a provider that is silent until the time is over is told to forget it (S5)."""
    until, card_token = datetime.fromisoformat(want.body["until"]), want.body["card_token"]
    if not card_token:  # it was erased: only what was charged before counts
        return await _void(provider, want)
    try:
        amount = Money.model_validate(want.body["amount"])
        return _result(await provider.charge(want.subject, amount, card_token))
    except Unavailable:
        if datetime.now(UTC) < until:
            raise
    return await _void(provider, want)


async def _void(provider: PaymentProvider, want: Want) -> RecordPaymentResult:
    return _result(await provider.void(want.subject))


def _result(charge: Charge) -> RecordPaymentResult:
    if charge.status == "approved":
        return RecordPaymentResult(approved=True, provider_reference=charge.reference)
    code, reason = charge.code, charge.reason
    if charge.status == "voided":
        code, reason = "not_captured", "The charge was withdrawn before the provider took any money."
    return RecordPaymentResult(approved=False, code=code or "declined", reason=reason)


async def _pay_back(provider: PaymentProvider, want: Want) -> RecordRefundResult:
    """All that is left of a payment, or the part that is named."""
    part = _part(want.body["refund_id"], want.body["amount"]) if want.body else None
    refund = await provider.refund(want.subject, part)
    return RecordRefundResult(provider_reference=refund.reference)


def _part(refund_id: str, amount: Mapping[str, Any]) -> Part:
    return Part(refund_id=refund_id, amount=Money.model_validate(amount))


_ASKING: Mapping[str, Callable[[PaymentProvider, Want], Awaitable[Message]]] = {
    "Charge": _charge,
    "Void": _void,
    "PayBack": _pay_back,
}
