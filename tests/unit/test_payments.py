"""The rules of a payment: each command happens, is refused, stays quiet."""

from typing import Any

import pytest
from pydantic import ValidationError

from command_service.domain.payments import (
    PAYMENTS,
    ProcessPayment,
    RecordPaymentResult,
    RecordRefundResult,
    RefundPayment,
)
from common.codec import decode_event, encode_event
from common.envelope import RecordedEvent
from common.events.payments import (
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRefundInitiated,
)
from common.values import CardPersonal, Message, Money
from tests.support.rules import SUBJECT, given

ORDER = "0198f3b4-2222-7000-8000-000000000000"
AMOUNT = Money(amount=9998, currency="EUR")
PROCESS = ProcessPayment(payment_id=SUBJECT, order_id=ORDER, amount=AMOUNT, card_token="tok_approve")
PROCESS_NOTHING = ProcessPayment(payment_id=SUBJECT, order_id=ORDER, amount=AMOUNT)
APPROVE = RecordPaymentResult(approved=True, provider_reference="ch_1")
DECLINE = RecordPaymentResult(approved=False, code="insufficient_funds", reason="Declined.")
GIVEN_BACK = RecordRefundResult(provider_reference="re_1")

INITIATED = PaymentInitiated(
    payment_id=SUBJECT, order_id=ORDER, amount=AMOUNT, personal=CardPersonal(card_token="tok_approve")
)
PROCESSED = PaymentProcessed(payment_id=SUBJECT, order_id=ORDER, amount=AMOUNT, provider_reference="ch_1")
FAILED = PaymentFailed(payment_id=SUBJECT, order_id=ORDER, code="insufficient_funds", reason="Declined.")
REFUND_INITIATED = PaymentRefundInitiated(payment_id=SUBJECT, order_id=ORDER, amount=AMOUNT)
REFUNDED = PaymentRefunded(payment_id=SUBJECT, order_id=ORDER, amount=AMOUNT, provider_reference="re_1")

Facts = tuple[PaymentEvent, ...]
A_PROCESSED_PAYMENT: Facts = (INITIATED, PROCESSED)
A_FAILED_PAYMENT: Facts = (INITIATED, FAILED)
A_REFUND_IN_PROGRESS: Facts = (*A_PROCESSED_PAYMENT, REFUND_INITIATED)
A_REFUNDED_PAYMENT: Facts = (*A_REFUND_IN_PROGRESS, REFUNDED)


def test_a_payment_is_initiated() -> None:
    given(PAYMENTS).when(PROCESS).then(INITIATED)


@pytest.mark.parametrize("facts", [(INITIATED,), A_PROCESSED_PAYMENT, A_FAILED_PAYMENT, A_REFUNDED_PAYMENT])
def test_a_payment_that_is_there_is_not_initiated_again(facts: Facts) -> None:
    given(PAYMENTS, *facts).when(PROCESS).stays_quiet()


def test_a_payment_whose_card_was_erased_is_not_begun() -> None:
    given(PAYMENTS).when(PROCESS_NOTHING).rejects("card_token_erased")


def test_that_its_card_was_erased_later_changes_nothing_of_a_payment() -> None:
    given(PAYMENTS, INITIATED).when(PROCESS_NOTHING).stays_quiet()


@pytest.mark.parametrize("erased", [{}, {"personal": {}}, {"personal": {"card_token": None}}])
def test_a_payment_whose_card_was_erased_can_be_read(erased: dict[str, Any]) -> None:
    data = {name: value for name, value in encode_event(INITIATED).data.items() if name != "personal"} | erased
    event = decode_event(RecordedEvent(type="PaymentInitiated", schema=1, data=data))
    assert event == INITIATED.model_copy(update={"personal": CardPersonal()})


@pytest.mark.parametrize("command", [APPROVE, DECLINE, RefundPayment(), GIVEN_BACK])
def test_a_payment_that_is_not_there_has_no_result(command: Message) -> None:
    given(PAYMENTS).when(command).rejects("unknown_payment")


@pytest.mark.parametrize(("command", "fact"), [(APPROVE, PROCESSED), (DECLINE, FAILED)])
def test_what_the_provider_said_is_recorded(command: Message, fact: PaymentEvent) -> None:
    given(PAYMENTS, INITIATED).when(command).then(fact)


@pytest.mark.parametrize("command", [APPROVE, DECLINE])
@pytest.mark.parametrize("facts", [A_PROCESSED_PAYMENT, A_FAILED_PAYMENT, A_REFUND_IN_PROGRESS, A_REFUNDED_PAYMENT])
def test_the_first_result_stands(facts: Facts, command: Message) -> None:
    given(PAYMENTS, *facts).when(command).stays_quiet()


@pytest.mark.parametrize("fields", [{"approved": True}, {"approved": False}, {"approved": True, "code": "x"}])
def test_a_result_says_what_it_rests_on(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RecordPaymentResult(**fields)


def test_a_captured_payment_is_given_back() -> None:
    given(PAYMENTS, *A_PROCESSED_PAYMENT).when(RefundPayment()).then(REFUND_INITIATED)


@pytest.mark.parametrize("facts", [(INITIATED,), A_FAILED_PAYMENT])
def test_what_was_not_captured_is_not_given_back(facts: Facts) -> None:
    given(PAYMENTS, *facts).when(RefundPayment()).rejects("payment_not_captured")


@pytest.mark.parametrize("facts", [A_REFUND_IN_PROGRESS, A_REFUNDED_PAYMENT])
def test_a_refund_is_not_begun_twice(facts: Facts) -> None:
    given(PAYMENTS, *facts).when(RefundPayment()).stays_quiet()


def test_the_end_of_a_refund_is_recorded() -> None:
    given(PAYMENTS, *A_REFUND_IN_PROGRESS).when(GIVEN_BACK).then(REFUNDED)


@pytest.mark.parametrize("facts", [(INITIATED,), A_PROCESSED_PAYMENT, A_FAILED_PAYMENT])
def test_a_refund_that_was_not_begun_has_no_end(facts: Facts) -> None:
    given(PAYMENTS, *facts).when(GIVEN_BACK).rejects("refund_not_initiated")


def test_the_end_of_a_refund_is_recorded_once() -> None:
    given(PAYMENTS, *A_REFUNDED_PAYMENT).when(GIVEN_BACK).stays_quiet()


def test_the_status_is_told_of_payments_that_are_there() -> None:
    payment, statuses = PAYMENTS.initial, [PAYMENTS.status(PAYMENTS.initial)]
    for fact in A_REFUNDED_PAYMENT:
        payment = PAYMENTS.evolve(payment, fact)
        statuses.append(PAYMENTS.status(payment))
    assert statuses == [None, "INITIATED", "PROCESSED", "REFUNDING", "REFUNDED"]


PART = Money(amount=2500, currency="EUR")
ONE, TWO = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))


def part_initiated(refund_id: str, amount: Money) -> PaymentRefundInitiated:
    return PaymentRefundInitiated(payment_id=SUBJECT, order_id=ORDER, amount=amount, refund_id=refund_id)


def part_refunded(refund_id: str, amount: Money) -> PaymentRefunded:
    return PaymentRefunded(
        payment_id=SUBJECT, order_id=ORDER, amount=amount, refund_id=refund_id, provider_reference="re_1"
    )


def test_parts_of_a_payment_go_back_one_after_the_other() -> None:
    begun = (*A_PROCESSED_PAYMENT, part_initiated(ONE, PART))
    rest = Money(amount=AMOUNT.amount - PART.amount, currency="EUR")
    given(PAYMENTS, *A_PROCESSED_PAYMENT).when(RefundPayment(refund_id=ONE, amount=PART)).then(begun[-1])
    given(PAYMENTS, *begun).when(RefundPayment(refund_id=ONE, amount=PART)).stays_quiet()
    given(PAYMENTS, *begun).when(RefundPayment(refund_id=TWO, amount=rest)).rejects("refund_in_progress")
    done = (*begun, part_refunded(ONE, PART))
    given(PAYMENTS, *begun).when(RecordRefundResult(provider_reference="re_1")).then(done[-1])
    given(PAYMENTS, *done).when(RefundPayment(refund_id=ONE, amount=PART)).stays_quiet()
    given(PAYMENTS, *done).when(RefundPayment(refund_id=TWO, amount=AMOUNT)).rejects("more_than_captured")
    given(PAYMENTS, *done).when(RefundPayment(refund_id=TWO, amount=rest)).then(part_initiated(TWO, rest))
    everything = (*done, part_initiated(TWO, rest), part_refunded(TWO, rest))
    other = RefundPayment(refund_id=ORDER, amount=PART)
    given(PAYMENTS, *everything).when(other).rejects("more_than_captured")
