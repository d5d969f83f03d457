"""A command whose path names a payment is about the payment's order."""

import asyncio

import pytest

from command_service.domain.order_commands import RefundOrder
from command_service.finding import find_subject, told_through
from command_service.routes import THE_PAYMENT
from common.codec import encode_event
from common.errors import BadRequest, Contradiction, NotFound, Unavailable
from common.events.payments import PaymentInitiated
from common.values import CardPersonal
from tests.support.commits import a_commit
from tests.support.memory_log import MemoryLog, Store
from tests.support.order_facts import FIRST, SECOND, TOTAL
from tests.support.rules import SUBJECT

PATIENCE_SECONDS = 2.0
INITIATED = PaymentInitiated(
    payment_id=FIRST, order_id=SUBJECT, amount=TOTAL, personal=CardPersonal(card_token="tok_approve")
)


def soon() -> float:
    return asyncio.get_running_loop().time() + PATIENCE_SECONDS


async def test_a_payment_knows_its_order() -> None:
    log = MemoryLog(Store())
    await log.insert([a_commit(1, f"payment-{FIRST}", events=(encode_event(INITIATED),))])
    assert await find_subject(log, THE_PAYMENT, FIRST, soon()) == SUBJECT


async def test_a_log_that_is_away_for_a_moment_is_asked_again() -> None:
    log = MemoryLog(Store())
    await log.insert([a_commit(1, f"payment-{FIRST}", events=(encode_event(INITIATED),))])
    log.is_cut = True
    asyncio.get_running_loop().call_later(0.1, setattr, log, "is_cut", False)
    assert await find_subject(log, THE_PAYMENT, FIRST, soon()) == SUBJECT


async def test_at_the_deadline_of_the_command_nobody_can_say() -> None:
    log = MemoryLog(Store())
    log.is_cut = True
    with pytest.raises(Unavailable):
        await find_subject(log, THE_PAYMENT, FIRST, asyncio.get_running_loop().time() + 0.1)


async def test_of_a_payment_that_is_not_in_the_log_nothing_is_known() -> None:
    with pytest.raises(NotFound) as refusal:
        await find_subject(MemoryLog(Store()), THE_PAYMENT, SECOND, soon())
    assert refusal.value.code == "unknown_payment"


@pytest.mark.parametrize("given", ["7", FIRST.upper(), "", "$where"])
async def test_what_cannot_be_a_payment_is_not_looked_for(given: str) -> None:
    with pytest.raises(BadRequest) as error:
        await find_subject(MemoryLog(Store()), THE_PAYMENT, given, soon())
    assert error.value.code == "invalid_id"


def test_the_command_is_told_its_payment_once() -> None:
    told = RefundOrder(payment_id=FIRST)
    assert told_through(THE_PAYMENT, FIRST, RefundOrder()) == told
    assert told_through(THE_PAYMENT, FIRST, told) == told
    with pytest.raises(Contradiction) as refusal:
        told_through(THE_PAYMENT, SECOND, told)
    assert refusal.value.code == "another_payment"
