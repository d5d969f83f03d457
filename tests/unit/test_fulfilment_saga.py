"""What the fulfilment of an order wants, whatever it hears and in whatever order (PROTOCOL S)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from command_service.sagas.folding import Doc, answered, begun, took
from command_service.sagas.order_fulfilment.plan import NAME
from command_service.sagas.shapes import Accepted, want_id
from common.codec import encode_event
from common.envelope import RecordedEvent
from common.events.inventory import StockCommitted, StockReleased, StockReserved
from common.events.orders import OrderCompleted, OrderInitiated, OrderLine, OrderPaymentFailed, PaymentRequested
from common.events.payments import (
    PaymentFailed,
    PaymentInitiated,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRefundInitiated,
)
from common.values import CardPersonal, Money
from tests.support.commits import a_commit
from tests.support.order_facts import (
    CANCELLED,
    DELIVERED,
    FAILED,
    FIRST,
    INITIATED,
    PAID,
    PRICED,
    REFUNDED,
    REJECTED,
    REQUESTED,
    SECOND,
    SHIPPED,
    TOTAL,
    VALIDATED,
)
from tests.support.rules import NOW, SUBJECT
from tests.support.saga_story import IN_TIME, SAGA, TOO_LATE, Story

RESERVATION = want_id(NAME, SUBJECT, "reserve/456")
ABOUT = {"product_id": 456, "order_id": SUBJECT, "reservation_id": RESERVATION, "quantity": 2}
RESERVED = StockReserved(**ABOUT, unit_price=PRICED.unit_price)
RELEASED, COMMITTED = StockReleased(**ABOUT), StockCommitted(**ABOUT)
PAYING = {"payment_id": FIRST, "order_id": SUBJECT}
BEGUN = PaymentInitiated(**PAYING, amount=TOTAL, personal=CardPersonal(card_token="tok_approve"))
CAPTURED = PaymentProcessed(**PAYING, amount=TOTAL, provider_reference="ch_1")
DECLINED = PaymentFailed(**PAYING, code="insufficient_funds", reason="Declined.")
REFUNDING = PaymentRefundInitiated(**PAYING, amount=TOTAL)
PAID_BACK = PaymentRefunded(**PAYING, amount=TOTAL, provider_reference="re_1")
REQUESTED_AGAIN = PaymentRequested(
    order_id=SUBJECT,
    payment_id=SECOND,
    attempt=2,
    amount=TOTAL,
    method="card",
    personal=CardPersonal(card_token="tok_approve"),
)
TWO_LINES = OrderInitiated(
    order_id=SUBJECT,
    user_id=123,
    items=(OrderLine(product_id=9, quantity=1), OrderLine(product_id=5, quantity=3)),
)


def reserved(product_id: int, quantity: int, amount: int = 100) -> StockReserved:
    return StockReserved(
        product_id=product_id,
        order_id=SUBJECT,
        reservation_id=want_id(NAME, SUBJECT, f"reserve/{product_id}"),
        quantity=quantity,
        unit_price=Money(amount=amount, currency="EUR"),
    )


def placed() -> Story:
    return Story().happens(INITIATED)


def being_validated() -> Story:
    return placed().accepts(RESERVED)


def validated() -> Story:
    return being_validated().happens(VALIDATED).accepts(VALIDATED)


def being_initiated() -> Story:
    return validated().happens(REQUESTED)


def being_charged() -> Story:
    return being_initiated().accepts(BEGUN)


def being_confirmed() -> Story:
    return being_charged().accepts(CAPTURED)


def being_failed() -> Story:
    return being_charged().accepts(DECLINED)


def paid() -> Story:
    return being_confirmed().happens(PAID).accepts(PAID)


# The happy path


def test_an_order_goes_from_its_placing_to_its_completion_one_want_at_a_time() -> None:
    story = paid().happens(SHIPPED).accepts(COMMITTED).happens(DELIVERED, OrderCompleted(order_id=SUBJECT))
    assert story.steps == ["reserve/456", "validate", "initiate", "charge", "confirm", "commit/456"]
    assert story.is_over


def test_lines_are_reserved_in_order_of_product_and_priced_as_they_were_found() -> None:
    story = Story().happens(TWO_LINES)
    assert story.wants == "reserve/5"
    assert story.accepts(reserved(5, 3, 100)).wants == "reserve/9"
    assert story.accepts(reserved(9, 1, 250)).wants == "validate"
    assert [(line["product_id"], line["quantity"], line["unit_price"]["amount"]) for line in story.body()["items"]] == [
        (5, 3, 100),
        (9, 1, 250),
    ]


def test_what_is_shipped_is_committed_under_the_id_of_its_reservation() -> None:
    story = paid().happens(SHIPPED)
    assert (story.wants, story.body()["reservation_id"]) == ("commit/456", RESERVATION)


# Rejection


def test_what_cannot_be_reserved_is_rejected_after_all_that_was_reserved_is_released() -> None:
    story = Story().happens(TWO_LINES).accepts(reserved(5, 3)).refuses("insufficient_stock")
    assert (story.wants, story.body()["reservation_id"]) == ("release/5", want_id(NAME, SUBJECT, "reserve/5"))
    story.accepts()
    assert (story.wants, story.body()["code"]) == ("reject", "insufficient_stock")
    assert story.accepts(REJECTED).happens(REJECTED).is_over


def test_an_order_that_cannot_be_priced_is_rejected() -> None:
    story = being_validated().refuses("mixed_currencies").accepts(RELEASED)
    assert story.wants == "reject"


def test_a_cancellation_while_the_rejection_is_on_its_way_wins_if_the_order_says_so() -> None:
    story = placed().refuses("insufficient_stock").happens(CANCELLED)
    assert story.wants == "reject"
    assert story.refuses("order_cancelled").is_over


# Cancellation, at every moment


MOMENTS: dict[str, tuple[Callable[[], Story], list[str]]] = {
    "validated": (validated, ["release/456"]),
    "paid": (paid, ["refund", "pay_back", "confirm_refund", "release/456"]),
}
OPEN_MOMENTS: dict[str, tuple[Callable[[], Story], tuple[object, ...], list[str]]] = {
    "reserving": (placed, (RESERVED,), ["release/456"]),
    "initiating": (being_initiated, (BEGUN,), ["void", "fail", "release/456"]),
    "charging, captured": (being_charged, (CAPTURED,), ["refund", "pay_back", "fail_late", "release/456"]),
    "charging, declined": (being_charged, (DECLINED,), ["fail", "release/456"]),
    "telling that it failed": (being_failed, (), ["release/456"]),
}
SAID = {"void": (DECLINED,), "refund": (REFUNDING,), "pay_back": (PAID_BACK,), "confirm_refund": (REFUNDED,)}


def undone(story: Story) -> list[str]:
    """Have everything done that is wanted; the steps, in order."""
    steps = []
    while story.wants:
        steps.append(story.wants)
        story.accepts(*SAID.get(story.wants, (RELEASED,)))
    return steps


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_cancelled_order_gives_back_what_it_has(moment: str) -> None:
    begin, steps = MOMENTS[moment]
    story = begin().happens(CANCELLED)
    assert undone(story) == steps
    assert story.is_over


@pytest.mark.parametrize("moment", OPEN_MOMENTS)
def test_S4_no_compensation_begins_before_the_open_want_has_its_outcome(moment: str) -> None:
    begin, outcome, steps = OPEN_MOMENTS[moment]
    story = begin()
    before = story.wants
    story.happens(CANCELLED)
    assert story.wants == before
    assert not story.is_over
    story.accepts(*outcome)  # type: ignore[arg-type]
    assert undone(story) == steps
    assert story.is_over


def test_S4_a_cancelled_order_waits_for_the_refusal_of_what_came_too_late() -> None:
    story = being_validated().happens(CANCELLED)
    assert story.wants == "validate"
    assert undone(story.refuses("order_cancelled")) == ["release/456"]
    assert story.is_over


def test_the_refusal_may_overtake_the_news_of_the_cancellation() -> None:
    story = being_confirmed().refuses("order_cancelled")
    assert undone(story) == ["refund", "pay_back", "fail_late", "release/456"]
    assert story.happens(CANCELLED).is_over


def test_money_that_comes_after_the_cancellation_goes_back() -> None:
    story = being_charged().happens(CANCELLED).accepts(CAPTURED)
    assert undone(story) == ["refund", "pay_back", "fail_late", "release/456"]
    assert story.is_over


def test_of_a_payment_that_was_requested_and_never_begun_the_order_is_told_the_end() -> None:
    story = being_validated().happens(VALIDATED, REQUESTED, CANCELLED).accepts(VALIDATED)
    assert undone(story) == ["fail_unasked", "release/456"]
    assert story.is_over


def test_of_a_payment_that_could_not_be_begun_the_order_is_told_the_end_though_it_is_cancelled() -> None:
    story = being_initiated().happens(CANCELLED).refuses("card_token_erased")
    assert undone(story) == ["fail", "release/456"]
    assert story.is_over


def test_a_charge_that_was_not_asked_for_is_voided_and_what_it_took_nevertheless_goes_back() -> None:
    story = being_initiated().happens(CANCELLED).accepts(BEGUN)
    assert story.wants == "void"
    assert undone(story.accepts(CAPTURED)) == ["refund", "pay_back", "fail_late", "release/456"]


def test_a_paid_order_that_is_cancelled_is_refunded_and_told_so() -> None:
    story = paid().happens(CANCELLED)
    undone(story)
    story.happens(REFUNDED)
    assert (story.state.status, story.is_over) == ("REFUNDED", True)


# Payments that fail


def test_a_declined_payment_is_told_to_the_order_and_may_be_tried_again() -> None:
    story = being_failed()
    assert (story.wants, story.body()["code"]) == ("fail", "insufficient_funds")
    story.happens(FAILED).accepts(FAILED)
    assert (story.wants, story.is_over) == (None, False)
    story.happens(REQUESTED_AGAIN)
    assert (story.wants, story.body()["payment_id"]) == ("initiate", SECOND)
    assert story.doc.steps[-1].want.round == 2


def test_a_payment_whose_card_was_erased_fails_and_may_be_tried_again() -> None:
    story = being_initiated().refuses("card_token_erased")
    assert (story.wants, story.body()["code"]) == ("fail", "card_token_erased")
    story.happens(FAILED).accepts(FAILED).happens(REQUESTED_AGAIN)
    assert (story.wants, story.body()["payment_id"]) == ("initiate", SECOND)


def test_the_next_payment_is_begun_though_it_is_known_before_the_outcome_of_the_last() -> None:
    """The order's events may overtake the answer to the saga's own command."""
    story = being_failed().happens(FAILED, REQUESTED_AGAIN).accepts(FAILED)
    assert (story.wants, story.body()["payment_id"]) == ("initiate", SECOND)


# Time


def test_a_validated_order_waits_and_is_cancelled_when_its_time_is_over() -> None:
    story = validated()
    assert story.time_is(IN_TIME).wants is None
    assert story.time_is(TOO_LATE).wants == "time_out"
    story.accepts(CANCELLED)
    assert undone(story) == ["release/456"]
    assert story.is_over


def test_a_payment_that_was_begun_in_time_is_waited_for() -> None:
    story = being_charged().time_is(TOO_LATE)
    assert story.wants == "charge"
    story.accepts(CAPTURED)
    assert story.wants == "confirm"
    story.happens(PAID).accepts(PAID)
    assert (story.wants, story.state.status) == (None, "PAID")


def test_an_order_that_was_paid_in_the_last_moment_is_not_cancelled_before_its_own_event_is_here() -> None:
    """The answer to the saga's own command may overtake the order's event."""
    story = being_charged().time_is(TOO_LATE).accepts(CAPTURED).accepts(PAID)
    assert story.wants is None
    story.happens(PAID)
    assert (story.wants, story.state.status) == (None, "PAID")


def test_a_shipment_that_is_known_before_the_outcome_of_the_payment_is_not_undone_by_it() -> None:
    story = being_confirmed().happens(PAID, SHIPPED).accepts(PAID)
    assert (story.wants, story.state.status) == ("commit/456", "SHIPPED")


def test_a_declined_payment_that_was_begun_in_time_ends_an_order_whose_time_is_over() -> None:
    story = being_charged().time_is(TOO_LATE).accepts(DECLINED).happens(FAILED).accepts(FAILED)
    assert story.wants == "time_out"


@pytest.mark.parametrize("begin", [placed, being_validated, paid])
def test_time_passes_without_a_word_where_no_payment_is_waited_for(begin: Callable[[], Story]) -> None:
    story = begin()
    before = story.doc
    assert story.time_is(TOO_LATE).doc is before


# S2: the same however often it is folded


def test_S2_wants_have_the_same_ids_and_bodies_when_the_saga_is_folded_again() -> None:
    first, again = (paid().happens(CANCELLED) for _ in range(2))
    assert undone(first) == undone(again)
    assert [(step.command_id, step.want) for step in first.doc.steps] == [
        (step.command_id, step.want) for step in again.doc.steps
    ]
    ids = [step.command_id for step in first.doc.steps]
    assert len(set(ids)) == len(ids)


def test_S2_the_ids_are_those_that_stand_in_old_logs() -> None:
    ids = [want_id(NAME, SUBJECT, *step) for step in (("reserve/456", 0), ("charge", 1), ("charge", 2))]
    assert ids == [
        "cfbcee9e-eb5c-57d6-a86f-542852dff381",
        "f0c5c275-a322-5e93-b96b-cd487e1e9187",
        "0da510ca-de44-5c3b-b53a-7b7ede28c14a",
    ]


def test_S2_a_commit_that_comes_again_changes_nothing() -> None:
    story = being_charged()
    before = story.doc
    assert story.again(1, INITIATED).doc is before
    assert story.again(2, VALIDATED).doc is before


def test_news_of_a_want_that_is_not_open_changes_nothing() -> None:
    story = being_charged()
    before = story.doc
    assert story.is_told_late(RESERVATION, RESERVED).doc is before


def test_S2_a_charge_that_was_voided_instead_is_no_riddle_when_the_saga_is_folded_again() -> None:
    """The cancellation came before the charge was wanted, and is folded after it: the payment has its end already."""
    story = being_charged().happens(CANCELLED).accepts()
    assert undone(story) == ["void", "fail", "release/456"]
    assert story.is_over


# What nobody understands


STRANGE = (
    RecordedEvent(type="OrderTeleported", schema=1, data={"where": "Mars"}),
    RecordedEvent(type="OrderPaid", schema=99, data={}),
    RecordedEvent(type="OrderPaid", schema=1, data={"order_id": 7}),
)


@pytest.mark.parametrize("record", STRANGE, ids=["unknown type", "unknown schema", "invalid data"])
def test_a_saga_that_is_told_what_it_cannot_understand_stands_still(record: RecordedEvent) -> None:
    story = validated().happens_what_nobody_knows(record)
    assert "position 3" in (story.doc.trouble or "")
    story.happens(REQUESTED).time_is(TOO_LATE)
    assert (story.wants, story.is_over) == (None, False)


def test_a_saga_that_stands_still_takes_the_outcome_that_it_waited_for() -> None:
    story = placed().happens_what_nobody_knows(STRANGE[0]).accepts(RESERVED)
    assert (story.wants, story.state.lines[0].stock) == (None, "reserved")


def test_an_outcome_over_which_the_rules_stumble_stops_its_saga_alone() -> None:
    def stumble(state: object, told: object) -> object:
        raise KeyError("no such line")

    doc = placed().doc
    assert doc.open
    stumbled = answered(
        replace(SAGA, react=stumble), doc, doc.open[0].command_id, Accepted(step="reserve/456", events=(RESERVED,)), NOW
    )
    assert (stumbled.open, stumbled.trouble) == ((), "KeyError at the outcome of reserve/456: 'no such line'")


def test_an_order_of_which_not_even_the_first_event_is_understood_wants_nothing() -> None:
    story = Story().happens_what_nobody_knows(RecordedEvent(type="OrderInitiated", schema=99, data={}))
    assert (story.wants, story.is_over) == (None, False)


def test_a_refusal_that_no_rule_foresees_is_for_a_person_to_look_at() -> None:
    story = being_charged().refuses("charge_differs")
    assert "charge_differs" in story.state.trouble
    assert (story.wants, story.is_over) == (None, False)


def test_a_want_without_an_outcome_is_the_open_one() -> None:
    doc: Doc = placed().doc
    assert doc.open == doc.steps[-1:]


def test_the_end_of_a_payment_is_told_to_the_order_only_once() -> None:
    story = being_failed().happens(FAILED)
    assert isinstance(FAILED, OrderPaymentFailed)
    assert story.accepts().steps.count("fail") == 1


def test_a_want_says_which_command_made_the_saga_want_it() -> None:
    commit = a_commit(1, f"order-{SUBJECT}", events=(encode_event(INITIATED),))
    (reserve,) = took(SAGA, begun(SAGA, commit), commit, NOW).steps
    assert reserve.caused_by == commit.command_id
    reserve, validate = Story().happens(INITIATED).accepts(RESERVED).doc.steps
    assert validate.caused_by == reserve.command_id


def test_of_what_time_made_a_saga_want_no_command_is_the_cause() -> None:
    story = Story().happens(INITIATED).accepts(RESERVED).accepts(VALIDATED).happens(VALIDATED).time_is(TOO_LATE)
    assert story.doc.open
    assert story.doc.open[0].caused_by is None
