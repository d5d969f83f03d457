"""What may be asked of an order: by clients, and by the saga that fulfils it."""

from functools import cached_property
from typing import Annotated

from pydantic import Field, model_validator

from common.events.orders import OrderLine, PricedLine
from common.values import (
    CardToken,
    Code,
    Email,
    Instant,
    Message,
    Money,
    Name,
    Price,
    ProductId,
    Quantity,
    Reason,
    Url,
    UserId,
    Uuid,
)

MAX_LINES = 100
MAX_PIECES = 1_000_000  # of one order

Lines = Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=MAX_LINES)]


class CreateOrder(Message):
    """Order some products: as `items`, or in the short form as one `product_id` and its `quantity`."""

    user_id: UserId
    items: Lines | None = None
    product_id: ProductId | None = None
    quantity: Quantity | None = None
    user_email: Email | None = None

    @model_validator(mode="after")
    def _in_one_form(self) -> "CreateOrder":
        is_short = self.product_id is not None and self.quantity is not None
        is_partly_short = self.product_id is not None or self.quantity is not None
        if is_partly_short != is_short or is_short == (self.items is not None):
            raise ValueError("give either items, or product_id and quantity")
        _check_pieces(self.lines)
        return self

    @cached_property
    def lines(self) -> tuple[OrderLine, ...]:
        if self.product_id is not None and self.quantity is not None:
            return (OrderLine(product_id=self.product_id, quantity=self.quantity),)
        return self.items or ()


class RequestPayment(Message):
    """Pay the whole order; `amount` may be given as a check that it is what the client thinks."""

    order_id: Uuid
    amount: Price | None = None
    card_token: CardToken


class ShipOrder(Message):
    carrier: Name
    tracking_number: Name
    tracking_url: Url | None = None


class DeliverOrder(Message):
    pass


class CompleteOrder(Message):
    pass


class CancelOrder(Message):
    reason: Reason | None = None


class ImportOrder(Message):
    """Take over an order that was completed elsewhere; `line_number` makes it one order however often it is sent.

    With `items`, the number of pieces is their sum; without, say it in `item_count`.
    """

    user_id: UserId
    source: Name
    line_number: Annotated[int, Field(ge=1, le=10**12)]
    placed_at: Instant
    items: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    item_count: Annotated[int, Field(ge=0, le=10**9)] | None = None
    total: Price

    @model_validator(mode="after")
    def _counted_once(self) -> "ImportOrder":
        if bool(self.items) == (self.item_count is not None):
            raise ValueError("give either items or item_count")
        _check_pieces(self.items)
        return self


def _check_pieces(lines: tuple[OrderLine, ...]) -> None:
    if sum(line.quantity for line in lines) > MAX_PIECES:
        raise ValueError(f"an order has at most {MAX_PIECES} pieces")


class ValidateOrder(Message):
    """Every line is reserved, at these prices."""

    items: Annotated[tuple[PricedLine, ...], Field(min_length=1, max_length=MAX_LINES)]


class RejectOrder(Message):
    code: Code
    reason: Reason


class ConfirmPayment(Message):
    """The provider has captured the amount."""

    payment_id: Uuid
    amount: Money


class FailPayment(Message):
    """The provider captured nothing, and never will under this id."""

    payment_id: Uuid
    code: Code
    reason: Reason | None = None


class ConfirmRefund(Message):
    """The provider has given the amount back."""

    payment_id: Uuid
    amount: Money


ClientCommand = CreateOrder | RequestPayment | ShipOrder | DeliverOrder | CompleteOrder | CancelOrder | ImportOrder
SagaCommand = ValidateOrder | RejectOrder | ConfirmPayment | FailPayment | ConfirmRefund
OrderCommand = ClientCommand | SagaCommand
