"""The rules of an order."""

from typing import assert_never

from command_service.domain.decider import Context, Decider
from command_service.domain.order_commands import (
    CancelOrder,
    CompleteOrder,
    ConfirmPayment,
    ConfirmRefund,
    CreateOrder,
    DeliverOrder,
    FailPayment,
    ImportOrder,
    OrderCommand,
    RejectOrder,
    RequestPayment,
    ShipOrder,
    ValidateOrder,
)
from command_service.domain.order_payment import decide_payment
from command_service.domain.order_state import OVER, PAID, Order, OrderStatus, evolve, refusal
from common.errors import CommandRejected, NotFound, UnknownReference
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderEvent,
    OrderImported,
    OrderInitiated,
    OrderLine,
    OrderPersonal,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PricedLine,
)
from common.values import MAX_MINOR_UNITS

Move = ValidateOrder | RejectOrder | ShipOrder | DeliverOrder | CompleteOrder | CancelOrder


def decide(command: OrderCommand, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case CreateOrder():
            return _create(command, order, context)
        case ImportOrder():
            return _import(command, order, context)
    if order.status is None:
        raise NotFound("unknown_order", f"There is no order {context.subject}.")
    match command:
        case RequestPayment() | ConfirmPayment() | FailPayment() | ConfirmRefund():
            return decide_payment(command, order, order.status, context)
        case ValidateOrder() | RejectOrder() | ShipOrder() | DeliverOrder() | CompleteOrder() | CancelOrder():
            return _move(command, order.status, context)
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


def _move(command: Move, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case ValidateOrder():
            return _validate(command, status, context)
        case RejectOrder():
            return _reject(command, status, context)
        case ShipOrder():
            return _ship(command, status, context)
        case DeliverOrder():
            return _deliver(status, context)
        case CompleteOrder():
            return _complete(status, context)
        case CancelOrder():
            return _cancel(command, status, context)
    assert_never(command)


def _validate(command: ValidateOrder, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.VALIDATED or status in PAID:
        return ()
    if status is not OrderStatus.PENDING:
        raise refusal(status, context)
    _check_prices(command.items)
    return (OrderValidated(order_id=context.subject, items=command.items),)


def _check_prices(lines: tuple[PricedLine, ...]) -> None:
    currencies = sorted({line.unit_price.currency for line in lines})
    if len(currencies) > 1:
        raise CommandRejected("mixed_currencies", f"One order cannot be paid in {' and '.join(currencies)}.")
    if sum(line.unit_price.amount * line.quantity for line in lines) > MAX_MINOR_UNITS:
        raise CommandRejected("total_too_large", "The order's total is more than can be paid at once.")


def _reject(command: RejectOrder, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.REJECTED:
        return ()
    if status is not OrderStatus.PENDING:
        raise refusal(status, context, otherwise="order_validated")
    return (OrderRejected(order_id=context.subject, code=command.code, reason=command.reason),)


def _ship(command: ShipOrder, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.SHIPPED:
        return ()
    if status is not OrderStatus.PAID:
        raise refusal(status, context, otherwise="order_not_paid")
    return (
        OrderShipped(
            order_id=context.subject,
            carrier=command.carrier,
            tracking_number=command.tracking_number,
            tracking_url=command.tracking_url,
        ),
    )


def _deliver(status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.DELIVERED:
        return ()
    if status is not OrderStatus.SHIPPED:
        raise refusal(status, context, otherwise="order_not_shipped")
    return (OrderDelivered(order_id=context.subject),)


def _complete(status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.COMPLETED:
        return ()
    if status is OrderStatus.SHIPPED:
        raise CommandRejected("order_not_delivered", f"Order {context.subject} is not delivered yet.")
    if status is not OrderStatus.DELIVERED:
        raise refusal(status, context, otherwise="order_not_delivered")
    return (OrderCompleted(order_id=context.subject),)


def _cancel(command: CancelOrder, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED):
        return ()
    if status in OVER:
        raise refusal(status, context)
    return (OrderCancelled(order_id=context.subject, reason=command.reason),)


def references(command: OrderCommand) -> frozenset[str]:
    """An order may only name products that have an inventory."""
    return frozenset(map(_stock_of, command.lines)) if isinstance(command, CreateOrder) else frozenset()


ORDERS: Decider[OrderCommand, Order, OrderEvent] = Decider(
    context="order",
    id_field="order_id",
    initial=Order(),
    decide=decide,
    evolve=evolve,
    status=lambda order: order.status,
    references=references,
)
