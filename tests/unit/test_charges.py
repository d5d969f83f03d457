"""The sandbox's rules: what each card does, and that no order of asks, voids and refunds moves money twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import CommandRejected
from common.values import Money
from payments import charges
from payments.charges import Card, Charge, Manner, Movement, Status

PRICE = Money(amount=9998, currency="EUR")
OTHER_PRICE = Money(amount=9999, currency="EUR")
FAILURES = 2
NEW = Charge(payment_id="p1")


def asked(charge: Charge, card: Card, amount: Money = PRICE) -> tuple[Charge, Movement | None]:
    return charges.ask(charge, amount, card, failures=FAILURES)


def asks(card: Card, times: int = 1) -> tuple[Charge, list[Manner], list[Movement]]:
    """The charge after so many asks, how each was answered, what moved."""
    charge, manners, moved = NEW, [], []
    for _ in range(times):
        charge, movement = asked(charge, card)
        manners.append(charges.manner_of(charge))
        moved += [movement] if movement else []
    return charge, manners, moved


@pytest.mark.parametrize("token", ["tok_approve", "tok_approved", "", "TOK_DECLINE", "anything else"])
def test_a_token_that_is_nothing_special_approves(token: str) -> None:
    assert charges.card_of(token) is Card.APPROVED


@pytest.mark.parametrize("card", Card)
def test_each_card_is_known_by_its_token(card: Card) -> None:
    assert charges.card_of(card.value) is card


@pytest.mark.parametrize("card", [Card.APPROVED, Card.TWICE])
def test_an_approved_card_is_captured_once_however_often_it_is_asked_for(card: Card) -> None:
    charge, manners, moved = asks(card, 3)
    assert (charge.status, charge.asked, manners) == (Status.APPROVED, 3, [Manner.AT_ONCE] * 3)
    assert [(m.kind, m.amount, m.reference) for m in moved] == [("capture", PRICE, charge.capture_reference)]


def test_a_declined_card_stays_declined_and_nothing_moves() -> None:
    charge, manners, moved = asks(Card.DECLINED, 2)
    assert (charge.status, manners, moved) == (Status.DECLINED, [Manner.AT_ONCE] * 2, [])


def test_a_slow_card_is_captured_at_once_and_only_its_first_answer_is_held() -> None:
    charge, manners, moved = asks(Card.SLOW, 3)
    assert (charge.status, len(moved)) == (Status.APPROVED, 1)
    assert manners == [Manner.HELD, Manner.AT_ONCE, Manner.AT_ONCE]


def test_a_flaky_card_fails_as_often_as_agreed_and_is_then_captured() -> None:
    _, manners, moved = asks(Card.FLAKY, 4)
    assert manners == [Manner.FAILED, Manner.FAILED, Manner.AT_ONCE, Manner.AT_ONCE]
    assert len(moved) == 1


def test_a_silent_card_is_never_answered_nor_captured() -> None:
    charge, manners, moved = asks(Card.NEVER, 5)
    assert (charge.status, set(manners), moved) == (Status.PENDING, {Manner.SILENT}, [])


def test_the_first_card_decides() -> None:
    charge, _ = asked(NEW, Card.NEVER)
    charge, moved = asked(charge, Card.APPROVED)
    assert (charge.card, charge.status, moved) == (Card.NEVER, Status.PENDING, None)


@pytest.mark.parametrize("card", Card)
def test_the_same_id_with_another_amount_is_refused(card: Card) -> None:
    charge, _ = asked(NEW, card)
    with pytest.raises(CommandRejected) as refused:
        asked(charge, card, OTHER_PRICE)
    assert refused.value.code == "charge_differs"


@pytest.mark.parametrize("card", [Card.NEVER, Card.FLAKY])
def test_a_void_of_a_pending_charge_forbids_its_capture(card: Card) -> None:
    voided, moved = charges.void(asked(NEW, card)[0])
    later, captured = asked(voided, card)
    assert (voided.status, later.status, moved, captured) == (Status.VOIDED, Status.VOIDED, None, None)
    assert charges.manner_of(later) is Manner.AT_ONCE


def test_a_void_before_the_first_ask_forbids_any_capture() -> None:
    voided, _ = charges.void(NEW)
    later, moved = asked(voided, Card.APPROVED)
    assert (later.status, later.asked, moved) == (Status.VOIDED, 1, None)


@pytest.mark.parametrize("card", [Card.APPROVED, Card.DECLINED, Card.SLOW])
def test_a_void_of_a_settled_charge_stays_quiet(card: Card) -> None:
    settled, _ = asked(NEW, card)
    assert charges.void(settled) == (settled, None)


def test_a_refund_gives_all_back_once() -> None:
    captured, _ = asked(NEW, Card.APPROVED)
    refunded, moved = charges.refund(captured)
    assert moved
    assert (moved.kind, moved.amount, moved.reference) == ("refund", PRICE, refunded.refunds[0].reference)
    assert charges.refund(refunded) == (refunded, None)
    assert asked(refunded, Card.APPROVED)[1] is None


def test_parts_go_back_once_each_and_never_more_than_was_captured() -> None:
    charge, _ = asked(NEW, Card.APPROVED)
    part = Money(amount=PRICE.amount // 2, currency=PRICE.currency)
    one, moved = charges.refund(charge, "one", part)
    assert moved
    assert moved.amount == part
    assert charges.refund(one, "one", part) == (one, None)
    for refused in (PRICE, Money(amount=1, currency="USD"), Money(amount=0, currency=PRICE.currency)):
        with pytest.raises(CommandRejected) as error:
            charges.refund(one, "two", refused)
        assert error.value.code == "more_than_captured"
    rest, moved = charges.refund(one)
    assert moved
    assert moved.amount.amount == PRICE.amount - part.amount
    assert charges.refund(rest) == (rest, None)


@pytest.mark.parametrize("charge", [NEW, charges.void(NEW)[0], asks(Card.DECLINED)[0], asks(Card.NEVER)[0]])
def test_nothing_is_refunded_that_was_not_captured(charge: Charge) -> None:
    with pytest.raises(CommandRejected) as refused:
        charges.refund(charge)
    assert refused.value.code == "not_captured"


STEPS = st.lists(st.one_of(st.sampled_from(Card), st.sampled_from(["void", "refund"])), max_size=12)


@given(STEPS)
def test_whatever_is_asked_in_whatever_order_money_moves_once_each_way(steps: list[Card | str]) -> None:
    charge, moved, settled = NEW, [], None
    for step in steps:
        try:
            charge, movement = decided(charge, step)
        except CommandRejected:
            continue
        moved += [movement.kind] if movement else []
        assert settled in (None, charge.status), "a settled charge changed its mind"
        settled = None if charge.status is Status.PENDING else charge.status
        assert ("capture" in moved) == (charge.status is Status.APPROVED)
    assert moved in ([], ["capture"], ["capture", "refund"])


def decided(charge: Charge, step: Card | str) -> tuple[Charge, Movement | None]:
    match step:
        case Card():
            return asked(charge, step)
        case "void":
            return charges.void(charge)
        case _:
            return charges.refund(charge)
