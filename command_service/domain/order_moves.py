"""The rules of an order's way: validated or rejected, shipped, delivered, completed, cancelled, and out of sight."""

from collections import Counter
from typing import assert_never

from command_service.domain.decider import Context
from command_service.domain.order_commands import (
    CancelOrder,
    CompleteOrder,
    DeleteOrder,
    DeliverOrder,
    RejectOrder,
    ShipOrder,
    UpdateOrderStatus,
    ValidateOrder,
)
from command_service.domain.order_state import Order
from command_service.domain.order_status import OVER, PAID, OrderStatus, refusal
from common.access.actors import Role
from common.errors import CommandRejected, Forbidden
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderDeleted,
    OrderDelivered,
    OrderEvent,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PricedLine,
)
from common.values import MAX_MINOR_UNITS

Step = ShipOrder | DeliverOrder | CompleteOrder | CancelOrder
Move = ValidateOrder | RejectOrder | UpdateOrderStatus | DeleteOrder | Step
_HAS_ENDED = frozenset({OrderStatus.COMPLETED, OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.REFUNDED})


def decide_move(command: Move, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case ValidateOrder():
            return _validate(command, order, status, context)
        case RejectOrder():
            return _reject(command, status, context)
        case UpdateOrderStatus():
            return _take(_step_to(command, context), status, context)
        case DeleteOrder():
            return _delete(command, order, status, context)
        case ShipOrder() | DeliverOrder() | CompleteOrder() | CancelOrder():
            return _take(command, status, context)
    assert_never(command)


def _validate(command: ValidateOrder, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.VALIDATED or status in PAID:
        return ()
    if status is not OrderStatus.PENDING:
        raise refusal(status, context)
    _check_prices(command.items)
    _check_lines(command.items, order)
    return (OrderValidated(order_id=context.subject, items=command.items),)


def _check_prices(lines: tuple[PricedLine, ...]) -> None:
    currencies = sorted({line.unit_price.currency for line in lines})
    if len(currencies) > 1:
        raise CommandRejected("mixed_currencies", f"One order cannot be paid in {' and '.join(currencies)}.")
    if sum(line.unit_price.amount * line.quantity for line in lines) > MAX_MINOR_UNITS:
        raise CommandRejected("total_too_large", "The order's total is more than can be paid at once.")


def _check_lines(priced: tuple[PricedLine, ...], order: Order) -> None:
    """What was reserved must be what is wanted now: items may have changed meanwhile."""
    reserved: Counter[int] = Counter()
    for line in priced:
        reserved[line.product_id] += line.quantity
    if reserved != {line.product_id: line.quantity for line in order.lines}:
        raise CommandRejected("items_changed", "The order's items are not those that were reserved.")


def _reject(command: RejectOrder, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if status is OrderStatus.REJECTED:
        return ()
    if status is not OrderStatus.PENDING:
        raise refusal(status, context, otherwise="order_validated")
    return (OrderRejected(order_id=context.subject, code=command.code, reason=command.reason),)


def _step_to(command: UpdateOrderStatus, context: Context) -> Step:
    """The command that leads to this status; some are reached by what happens, and never set."""
    match command.status:
        case OrderStatus.SHIPPED if command.carrier and command.tracking_number:
            return ShipOrder(
                carrier=command.carrier,
                tracking_number=command.tracking_number,
                tracking_url=command.tracking_url,
            )
        case OrderStatus.DELIVERED:
            return DeliverOrder()
        case OrderStatus.COMPLETED:
            return CompleteOrder()
        case OrderStatus.CANCELLED if context.actor.role is Role.WAREHOUSE:
            raise Forbidden("forbidden", "Who packs orders does not cancel them.")
        case OrderStatus.CANCELLED:
            return CancelOrder(reason=command.reason)
    raise CommandRejected("status_not_settable", f"An order becomes {command.status} by what happens to it.")


def _take(command: Step, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case ShipOrder():
            return _ship(command, status, context)
        case DeliverOrder():
            return _deliver(status, context)
        case CompleteOrder():
            return _complete(status, context)
        case CancelOrder():
            return _cancel(command, status, context)
    assert_never(command)


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
    return (OrderCancelled(order_id=context.subject, code=_why(command, context), reason=command.reason),)


def _why(command: CancelOrder, context: Context) -> str:
    """The one saga that cancels sends no code, so that any command service understands it (docs/events.md)."""
    is_ours = context.actor.role is Role.SYSTEM
    return command.code or ("payment_overdue" if is_ours else "requested")


def _delete(command: DeleteOrder, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    if order.is_deleted:
        return ()
    if status not in _HAS_ENDED:
        raise CommandRejected("order_not_over", f"Order {context.subject} is {status}; cancel it or let it end first.")
    return (OrderDeleted(order_id=context.subject, reason=command.reason),)
