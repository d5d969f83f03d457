"""What the fulfilment wants when the items of an order are changed, whatever overtakes what (PROTOCOL S2, S4)."""

from command_service.sagas.order_fulfilment.plan import NAME
from command_service.sagas.shapes import want_id
from common.events.inventory import StockReleased, StockReserved
from common.events.orders import OrderItemAdded, OrderItemRemoved, OrderValidated, PricedLine
from common.values import Money
from tests.support.order_facts import CANCELLED, INITIATED, PRICED, VALIDATED
from tests.support.rules import SUBJECT
from tests.support.saga_story import TOO_LATE, Story

ONE_MORE = OrderItemAdded(order_id=SUBJECT, product_id=456, quantity=1)
MICE = OrderItemAdded(order_id=SUBJECT, product_id=9, quantity=3)
ONE_LESS = OrderItemRemoved(order_id=SUBJECT, product_id=456, quantity=1, reason="one is enough")
THREE_LESS = OrderItemRemoved(order_id=SUBJECT, product_id=456, quantity=3, reason="too many")


def reserved(product_id: int, round_: int, quantity: int, amount: int = 4999) -> StockReserved:
    return StockReserved(
        product_id=product_id,
        order_id=SUBJECT,
        reservation_id=reservation(product_id, round_),
        quantity=quantity,
        unit_price=Money(amount=amount, currency="EUR"),
        product_name="Thing",
    )


def reservation(product_id: int, round_: int) -> str:
    return want_id(NAME, SUBJECT, f"reserve/{product_id}", round_)


def released(round_: int, quantity: int) -> StockReleased:
    return StockReleased(product_id=456, order_id=SUBJECT, reservation_id=reservation(456, round_), quantity=quantity)


def validated() -> Story:
    return Story().happens(INITIATED).accepts(reserved(456, 0, 2)).happens(VALIDATED).accepts(VALIDATED)


def shown(story: Story) -> list[tuple[int, int, int]]:
    return [(item["product_id"], item["quantity"], item["unit_price"]["amount"]) for item in story.body()["items"]]


def test_more_pieces_are_a_reservation_of_their_own_and_the_order_is_validated_again() -> None:
    story = validated().happens(ONE_MORE)
    assert (story.wants, story.body()["quantity"]) == ("reserve/456", 1)
    assert story.body()["reservation_id"] == reservation(456, 1)
    story.accepts(reserved(456, 1, 1, 5100))
    assert (story.wants, shown(story)) == ("validate", [(456, 2, 4999), (456, 1, 5100)])


def test_pieces_at_the_same_price_are_one_line() -> None:
    story = validated().happens(ONE_MORE).accepts(reserved(456, 1, 1))
    assert shown(story) == [(456, 3, 4999)]


def test_fewer_pieces_go_back_from_what_was_reserved_last() -> None:
    story = (
        validated()
        .happens(ONE_MORE)
        .accepts(reserved(456, 1, 1))
        .accepts()
        .happens(THREE_LESS.model_copy(update={"quantity": 2}))
    )
    assert (story.wants, story.body()["quantity"]) == ("take_back/456/1", 1)
    story.accepts(released(1, 1))
    assert (story.wants, story.body()["quantity"]) == ("take_back/456/0", 1)
    assert shown(story.accepts(released(0, 1))) == [(456, 1, 4999)]


def test_a_line_that_is_taken_out_is_not_validated() -> None:
    story = validated().happens(MICE).accepts(reserved(9, 1, 3, 100)).accepts()
    story.happens(ONE_LESS.model_copy(update={"quantity": 2})).accepts(released(0, 2))
    assert shown(story) == [(9, 3, 100)]


def test_S2_changes_are_done_in_their_order_however_they_are_heard() -> None:
    """Each has the ids it would have had if it had come alone."""
    at_once = Story().happens(INITIATED, ONE_MORE, MICE, ONE_LESS)
    assert at_once.wants == "reserve/456"
    at_once.accepts(reserved(456, 0, 2)).accepts(reserved(456, 1, 1)).accepts(reserved(9, 2, 3)).accepts(released(1, 1))
    one_by_one = Story().happens(INITIATED).accepts(reserved(456, 0, 2)).happens(ONE_MORE).refuses("items_changed")
    one_by_one.accepts(reserved(456, 1, 1)).happens(MICE).refuses("items_changed").accepts(reserved(9, 2, 3))
    one_by_one.happens(ONE_LESS).refuses("items_changed").accepts(released(1, 1))
    wanted = [
        [(s.want.step, s.command_id) for s in story.doc.steps if s.want.step != "validate"]
        for story in (at_once, one_by_one)
    ]
    assert wanted[0] == wanted[1]
    assert at_once.body() == one_by_one.body()


def test_an_order_that_was_changed_meanwhile_is_not_validated_with_what_it_held() -> None:
    story = Story().happens(INITIATED).accepts(reserved(456, 0, 2)).happens(ONE_MORE).refuses("items_changed")
    assert story.wants == "reserve/456"


def test_the_refusal_may_overtake_the_news_of_the_change() -> None:
    story = Story().happens(INITIATED).accepts(reserved(456, 0, 2)).refuses("items_changed")
    assert (story.wants, story.doc.trouble) == (None, None)
    assert story.happens(ONE_MORE).wants == "reserve/456"


def test_a_validation_of_what_is_not_wanted_any_more_counts_for_nothing() -> None:
    story = Story().happens(INITIATED).accepts(reserved(456, 0, 2)).happens(VALIDATED, ONE_MORE).accepts(VALIDATED)
    assert (story.state.status, story.wants) == ("PENDING", "reserve/456")
    assert story.time_is(TOO_LATE).wants == "reserve/456"


def test_the_time_for_paying_begins_with_the_last_validation() -> None:
    again = OrderValidated(
        order_id=SUBJECT, items=(PRICED, PricedLine(product_id=456, quantity=1, unit_price=PRICED.unit_price))
    )
    story = validated().happens(ONE_MORE).accepts(reserved(456, 1, 1)).happens(again, at=TOO_LATE).accepts(again)
    assert story.time_is(TOO_LATE).wants is None


def test_what_cannot_be_had_in_addition_rejects_the_order_and_gives_everything_back() -> None:
    story = validated().happens(MICE).refuses("insufficient_stock")
    assert story.wants == "release/456"
    assert story.accepts(released(0, 2)).wants == "reject"


def test_a_cancelled_order_gives_back_each_of_its_reservations() -> None:
    story = validated().happens(ONE_MORE).accepts(reserved(456, 1, 1)).accepts().happens(CANCELLED)
    bodies = [story.body()["reservation_id"]]
    bodies.append(story.accepts(released(0, 2)).body()["reservation_id"])
    assert bodies == [reservation(456, 0), reservation(456, 1)]
    assert story.accepts(released(1, 1)).is_over
