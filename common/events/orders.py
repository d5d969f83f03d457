"""The facts of an order."""

from typing import Annotated, ClassVar

from pydantic import Field

from common.postal import Address
from common.values import (
    CardPersonal,
    Code,
    Email,
    Instant,
    Message,
    Money,
    Name,
    Notes,
    PaymentKind,
    ProductId,
    Quantity,
    Reason,
    Url,
    UserId,
    Username,
)


class OrderLine(Message):
    product_id: ProductId
    quantity: Quantity


class PricedLine(Message):
    """Pieces at the price they had when they were reserved; a product may stand in two such lines."""

    product_id: ProductId
    quantity: Quantity
    unit_price: Money
    product_name: Name | None = None


class OrderPersonal(Message):
    """What identifies a person, kept apart so that it can be erased alone."""

    name: Name | None = None
    email: Email | None = None
    username: Username | None = None
    shipping_address: Address | None = None
    notes: Notes | None = None


class AddressPersonal(Message):
    """None once it was erased."""

    shipping_address: Address | None = None


class OrderInitiated(Message):
    schema_version: ClassVar[int] = 1

    order_id: str
    user_id: UserId
    items: Annotated[tuple[OrderLine, ...], Field(min_length=1)]
    personal: OrderPersonal = OrderPersonal()


class OrderItemAdded(Message):
    """So many pieces more; the order is pending again until they are reserved."""

    schema_version: ClassVar[int] = 1

    order_id: str
    product_id: ProductId
    quantity: Quantity


class OrderItemRemoved(Message):
    """So many pieces less, at most the whole line; the order is pending again."""

    schema_version: ClassVar[int] = 1

    order_id: str
    product_id: ProductId
    quantity: Quantity
    reason: Reason


class ShippingAddressUpdated(Message):
    """The parcel goes there; nothing had been shipped yet."""

    schema_version: ClassVar[int] = 1

    order_id: str
    personal: AddressPersonal


class OrderValidated(Message):
    """Every line is reserved; all prices are in one currency."""

    schema_version: ClassVar[int] = 1

    order_id: str
    items: Annotated[tuple[PricedLine, ...], Field(min_length=1)]


class OrderRejected(Message):
    """The order cannot be served; `code` is for machines, `reason` for people."""

    schema_version: ClassVar[int] = 1

    order_id: str
    code: Code
    reason: Reason


class PaymentRequested(Message):
    """The user wants to pay; no other payment of this order begins before this one has an end."""

    schema_version: ClassVar[int] = 2

    order_id: str
    payment_id: str
    attempt: Annotated[int, Field(ge=1)]
    amount: Money
    method: PaymentKind
    personal: CardPersonal = CardPersonal()


class OrderPaid(Message):
    schema_version: ClassVar[int] = 1

    order_id: str
    payment_id: str
    amount: Money


class OrderPaymentFailed(Message):
    """Nothing was captured; the order may be paid in another attempt."""

    schema_version: ClassVar[int] = 1

    order_id: str
    payment_id: str
    code: Code
    reason: Reason | None = None


class OrderShipped(Message):
    schema_version: ClassVar[int] = 1

    order_id: str
    carrier: Name
    tracking_number: Name
    tracking_url: Url | None = None


class OrderDelivered(Message):
    schema_version: ClassVar[int] = 1

    order_id: str


class OrderCompleted(Message):
    schema_version: ClassVar[int] = 1

    order_id: str


class OrderCancelled(Message):
    """Nobody waits for it any more; `code` is for machines, `reason` for people.

    `requested` is the code of who gave none, `payment_overdue` that of an order whose money did not come in time.
    """

    schema_version: ClassVar[int] = 2

    order_id: str
    code: Code
    reason: Reason | None = None


class RefundRequested(Message):
    """So much of what was paid is to go back; no other refund of this order begins before this one has an end."""

    schema_version: ClassVar[int] = 1

    order_id: str
    payment_id: str
    refund_id: str
    number: Annotated[int, Field(ge=1)]
    amount: Money
    reason: Reason | None = None


class OrderRefunded(Message):
    """The user has the money back: what a refund was requested for, or all of a cancelled order's."""

    schema_version: ClassVar[int] = 1

    order_id: str
    payment_id: str
    amount: Money
    refund_id: str | None = None


class OrderDeleted(Message):
    """Nobody wants to see the order any more; it was over, and what it says stays true."""

    schema_version: ClassVar[int] = 1

    order_id: str
    reason: Reason | None = None


class OrderImported(Message):
    """An order that another system completed; what it paid counts as captured.

    Some sources know the lines, some only how many pieces there were: then `items` is empty.
    """

    schema_version: ClassVar[int] = 1

    order_id: str
    user_id: UserId
    source: Name
    line_number: Annotated[int, Field(ge=1)]
    placed_at: Instant
    items: tuple[OrderLine, ...] = ()
    item_count: Annotated[int, Field(ge=0)]
    paid: Money


OrderEvent = (
    OrderInitiated
    | OrderValidated
    | OrderRejected
    | PaymentRequested
    | OrderPaid
    | OrderPaymentFailed
    | OrderShipped
    | OrderDelivered
    | OrderCompleted
    | OrderCancelled
    | RefundRequested
    | OrderRefunded
    | OrderItemAdded
    | OrderItemRemoved
    | OrderDeleted
    | ShippingAddressUpdated
    | OrderImported
)
