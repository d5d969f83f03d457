"""What the fulfilment of an order knows."""

from datetime import datetime, timedelta

import msgspec

from common.values import Money

UNDONE = frozenset({"REJECTED", "CANCELLED", "REFUNDED"})


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Pieces that are reserved together: those of the first round when the order was placed, others by later changes.

    `stock` goes from `wanted` to `reserved`, then to `committed` or `released`.
    """

    product_id: int
    round: int = 0
    quantity: int
    unit_price: Money | None = None
    product_name: str | None = None
    stock: str = "wanted"


class Removal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Pieces that a change took out of the order, and how many of them are still reserved."""

    product_id: int
    round: int
    left: int


class Payment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`stage`: requested, initiated, captured or declined, told (to the order), refunding, refunded, settled."""

    payment_id: str
    attempt: int
    amount: Money
    card_token: str | None  # None once it was erased
    stage: str = "requested"
    code: str | None = None
    reason: str | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a delivered order is to get back of what it paid. `stage`: requested, initiated, returned, settled."""

    payment_id: str
    refund_id: str
    number: int
    amount: Money
    stage: str = "requested"


class Fulfilment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`payment_seconds` is how long a validated order waits for its money."""

    order_id: str
    payment_seconds: float
    status: str = "UNKNOWN"  # the order's
    lines: tuple[Line, ...] = ()  # those of a round in the order of their product ids
    removals: tuple[Removal, ...] = ()
    revision: int = 0  # how often the items were changed
    is_stale: bool = False  # the order says that its items changed, and that event has not come yet
    rejection: tuple[str, str] | None = None  # code and sentence
    validated_at: datetime | None = None
    is_overdue: bool = False
    was_paid: bool = False
    payment: Payment | None = None
    refund: Refund | None = None  # the latest
    refunded: int = 0  # minor units of the payment's currency, in parts
    trouble: str | None = None  # what no rule foresees; a person must look

    @property
    def due_at(self) -> datetime | None:
        """When the time for paying is over; None before the order is validated."""
        return self.validated_at and self.validated_at + timedelta(seconds=self.payment_seconds)
