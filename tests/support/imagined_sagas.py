"""A shop whose orders are fulfilled, in memory: the real rules, and a post in which everything may overtake everything.

It keeps what PROTOCOL S says of the runner and the dispatcher: a command id has one outcome (S3), time is up only when
all that came before was read (S6), and a saga that is folded again asks the log first.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from command_service.domain.decider import Context, Decider
from command_service.domain.inventory import INVENTORY, UpdateInventory
from command_service.domain.payments import RecordPaymentResult, RecordRefundResult
from command_service.domain.sagas import SAGAS, RecordRefusal
from command_service.sagas.commands import COMMANDS
from command_service.sagas.folding import Doc, answered, begun, instead, overdue, took
from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.shapes import Accepted, Refused, Want
from common.access.actors import ANYBODY
from common.bodies import parse_body
from common.codec import decode_event, encode_event
from common.envelope import Commit
from common.errors import Refusal
from common.events import Event
from common.events.sagas import CommandRefused
from common.values import Message, Money
from payments import charges
from payments.charges import Card, Charge, Status

PAYMENT_SECONDS = 30.0
SAGA = order_fulfilment(payment_seconds=PAYMENT_SECONDS)
CLIENT = "a client"


@dataclass(slots=True)
class Provider:
    """The sandbox's own rules on books that lie open."""

    entries: dict[str, Charge] = field(default_factory=dict)
    moved: dict[str, list[str]] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)  # minor units by payment

    def ask(self, payment_id: str, rule: Callable[[Charge], charges.Decision]) -> Charge:
        before = self.entries.get(payment_id, Charge(payment_id=payment_id))
        after, movement = rule(before)
        self.entries[payment_id] = after
        if movement:
            self.moved.setdefault(payment_id, []).append(movement.kind)
            self.kept[payment_id] += movement.amount.amount * (1 if movement.kind == "capture" else -1)
        return after


@dataclass(slots=True)
class ImaginedSagas:
    """`is_silent` may be asked before every answer of the provider: whether it gets lost."""

    is_silent: Callable[[], bool] = lambda: False
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    log: list[Commit] = field(default_factory=list)
    docs: dict[str, Doc] = field(default_factory=dict)
    told: list[tuple[str, str, Accepted | Refused]] = field(default_factory=list)
    provider: Provider = field(default_factory=Provider)
    sent: dict[str, tuple[str, Want]] = field(default_factory=dict)  # command id → saga and want
    read: int = 0  # so many commits were folded
    level_at: int = 0
    _states: dict[str, Any] = field(default_factory=dict)
    _by_command: dict[str, Commit] = field(default_factory=dict)
    _due: list[tuple[str, int]] = field(default_factory=list)
    _numbers: int = 0

    # What clients do

    def does(self, decider: Decider[Any, Any, Any], subject: str, command: Message) -> bool:
        """A client's command; False when it is refused."""
        try:
            self._handle(decider, subject, command, self.an_id(), actor=CLIENT)
        except Refusal:
            return False
        return True

    def stock(self, product_id: int, quantity: int) -> None:
        command = UpdateInventory(
            product_id=product_id, product_name="Thing", quantity=quantity, unit_price=Money(amount=100, currency="EUR")
        )
        self.does(INVENTORY, str(product_id), command)

    def an_id(self) -> str:
        self._numbers += 1
        return str(UUID(int=self._numbers, version=4))

    # What the runner does

    def fold(self) -> None:
        """The next commit of the log."""
        if self.read == len(self.log):
            return
        commit = self.log[self.read]
        self.read += 1
        if commit.context != "order":
            return
        doc = took(SAGA, self.docs.get(commit.subject) or begun(SAGA, commit), commit, self.now)
        self.docs[commit.subject] = doc
        while commit.position <= self.level_at and doc.open:
            found = self._with_outcome(doc) or self._with_outcome(instead(SAGA, doc, self.now))
            if found is None:
                break
            doc = self.docs[commit.subject] = found

    def _with_outcome(self, doc: Doc) -> Doc | None:
        for step in doc.open:
            if known := self._recall(step.command_id):
                return answered(SAGA, doc, step.command_id, known, self.now)
        return None

    def hear(self, number: int) -> None:
        """One of the outcomes that are on their way."""
        if self.told:
            saga_id, command_id, answer = self.told.pop(number % len(self.told))
            if doc := self.docs.get(saga_id):
                self.docs[saga_id] = answered(SAGA, doc, command_id, answer, self.now)

    def look_at_the_clock(self) -> None:
        for saga_id, doc in self.docs.items():
            due_at = SAGA.waits_until(doc.state)
            if due_at and due_at <= self.now:
                self._due.append((saga_id, len(self.log)))

    def act_on_time(self) -> None:
        ready = [due for due in self._due if self.read >= due[1]]
        self._due = [due for due in self._due if due not in ready]
        for saga_id, _ in ready:
            self.docs[saga_id] = overdue(SAGA, self.docs[saga_id], self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def forget_everything(self) -> None:
        """The documents and checkpoints are gone: all is folded again."""
        self.docs.clear()
        self._due.clear()
        self.read, self.level_at = 0, len(self.log)

    def wanted(self) -> list[str]:
        """The command ids of all open wants that may be sent."""
        if self.read < self.level_at:
            return []
        steps = [(doc.saga_id, step) for doc in self.docs.values() for step in doc.open]
        for saga_id, step in steps:
            asked = self.sent.setdefault(step.command_id, (saga_id, step.want))
            assert asked == (saga_id, step.want), "S2: another want has the same id"
        return [step.command_id for _, step in steps]

    def send(self, command_id: str) -> None:
        """Try a want that is open, or once was: a process that knows no better may send it late."""
        saga_id, want = self.sent[command_id]
        if answer := self._recall(command_id) or self._try(saga_id, want, command_id):
            self.told.append((saga_id, command_id, answer))

    # How a want is done

    def _recall(self, command_id: str) -> Accepted | Refused | None:
        commit = self._by_command.get(command_id)
        if commit is None:
            return None
        step, round_ = commit.fingerprint.split()
        return _interpreted(step, int(round_), _events(commit))

    def _try(self, saga_id: str, want: Want, command_id: str) -> Accepted | Refused | None:
        decider = COMMANDS[want.command][1]
        try:
            if (command := self._command(want)) is None:
                return None
            events = self._handle(
                decider, want.subject, command, command_id, of=saga_id, step=f"{want.step} {want.round}"
            )
        except Refusal as refusal:
            told = RecordRefusal(step=want.step, round=want.round, code=refusal.code, detail=refusal.detail)
            events = self._handle(SAGAS, saga_id, told, command_id, of=saga_id, step=f"{want.step} {want.round}")
        return _interpreted(want.step, want.round, events)

    def _command(self, want: Want) -> Message | None:
        if rule := self._asking(want):
            charge = self.provider.ask(want.subject, rule)
            return None if self.is_silent() else _result(want, charge)
        return parse_body(COMMANDS[want.command][0], orjson.dumps(want.body))

    def _asking(self, want: Want) -> Callable[[Charge], charges.Decision] | None:
        if want.command == "PayBack" and want.body:
            part = Money.model_validate(want.body["amount"])
            return lambda charge: charges.refund(charge, want.body["refund_id"], part)
        if want.command != "Charge":
            return {"Void": charges.void, "PayBack": charges.refund}.get(want.command)
        card = charges.card_of(want.body["card_token"])
        if card is Card.NEVER and datetime.fromisoformat(want.body["until"]) <= self.now:
            return charges.void
        amount = Money.model_validate(want.body["amount"])
        return lambda charge: charges.ask(charge, amount, card, failures=1)

    def _handle(
        self,
        decider: Decider[Any, Any, Any],
        subject: str,
        command: Message,
        command_id: str,
        *,
        of: str | None = None,
        step: str = "",
        actor: str = "saga",
    ) -> tuple[Event, ...]:
        stream = f"{decider.context}-{subject}"
        state = self._states.get(stream, decider.initial)
        known = frozenset(name for name in self._states if name.startswith("inventory-"))
        context = Context(subject=subject, now=self.now, actor=ANYBODY, known_streams=known)
        events = decider.decide(command, state, context)
        if not events:
            return ()
        for event in events:
            state = decider.evolve(state, event)
        self._states[stream] = state
        version = sum(commit.stream == stream for commit in self.log) + 1
        commit = Commit(
            position=len(self.log) + 1,
            stream=stream,
            version=version,
            partition_key=1,
            partition=0,
            events=tuple(encode_event(event) for event in events),
            command_id=command_id,
            fingerprint=step,
            recorded_at=self.now,
            actor=actor,
            correlation_id=of,
        )
        self.log.append(commit)
        self._by_command[command_id] = commit
        return events

    # What there is to see

    def order(self, order_id: str) -> Any:
        return self._states[f"order-{order_id}"]

    def inventories(self) -> Mapping[str, Any]:
        return {name: state for name, state in self._states.items() if name.startswith("inventory-")}

    def orders(self) -> list[str]:
        return [name.removeprefix("order-") for name in self._states if name.startswith("order-")]


def _result(want: Want, charge: Charge) -> Message | None:
    if want.command == "PayBack":
        return RecordRefundResult(provider_reference=charge.refunds[-1].reference)
    match charge.status:
        case Status.PENDING:
            return None
        case Status.APPROVED:
            return RecordPaymentResult(approved=True, provider_reference=charge.capture_reference)
        case Status.DECLINED | Status.VOIDED:
            return RecordPaymentResult(approved=False, code="declined")


def _events(commit: Commit) -> tuple[Event, ...]:
    return tuple(decode_event(record) for record in commit.events)


def _interpreted(step: str, round_: int, events: tuple[Event, ...]) -> Accepted | Refused:
    match events:
        case (CommandRefused(code=code, detail=detail),):
            return Refused(step=step, round=round_, code=code, detail=detail)
    return Accepted(step=step, round=round_, events=events)
