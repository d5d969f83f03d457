"""The rules of an order."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Annotated, assert_never

from pydantic import Field, model_validator

from command_service.domain.decider import Context, Decider
from common.errors import CommandRejected, NotFound, UnknownReference
from common.events.orders import (
    OrderCancelled,
    OrderEvent,
    OrderImported,
    OrderInitiated,
    OrderLine,
    OrderPersonal,
)
from common.values import Email, Instant, Message, Name, Price, ProductId, Quantity, Reason, UserId

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


OrderCommand = CreateOrder | CancelOrder | ImportOrder


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the rules must know of an order; `status` is None before there is one."""

    status: OrderStatus | None = None


def decide(command: OrderCommand, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case CreateOrder():
            return _create(command, order, context)
        case CancelOrder():
            return _cancel(command, order, context)
        case ImportOrder():
            return _import(command, order, context)
    assert_never(command)


def _create(command: CreateOrder, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    if order.status is not None:
        return ()
    for line in command.lines:
        if _stock_of(line) not in context.known_streams:
            raise UnknownReference("unknown_product", f"There is no product {line.product_id}.")
    return (
        OrderInitiated(
            order_id=context.subject,
            user_id=command.user_id,
            items=_merged(command.lines),
            personal=OrderPersonal(email=command.user_email),
        ),
    )


def _cancel(command: CancelOrder, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    match order.status:
        case None:
            raise NotFound("unknown_order", f"There is no order {context.subject}.")
        case OrderStatus.CANCELLED:
            return ()
        case OrderStatus.COMPLETED:
            raise CommandRejected(
                "order_completed", f"Order {context.subject} is completed; it can no longer be cancelled."
            )
        case OrderStatus.PENDING:
            return (OrderCancelled(order_id=context.subject, reason=command.reason),)
    assert_never(order.status)


def _import(command: ImportOrder, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    if order.status is not None:
        return ()
    if command.placed_at > context.now:
        raise CommandRejected(
            "placed_in_the_future", f"The order is said to be placed at {command.placed_at.isoformat()}."
        )
    return (
        OrderImported(
            order_id=context.subject,
            user_id=command.user_id,
            source=command.source,
            line_number=command.line_number,
            placed_at=command.placed_at,
            items=_merged(command.items),
            item_count=sum(line.quantity for line in command.items) + (command.item_count or 0),
            paid=command.total,
        ),
    )


def _stock_of(line: OrderLine) -> str:
    return f"inventory-{line.product_id}"


def _merged(lines: tuple[OrderLine, ...]) -> tuple[OrderLine, ...]:
    """The same product twice is one line, at its first place."""
    if len(lines) == 1:
        return lines
    quantities: dict[int, int] = {}
    for line in lines:
        quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
    return tuple(OrderLine(product_id=product_id, quantity=quantity) for product_id, quantity in quantities.items())


def references(command: OrderCommand) -> frozenset[str]:
    """An order may only name products that have an inventory."""
    return frozenset(map(_stock_of, command.lines)) if isinstance(command, CreateOrder) else frozenset()


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderInitiated():
            return Order(status=OrderStatus.PENDING)
        case OrderCancelled():
            return replace(order, status=OrderStatus.CANCELLED)
        case OrderImported():
            return Order(status=OrderStatus.COMPLETED)
    assert_never(event)


ORDERS: Decider[OrderCommand, Order, OrderEvent] = Decider(
    context="order",
    id_field="order_id",
    initial=Order(),
    decide=decide,
    evolve=evolve,
    status=lambda order: order.status,
    references=references,
)
