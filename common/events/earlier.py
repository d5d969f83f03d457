"""What events were in earlier schemas: still in logs, and in messages that are sent again; nobody writes them.

A class here stays as it was when its successor came: `common/upcasting.py` says what becomes of it.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from common.values import CardPersonal, Message, Money, PaymentKind, Reason


class PaymentRequested1(Message):
    """`method` is how; None is by card."""

    schema_version: ClassVar[int] = 1

    order_id: str
    payment_id: str
    attempt: Annotated[int, Field(ge=1)]
    amount: Money
    method: PaymentKind | None = None
    personal: CardPersonal = CardPersonal()


class OrderCancelled1(Message):
    """Why stands in words alone."""

    schema_version: ClassVar[int] = 1

    order_id: str
    reason: Reason | None = None


EARLIER: Mapping[str, tuple[type[Message], ...]] = {
    "PaymentRequested": (PaymentRequested1,),
    "OrderCancelled": (OrderCancelled1,),
}
"""Event → its earlier schemas, the first one first."""
