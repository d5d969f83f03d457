"""The rules of changing what an order holds and where it goes, while that can still be done."""

from typing import assert_never

from command_service.domain.decider import Context
from command_service.domain.order_commands import (
    MAX_LINES,
    MAX_PIECES,
    AddOrderItem,
    RemoveOrderItem,
    UpdateShippingAddress,
    pieces_of,
)
from command_service.domain.order_state import Order, changed_lines
from command_service.domain.order_status import OrderStatus, refusal
from common.errors import CommandRejected, UnknownReference
from common.events.orders import (
    AddressPersonal,
    OrderEvent,
    OrderItemAdded,
    OrderItemRemoved,
    OrderLine,
    ShippingAddressUpdated,
)
from common.values import MAX_QUANTITY

Change = AddOrderItem | RemoveOrderItem | UpdateShippingAddress
_UNPAID = frozenset({OrderStatus.PENDING, OrderStatus.VALIDATED})


def decide_change(command: Change, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case AddOrderItem():
            return _add(command, order, status, context)
        case RemoveOrderItem():
            return _remove(command, order, status, context)
        case UpdateShippingAddress():
            return _redirect(command, order, status, context)
    assert_never(command)


def stock_of(product_id: int) -> str:
    """The stream of a product's stock: an order may only name products that have one."""
    return f"inventory-{product_id}"


def check_product(product_id: int, context: Context) -> None:
    if stock_of(product_id) not in context.known_streams:
        raise UnknownReference("unknown_product", f"There is no product {product_id}.")


def _add(command: AddOrderItem, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    _check_unpaid(order, status, context)
    check_product(command.product_id, context)
    lines = changed_lines(order.lines, command.product_id, command.quantity)
    most = max(line.quantity for line in lines)
    if len(lines) > MAX_LINES or pieces_of(lines) > MAX_PIECES or most > MAX_QUANTITY:
        raise CommandRejected("order_too_large", f"An order has at most {MAX_LINES} lines and {MAX_PIECES} pieces.")
    return (OrderItemAdded(order_id=context.subject, product_id=command.product_id, quantity=command.quantity),)


def _remove(command: RemoveOrderItem, order: Order, status: OrderStatus, context: Context) -> tuple[OrderEvent, ...]:
    _check_unpaid(order, status, context)
    line = next((line for line in order.lines if line.product_id == command.product_id), None)
    if line is None:
        return ()
    quantity = command.quantity or line.quantity
    if quantity > line.quantity:
        raise CommandRejected("not_so_many", f"The order has {line.quantity} of product {line.product_id}.")
    if _is_all_of_it(quantity, order.lines):
        raise CommandRejected("order_would_be_empty", "Nothing would be left of the order; cancel it instead.")
    return (
        OrderItemRemoved(
            order_id=context.subject, product_id=command.product_id, quantity=quantity, reason=command.reason
        ),
    )


def _is_all_of_it(quantity: int, lines: tuple[OrderLine, ...]) -> bool:
    return quantity == pieces_of(lines)


def _check_unpaid(order: Order, status: OrderStatus, context: Context) -> None:
    if status not in _UNPAID:
        raise refusal(status, context, otherwise="already_paid")
    if order.open_payment:
        raise CommandRejected("payment_in_progress", f"Payment {order.open_payment} has no outcome yet.")


def _redirect(
    command: UpdateShippingAddress, order: Order, status: OrderStatus, context: Context
) -> tuple[OrderEvent, ...]:
    if status not in _UNPAID and status is not OrderStatus.PAID:
        raise refusal(status, context)
    if command.shipping_address == order.shipping_address:
        return ()
    personal = AddressPersonal(shipping_address=command.shipping_address)
    return (ShippingAddressUpdated(order_id=context.subject, personal=personal),)
