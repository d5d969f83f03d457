"""What an order adds to the sums of its user, its day, its products, and of why orders are cancelled."""

from common.read_models.inventory import PRODUCT_DEMAND
from common.read_models.order_shapes import OrderView
from common.read_models.order_statistics import CANCELLATIONS, DAYS
from common.read_models.shapes import Contribution, SummaryKey
from common.read_models.users import USER_PRODUCTS, USERS

MOST_REASON_CHARACTERS = 60


def contribute(order: OrderView) -> Contribution:
    """An order counts for its user and its day, its lines as the user's favourites and, while pending, as demand.

    A rejected one never came about: it counts as rejected and as nothing else. Of a deleted one only its money counts.
    """
    user, day = SummaryKey(USERS, (order.user_id,)), SummaryKey(DAYS, (order.placed_at.date().isoformat(),))
    statuses = {f"statuses.{order.status}": 1}
    money = _money(order)
    if order.is_deleted:
        return {user: money, day: money | _paid(order)}
    if order.status == "REJECTED":
        return {user: statuses, day: statuses}
    counted = {"total_orders": 1, **statuses, **money}
    of_day = {**counted, "total_items": order.item_count, **_paid(order), **_course(order)}
    sums: dict[SummaryKey, dict[str, int]] = {user: counted, day: of_day}
    for product_id, quantity in quantities(order).items():
        sums[SummaryKey(USER_PRODUCTS, (order.user_id, product_id))] = {"orders": 1, "quantity": quantity}
        if order.is_pending:
            sums[SummaryKey(PRODUCT_DEMAND, (product_id,))] = {"pending_orders": 1}
    if "cancelled" in of_day:
        sums[SummaryKey(CANCELLATIONS, (reason_key(order.cancel_reason),))] = {"orders": 1}
    return sums


def quantities(order: OrderView) -> dict[int, int]:
    """Product → pieces, in the order of the lines."""
    pieces: dict[int, int] = {}
    for line in order.items:
        pieces[line.product_id] = pieces.get(line.product_id, 0) + line.quantity
    return pieces


def reason_key(reason: str | None) -> str:
    """What reasons are counted by: one case, single blanks, no slash (it parts the keys), cut; "" for none."""
    return " ".join((reason or "").casefold().replace("/", " ").split())[:MOST_REASON_CHARACTERS].rstrip()


def _money(order: OrderView) -> dict[str, int]:
    money: dict[str, int] = {}
    if order.captured:
        money = {f"spent.{order.captured.currency}": order.captured.amount, "paid_orders": 1}
    if order.refunded:
        money[f"refunded.{order.refunded.currency}"] = order.refunded.amount
    return money


def _paid(order: OrderView) -> dict[str, int]:
    return {f"paid.{order.captured.currency}": 1} if order.captured else {}


def _course(order: OrderView) -> dict[str, int]:
    """What happened on its way; an imported order was never placed here, so it can neither be won nor lost."""
    events = {entry.event for entry in order.timeline}
    course: dict[str, int] = {}
    if "OrderImported" in events:
        course["imported"] = 1
    elif order.captured or order.refunded:
        course["converted"] = 1
    if "OrderCancelled" in events:
        course["cancelled"] = 1
    return course
