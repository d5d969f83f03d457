"""The facts of an order."""

from typing import Annotated, ClassVar

from pydantic import Field

from common.values import Email, Instant, Message, Money, Name, ProductId, Quantity, Reason, UserId


class OrderLine(Message):
    product_id: ProductId
    quantity: Quantity


class OrderPersonal(Message):
    """What identifies a person, kept apart so that it can be erased alone."""

    email: Email | None = None


class OrderInitiated(Message):
    schema_version: ClassVar[int] = 1

    order_id: str
    user_id: UserId
    items: Annotated[tuple[OrderLine, ...], Field(min_length=1)]
    personal: OrderPersonal = OrderPersonal()


class OrderCancelled(Message):
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


OrderEvent = OrderInitiated | OrderCancelled | OrderImported
