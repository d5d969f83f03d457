"""What the fulfilment wants when a delivered order is to get money back (PROTOCOL S2, S5)."""

from uuid import UUID, uuid5

from command_service.sagas.order_fulfilment.plan import NAME
from command_service.sagas.shapes import want_id
from common.events.inventory import StockCommitted, StockReserved
from common.events.orders import OrderCompleted, OrderRefunded, RefundRequested
from common.events.payments import PaymentInitiated, PaymentProcessed, PaymentRefunded, PaymentRefundInitiated
from common.values import Money
from tests.support.order_facts import DELIVERED, FIRST, INITIATED, PAID, PRICED, REQUESTED, SHIPPED, TOTAL, VALIDATED
from tests.support.rules import SUBJECT
from tests.support.saga_story import Story

ABOUT = {
    "product_id": 456,
    "order_id": SUBJECT,
    "reservation_id": want_id(NAME, SUBJECT, "reserve/456"),
    "quantity": 2,
}
PAYING = {"payment_id": FIRST, "order_id": SUBJECT}
PART = Money(amount=2500, currency="EUR")
REST = Money(amount=TOTAL.amount - PART.amount, currency="EUR")


def refund_id(number: int) -> str:
    return str(uuid5(UUID(SUBJECT), f"refund/{number}"))


def requested(number: int, amount: Money) -> RefundRequested:
    told = {"order_id": SUBJECT, "payment_id": FIRST, "refund_id": refund_id(number)}
    return RefundRequested(**told, number=number, amount=amount)


def begun(number: int, amount: Money) -> PaymentRefundInitiated:
    return PaymentRefundInitiated(**PAYING, amount=amount, refund_id=refund_id(number))


def paid_back(number: int, amount: Money) -> PaymentRefunded:
    return PaymentRefunded(**PAYING, amount=amount, refund_id=refund_id(number), provider_reference="re_1")


def refunded(number: int, amount: Money) -> OrderRefunded:
    return OrderRefunded(order_id=SUBJECT, payment_id=FIRST, amount=amount, refund_id=refund_id(number))


def delivered() -> Story:
    story = Story().happens(INITIATED).accepts(StockReserved(**ABOUT, unit_price=PRICED.unit_price))
    story.happens(VALIDATED).accepts(VALIDATED).happens(REQUESTED)
    story.accepts(PaymentInitiated(**PAYING, amount=TOTAL))
    story.accepts(PaymentProcessed(**PAYING, amount=TOTAL, provider_reference="ch_1"))
    return story.happens(PAID).accepts(PAID).happens(SHIPPED).accepts(StockCommitted(**ABOUT)).happens(DELIVERED)


def given_back(story: Story, number: int, amount: Money) -> Story:
    story.happens(requested(number, amount)).accepts(begun(number, amount)).accepts(paid_back(number, amount))
    return story.accepts(refunded(number, amount)).happens(refunded(number, amount))


def test_money_goes_back_step_by_step_under_the_id_of_its_refund() -> None:
    story = delivered().happens(requested(1, PART))
    assert (story.wants, story.body()) == (
        f"give_back/{refund_id(1)}",
        {"refund_id": refund_id(1), "amount": PART.model_dump()},
    )
    assert story.accepts(begun(1, PART)).wants == f"return/{refund_id(1)}"
    assert story.accepts(paid_back(1, PART)).wants == f"tell_refund/{refund_id(1)}"
    assert story.accepts(refunded(1, PART)).wants is None
    assert story.happens(refunded(1, PART)).state.status == "DELIVERED"


def test_an_order_that_was_complete_gives_back_all_the_same() -> None:
    story = delivered().happens(OrderCompleted(order_id=SUBJECT))
    assert story.is_over
    story.happens(requested(1, PART))
    assert (story.wants, story.is_over) == (f"give_back/{refund_id(1)}", False)


def test_when_everything_is_back_the_order_is_refunded_and_nothing_goes_back_again() -> None:
    story = given_back(given_back(delivered(), 1, PART), 2, REST)
    assert (story.state.status, story.wants, story.is_over) == ("REFUNDED", None, True)


def test_the_order_may_tell_the_end_of_a_refund_before_the_answer_comes() -> None:
    story = delivered().happens(requested(1, PART)).accepts(begun(1, PART)).accepts(paid_back(1, PART))
    story.happens(refunded(1, PART), requested(2, REST)).accepts(refunded(1, PART))
    assert story.wants == f"give_back/{refund_id(2)}"


def test_what_the_provider_refuses_is_for_a_person_to_look_at() -> None:
    story = delivered().happens(requested(1, PART)).accepts(begun(1, PART)).refuses("more_than_captured")
    assert "more_than_captured" in (story.doc.trouble or "")
