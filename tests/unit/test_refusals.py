"""The rule of a saga's own stream: every refusal is remembered."""

from command_service.domain.sagas import SAGAS, RecordRefusal
from common.events.sagas import CommandRefused
from tests.support.rules import given

RECORD = RecordRefusal(step="reserve/456", round=0, code="insufficient_stock", detail="Too few.")
REFUSED = CommandRefused(step="reserve/456", round=0, code="insufficient_stock", detail="Too few.")


def test_a_refusal_is_remembered() -> None:
    given(SAGAS).when(RECORD).then(REFUSED)


def test_a_refusal_like_an_earlier_one_is_remembered_too() -> None:
    given(SAGAS, REFUSED).when(RECORD).then(REFUSED)
