"""Orders of a realistic mix, and all that happened to each: always the same story under the same number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from uuid import UUID

from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDeleted,
    OrderDelivered,
    OrderEvent,
    OrderImported,
    OrderInitiated,
    OrderLine,
    OrderPaid,
    OrderPersonal,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PaymentRequested,
    PricedLine,
)
from common.postal import Address
from common.read_models.order_shapes import OrderView
from common.read_models.orders import ORDERS
from common.read_models.shapes import Told
from common.values import Money

BEGUN_AT = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 300  # over which the orders are spread
ORDERS_PER_USER = 10
PRODUCTS = 400
RESELLER = 6  # the user who placed every tenth order
STEP = timedelta(hours=7)  # between two facts of an order
SYLLABLES = ("an", "be", "ca", "do", "el", "fi", "gor", "hu", "is", "jo", "ka", "li", "mar", "no", "ros", "ta")
NAMES = tuple(map("".join, product(SYLLABLES, SYLLABLES)))
ADJECTIVES = ("Quiet", "Heavy", "Folding", "Wooden", "Small", "Bright", "Spare", "Old")
THINGS = ("Keyboard", "Lamp", "Chair", "Kettle", "Notebook", "Bicycle", "Clock", "Basket", "Ladder", "Mirror")
REASONS = ("Too slow", "Found it cheaper", "Ordered by mistake", "too slow", None)
ENDS = {  # what becomes of an order → how many in a hundred
    "PENDING": 2,
    "VALIDATED": 3,
    "PAID": 5,
    "SHIPPED": 8,
    "DELIVERED": 10,
    "COMPLETED": 53,
    "REJECTED": 4,
    "CANCELLED": 7,
    "REFUNDED": 3,
    "IMPORTED": 5,
}
DELETED = 0.03  # of those that are over
WAY = ("PENDING", "VALIDATED", "PAID", "SHIPPED", "DELIVERED", "COMPLETED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Facts in their order, STEP apart."""

    order_id: str
    user_id: int
    begun_at: datetime
    facts: tuple[OrderEvent, ...]


def a_story(number: int, orders: int) -> Story:
    """The story with this number of so many orders."""
    chance = Random(number)
    order_id = str(UUID(int=chance.getrandbits(128), version=4))
    user_id = RESELLER if chance.random() < 0.1 else 1 + chance.randrange(max(1, orders // ORDERS_PER_USER))
    begun_at = BEGUN_AT + timedelta(days=DAYS) * (number / orders)
    (end,) = chance.choices(tuple(ENDS), tuple(ENDS.values()))
    facts = _facts(chance, order_id, user_id, end, begun_at)
    return Story(order_id=order_id, user_id=user_id, begun_at=begun_at.replace(microsecond=0), facts=facts)


def view_of(story: Story, position: int) -> OrderView:
    """What the projector would make of it, were its first commit at this position."""
    view: OrderView | None = None
    for version, fact in enumerate(story.facts, 1):
        told = Told(
            event_type=type(fact).__name__,
            subject=story.order_id,
            position=position,
            version=version,
            recorded_at=story.begun_at + STEP * (version - 1),
        )
        view = ORDERS.project(view, fact, told)
    assert view is not None
    return view


def email_of(user_id: int) -> str | None:
    """Three users of four have told theirs."""
    first, last = _name_of(user_id)
    return f"{first}.{last}.{user_id}@example.org" if user_id % 4 else None


def username_of(user_id: int) -> str | None:
    return f"{_name_of(user_id)[0]}{user_id}" if user_id % 3 == 0 else None


def product_name(product_id: int) -> str:
    return f"{ADJECTIVES[product_id % len(ADJECTIVES)]} {THINGS[product_id % len(THINGS)]}"


def _name_of(user_id: int) -> tuple[str, str]:
    chance = Random(-user_id)
    return chance.choice(NAMES), chance.choice(NAMES)


def _facts(chance: Random, order_id: str, user_id: int, end: str, placed_at: datetime) -> tuple[OrderEvent, ...]:
    products = sorted(chance.sample(range(1, PRODUCTS + 1), chance.choice((1, 1, 1, 2, 3))))
    lines = tuple(OrderLine(product_id=product_id, quantity=chance.randint(1, 3)) for product_id in products)
    currency = "USD" if user_id % 10 == 0 else "EUR"
    if end == "IMPORTED":
        return (_imported(chance, order_id, user_id, lines, placed_at=placed_at, currency=currency),)
    placed = OrderInitiated(order_id=order_id, user_id=user_id, items=lines, personal=_personal(user_id))
    if end == "REJECTED":
        return placed, OrderRejected(order_id=order_id, code="insufficient_stock", reason="Too few.")
    way = _way(chance, order_id, lines, currency)
    if end == "CANCELLED":
        facts = (placed, way[0], OrderCancelled(order_id=order_id, code="requested", reason=chance.choice(REASONS)))
    elif end == "REFUNDED":
        paid = next(fact for fact in way if isinstance(fact, OrderPaid))
        back = OrderRefunded(order_id=order_id, payment_id=paid.payment_id, amount=paid.amount)
        facts = (
            placed,
            *way[:3],
            OrderCancelled(order_id=order_id, code="requested", reason=chance.choice(REASONS)),
            back,
        )
    else:
        facts = (placed, *way[: _steps_to(end)])
    is_deleted = end in ("CANCELLED", "COMPLETED") and chance.random() < DELETED
    return (*facts, OrderDeleted(order_id=order_id)) if is_deleted else facts


def _steps_to(end: str) -> int:
    """A payment is requested before it is made."""
    steps = WAY.index(end)
    return steps + 1 if steps > 1 else steps


def _way(chance: Random, order_id: str, lines: Sequence[OrderLine], currency: str) -> tuple[OrderEvent, ...]:
    """From the order's validation to its completion."""
    priced = tuple(
        PricedLine(
            **line.model_dump(),
            unit_price=Money(amount=100 * (line.product_id % 97) + 99, currency=currency),
            product_name=product_name(line.product_id),
        )
        for line in lines
    )
    total = Money(amount=sum(line.unit_price.amount * line.quantity for line in priced), currency=currency)
    payment_id = str(UUID(int=chance.getrandbits(128), version=4))
    return (
        OrderValidated(order_id=order_id, items=priced),
        PaymentRequested(order_id=order_id, payment_id=payment_id, attempt=1, amount=total, method="card"),
        OrderPaid(order_id=order_id, payment_id=payment_id, amount=total),
        OrderShipped(order_id=order_id, carrier="DHL", tracking_number=f"JD{chance.randrange(10**12):012d}"),
        OrderDelivered(order_id=order_id),
        OrderCompleted(order_id=order_id),
    )


def _imported(
    chance: Random, order_id: str, user_id: int, lines: tuple[OrderLine, ...], *, placed_at: datetime, currency: str
) -> OrderImported:
    """Another shop knew the month only: many of these are at the same place in a list."""
    return OrderImported(
        order_id=order_id,
        user_id=user_id,
        source="old shop",
        line_number=1,
        placed_at=placed_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
        items=lines,
        item_count=sum(line.quantity for line in lines),
        paid=Money(amount=chance.randint(1, 200) * 100, currency=currency),
    )


def _personal(user_id: int) -> OrderPersonal:
    first, last = _name_of(user_id)
    if not (email := email_of(user_id)):
        return OrderPersonal(username=username_of(user_id))
    return OrderPersonal(
        name=f"{first.title()} {last.title()}",
        email=email,
        username=username_of(user_id),
        shipping_address=Address(line1=f"{last.title()} Street {user_id}", city="Springfield", country="US"),
    )
