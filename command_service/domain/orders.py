"""The rules of an order."""

from typing import assert_never

from command_service.domain.decider import Context, Decider
from command_service.domain.order_commands import (
    AddOrderItem,
    CancelOrder,
    CompleteOrder,
    ConfirmPayment,
    ConfirmRefund,
    CreateOrder,
    DeleteOrder,
    DeliverOrder,
    FailPayment,
    ImportOrder,
    OrderCommand,
    RefundOrder,
    RejectOrder,
    RemoveOrderItem,
    RequestPayment,
    ShipOrder,
    UpdateOrderStatus,
    UpdateShippingAddress,
    ValidateOrder,
    pieces_of,
)
from command_service.domain.order_items import check_product, decide_change, stock_of
from command_service.domain.order_moves import decide_move
from command_service.domain.order_payment import decide_payment
from command_service.domain.order_refund import decide_refund
from command_service.domain.order_state import Order, evolve
from common.errors import CommandRejected, Forbidden, NotFound
from common.events.orders import OrderEvent, OrderImported, OrderInitiated, OrderLine, OrderPersonal


def decide(command: OrderCommand, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    if isinstance(command, CreateOrder | ImportOrder):
        return _begin(command, order, context)
    if order.status is None or context.actor.is_kept_from(order.user_id):
        raise NotFound("unknown_order", f"There is no order {context.subject}.")
    match command:
        case AddOrderItem() | RemoveOrderItem() | UpdateShippingAddress():
            return decide_change(command, order, order.status, context)
        case RequestPayment() | ConfirmPayment() | FailPayment():
            return decide_payment(command, order, order.status, context)
        case RefundOrder() | ConfirmRefund():
            return decide_refund(command, order, order.status, context)
        case ValidateOrder() | RejectOrder() | UpdateOrderStatus() | DeleteOrder():
            return decide_move(command, order, order.status, context)
        case ShipOrder() | DeliverOrder() | CompleteOrder() | CancelOrder():
            return decide_move(command, order, order.status, context)
    assert_never(command)


def _begin(command: CreateOrder | ImportOrder, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case CreateOrder():
            return _create(command, order, context)
        case ImportOrder():
            return _import(command, order, context)
    assert_never(command)


def _create(command: CreateOrder, order: Order, context: Context) -> tuple[OrderEvent, ...]:
    if context.actor.is_kept_from(command.user_id):
        raise Forbidden("not_your_user_id", f"You place orders as user {context.actor.user_id}, and as no other.")
    if order.status is not None:
        return ()
    for line in command.lines:
        check_product(line.product_id, context)
    return (
        OrderInitiated(
            order_id=context.subject,
            user_id=command.user_id,
            items=_merged(command.lines),
            personal=OrderPersonal(
                name=command.customer_name,
                email=command.user_email,
                username=command.user_username,
                shipping_address=command.shipping_address,
                notes=command.notes,
            ),
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
            item_count=pieces_of(command.items) + (command.item_count or 0),
            paid=command.total,
        ),
    )


def _merged(lines: tuple[OrderLine, ...]) -> tuple[OrderLine, ...]:
    """The same product twice is one line, at its first place."""
    if len(lines) == 1:
        return lines
    quantities: dict[int, int] = {}
    for line in lines:
        quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
    return tuple(OrderLine(product_id=product_id, quantity=quantity) for product_id, quantity in quantities.items())


def references(command: OrderCommand) -> frozenset[str]:
    match command:
        case CreateOrder():
            return frozenset(stock_of(line.product_id) for line in command.lines)
        case AddOrderItem():
            return frozenset({stock_of(command.product_id)})
    return frozenset()


ORDERS: Decider[OrderCommand, Order, OrderEvent] = Decider(
    context="order",
    id_field="order_id",
    initial=Order(),
    state=Order,
    decide=decide,
    evolve=evolve,
    status=lambda order: order.status,
    references=references,
)
