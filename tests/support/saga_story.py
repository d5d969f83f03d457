"""One saga told as a story: what it hears, and what it wants then."""

from datetime import datetime, timedelta
from typing import Any, Self

from command_service.sagas.folding import Doc, Step, answered, begun, overdue, took
from command_service.sagas.order_fulfilment import order_fulfilment
from command_service.sagas.shapes import Accepted, Refused, Saga, Want
from common.codec import encode_event
from common.envelope import RecordedEvent
from common.events import Event
from tests.support.commits import a_commit
from tests.support.rules import NOW, SUBJECT

PAYMENT_SECONDS = 60.0
IN_TIME = NOW + timedelta(seconds=PAYMENT_SECONDS - 1)
TOO_LATE = NOW + timedelta(seconds=PAYMENT_SECONDS)
SAGA = order_fulfilment(payment_seconds=PAYMENT_SECONDS)


class Story:
    """Every method tells the saga one thing and returns the story; `wants` and `steps` say what came of it."""

    def __init__(self, saga: Saga[Any] = SAGA, subject: str = SUBJECT, partition_key: int = 123) -> None:
        self._saga = saga
        self._stream = f"{saga.context}-{subject}"
        self._partition_key = partition_key
        self._doc: Doc | None = None
        self._position = 0

    @property
    def doc(self) -> Doc:
        assert self._doc, "nothing has happened yet"
        return self._doc

    @property
    def state(self) -> Any:
        return self.doc.state

    @property
    def wants(self) -> str | None:
        """The step that is open."""
        return self.doc.open[0].want.step if self.doc.open else None

    @property
    def all_wants(self) -> list[str]:
        """The steps that are open, side by side."""
        return [step.want.step for step in self.doc.open]

    @property
    def steps(self) -> list[str]:
        """Every step that was ever wanted, in order."""
        return [step.want.step for step in self.doc.steps]

    @property
    def is_over(self) -> bool:
        return self._saga.is_over(self.state) and not self.doc.open

    def body(self) -> dict[str, Any]:
        assert self.doc.open, "nothing is wanted"
        return dict(self.doc.open[0].want.body)

    def happens(self, *events: Event, at: datetime = NOW) -> Self:
        """The events come one commit after the other."""
        for event in events:
            self._take(encode_event(event), at)
        return self

    def happens_what_nobody_knows(self, record: RecordedEvent) -> Self:
        self._take(record, NOW)
        return self

    def accepts(self, *events: Event, step: str | None = None) -> Self:
        """An open want is done: the first, or that of this step."""
        want = self._open(step)
        return self._answer(step, Accepted(step=want.step, round=want.round, events=events))

    def refuses(self, code: str, detail: str = "It cannot be.", *, step: str | None = None) -> Self:
        want = self._open(step)
        return self._answer(step, Refused(step=want.step, round=want.round, code=code, detail=detail))

    def is_told_late(self, command_id: str, *events: Event) -> Self:
        """News of a want that may be closed already."""
        self._doc = answered(self._saga, self.doc, command_id, Accepted(step="any", events=events), NOW)
        return self

    def time_is(self, now: datetime) -> Self:
        self._doc = overdue(self._saga, self.doc, now)
        return self

    def again(self, position: int, event: Event) -> Self:
        """A commit from before comes once more."""
        commit = a_commit(position, self._stream, events=(encode_event(event),))
        self._doc = took(self._saga, self.doc, commit, NOW)
        return self

    def _open(self, step: str | None) -> Want:
        return self._open_step(step).want

    def _open_step(self, name: str | None) -> Step:
        found = [step for step in self.doc.open if name in (None, step.want.step)]
        assert found, f"{name or 'nothing'} is not wanted"
        return found[0]

    def _answer(self, step: str | None, answer: Accepted | Refused) -> Self:
        self._doc = answered(self._saga, self.doc, self._open_step(step).command_id, answer, NOW)
        return self

    def _take(self, record: RecordedEvent, at: datetime) -> None:
        self._position += 1
        commit = a_commit(
            self._position,
            self._stream,
            self._position,
            partition_key=self._partition_key,
            events=(record,),
            recorded_at=at,
        )
        self._doc = took(self._saga, self._doc or begun(self._saga, commit), commit, NOW)
