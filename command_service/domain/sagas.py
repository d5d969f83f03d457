"""The rules of a saga's own stream: it remembers which of the saga's commands were refused (PROTOCOL S3)."""

from command_service.domain.decider import Context, Decider
from common.events.sagas import CommandRefused, Detail, Round, SagaEvent
from common.values import Code, Message, Name


class RecordRefusal(Message):
    """Sent under the id of the refused command, so that it can be accepted or refused and never both."""

    step: Name
    round: Round
    code: Code
    detail: Detail


def decide(command: RecordRefusal, state: None, context: Context) -> tuple[SagaEvent, ...]:
    return (CommandRefused(step=command.step, round=command.round, code=command.code, detail=command.detail),)


def evolve(state: None, event: SagaEvent) -> None:
    return None


SAGAS: Decider[RecordRefusal, None, SagaEvent] = Decider(
    context="saga",
    id_field="saga_id",
    initial=None,
    state=None,
    decide=decide,
    evolve=evolve,
    status=lambda _: None,
)
