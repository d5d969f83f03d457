"""The facts of a payment: what the provider was asked for, and what it said."""

from typing import ClassVar

from common.values import CardPersonal, Code, Message, Money, Name, Reason


class PaymentInitiated(Message):
    """The provider may be asked from now on, with the payment's id as its key."""

    schema_version: ClassVar[int] = 1

    payment_id: str
    order_id: str
    amount: Money
    personal: CardPersonal = CardPersonal()


class PaymentProcessed(Message):
    """The provider has captured the amount."""

    schema_version: ClassVar[int] = 1

    payment_id: str
    order_id: str
    amount: Money
    provider_reference: Name


class PaymentFailed(Message):
    """The provider captured nothing, and never will under this id."""

    schema_version: ClassVar[int] = 1

    payment_id: str
    order_id: str
    code: Code
    reason: Reason | None = None


class PaymentRefundInitiated(Message):
    """The provider may be asked to give the amount back from now on; `refund_id` names a part of what was captured."""

    schema_version: ClassVar[int] = 1

    payment_id: str
    order_id: str
    amount: Money
    refund_id: str | None = None


class PaymentRefunded(Message):
    schema_version: ClassVar[int] = 1

    payment_id: str
    order_id: str
    amount: Money
    provider_reference: Name
    refund_id: str | None = None


PaymentEvent = PaymentInitiated | PaymentProcessed | PaymentFailed | PaymentRefundInitiated | PaymentRefunded
