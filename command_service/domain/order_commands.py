"""What may be asked of an order: by clients, and by the saga that fulfils it."""

from functools import cached_property
from typing import Annotated

from pydantic import Field, model_validator

from command_service.domain.order_status import OrderStatus
from common.events.orders import OrderLine, PricedLine
from common.postal import Address
from common.values import (
    CardToken,
    Code,
    Email,
    Instant,
    Message,
    Money,
    Name,
    Notes,
    PaymentKind,
    PaymentMethod,
    Price,
    ProductId,
    Quantity,
    Reason,
    Url,
    UserId,
    Username,
    Uuid,
    with_example,
)

MAX_LINES = 100
MAX_PIECES = 1_000_000  # of one order
_TOO_MANY_PIECES = f"an order has at most {MAX_PIECES} pieces"

Lines = Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=MAX_LINES)]


class CreateOrder(Message):
    """Order some products: as `items`, or in the short form as one `product_id` and its `quantity`."""

    model_config = with_example(user_id=123, items=[{"product_id": 456, "quantity": 2}])

    user_id: UserId
    items: Lines | None = None
    product_id: ProductId | None = None
    quantity: Quantity | None = None
    customer_name: Name | None = None
    user_email: Email | None = None
    user_username: Username | None = None
    shipping_address: Address | None = None
    notes: Notes | None = None

    @model_validator(mode="after")
    def _in_one_form(self) -> "CreateOrder":
        is_short = self.product_id is not None and self.quantity is not None
        is_partly_short = self.product_id is not None or self.quantity is not None
        if is_partly_short != is_short or is_short == (self.items is not None):
            raise ValueError("give either items, or product_id and quantity")
        if pieces_of(self.lines) > MAX_PIECES:
            raise ValueError(_TOO_MANY_PIECES)
        return self

    @cached_property
    def lines(self) -> tuple[OrderLine, ...]:
        if self.product_id is not None and self.quantity is not None:
            return (OrderLine(product_id=self.product_id, quantity=self.quantity),)
        return self.items or ()


class AddOrderItem(Message):
    """So many pieces more, of a product that is in the order or not."""

    product_id: ProductId
    quantity: Quantity


class RemoveOrderItem(Message):
    """So many pieces less; without `quantity` the whole line."""

    product_id: ProductId
    quantity: Quantity | None = None
    reason: Reason


class UpdateShippingAddress(Message):
    shipping_address: Address


class RequestPayment(Message):
    """Pay the whole order, by a `payment_method` or in the short form by a `card_token`.

    `amount` may be given as a check that it is what the client thinks.
    """

    model_config = with_example(order_id="57410cad-6e90-5177-96c8-1152331f01bb", card_token="tok_approve")

    order_id: Uuid
    amount: Price | None = None
    card_token: CardToken | None = None
    payment_method: PaymentMethod | None = None

    @model_validator(mode="after")
    def _one_way_to_pay(self) -> "RequestPayment":
        if (self.card_token is None) == (self.payment_method is None):
            raise ValueError("give either payment_method or card_token")
        return self

    @property
    def token(self) -> str | None:
        return self.payment_method.token if self.payment_method else self.card_token

    @property
    def kind(self) -> PaymentKind:
        return self.payment_method.kind if self.payment_method else "card"


class ShipOrder(Message):
    carrier: Name
    tracking_number: Name
    tracking_url: Url | None = None


class DeliverOrder(Message):
    pass


class CompleteOrder(Message):
    pass


class CancelOrder(Message):
    """`code` is for machines, `reason` for people; without a code it is `requested`."""

    code: Code | None = None
    reason: Reason | None = None


class UpdateOrderStatus(Message):
    """Do what ship, deliver, complete or cancel do; shipping needs its carrier and tracking number."""

    status: OrderStatus
    reason: Reason | None = None
    carrier: Name | None = None
    tracking_number: Name | None = None
    tracking_url: Url | None = None

    @model_validator(mode="after")
    def _with_what_it_needs(self) -> "UpdateOrderStatus":
        if self.status is OrderStatus.SHIPPED and (self.carrier is None or self.tracking_number is None):
            raise ValueError("SHIPPED needs carrier and tracking_number")
        return self


class DeleteOrder(Message):
    reason: Reason | None = None


class RefundOrder(Message):
    """Give back what was paid: all that is left of it, or so much.

    With `payment_id` only if that payment has paid; it may be left out where the command is addressed to a payment.
    """

    payment_id: Uuid | None = None
    amount: Price | None = None
    reason: Reason | None = None


class ImportOrder(Message):
    """Take over an order that was completed elsewhere; `line_number` makes it one order however often it is sent.

    With `items`, the number of pieces is their sum; without, say it in `item_count`.
    """

    model_config = with_example(
        user_id=123, source="shop-1", line_number=1, placed_at="2026-01-31T08:30:00Z", item_count=2, total="99.98"
    )

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
        if pieces_of(self.items) > MAX_PIECES:
            raise ValueError(_TOO_MANY_PIECES)
        return self


def pieces_of(lines: tuple[OrderLine, ...]) -> int:
    return sum(line.quantity for line in lines)


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
    """The provider has given the amount back; without `refund_id` it is all of a cancelled order's."""

    payment_id: Uuid
    amount: Money
    refund_id: Uuid | None = None


ClientMove = ShipOrder | DeliverOrder | CompleteOrder | CancelOrder | UpdateOrderStatus | DeleteOrder
ItemChange = AddOrderItem | RemoveOrderItem
ClientCommand = (
    CreateOrder | ItemChange | UpdateShippingAddress | RequestPayment | RefundOrder | ClientMove | ImportOrder
)
SagaCommand = ValidateOrder | RejectOrder | ConfirmPayment | FailPayment | ConfirmRefund
OrderCommand = ClientCommand | SagaCommand
