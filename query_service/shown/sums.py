"""Sums over orders, as they are shown: of a user, of periods, of all."""

from typing import Annotated, TypedDict

from msgspec import Meta

from query_service.shown.values import Amount, PlainNumber

Day = Annotated[str, Meta(description="A UTC day.", examples=["2026-01-31"])]
ByStatus = Annotated[dict[str, int], Meta(description="Status → how many orders.")]


class FavoriteProduct(TypedDict):
    product_id: int
    quantity: int
    orders: int


class UserSummary(TypedDict):
    """What a user ordered, summed up; the average is over paid orders."""

    user_id: int
    total_orders: int
    total_spent: PlainNumber
    spent: list[Amount]
    avg_order_value: PlainNumber
    favorite_products: list[FavoriteProduct]
    order_statuses: ByStatus


class Customer(TypedDict):
    user_id: int
    total_spent: float
    spent: Amount
    orders: int


class PeriodRevenue(TypedDict):
    """`gross` was captured, `net` is what of it was not given back."""

    period: Annotated[str, Meta(examples=["2026-W47"])]
    orders: int
    paid_orders: int
    gross: Amount
    refunded: Amount
    net: Amount


class Revenue(TypedDict):
    """The oldest period first; with `has_more` there are still older ones."""

    period: str
    currency: str
    data: list[PeriodRevenue]
    has_more: bool


class OrdersOfDay(TypedDict):
    day: Day
    orders: int
    items: int
    revenue: PlainNumber


class Conversion(TypedDict):
    """How many of the orders that were placed here were ever paid; no rate where there are none."""

    initiated: int
    paid: int
    rate: float | None


class CancelReason(TypedDict):
    """Null where no reason was given."""

    reason: str | None
    orders: int


class Cancellations(TypedDict):
    orders: int
    reasons: list[CancelReason]


class OrderStatistics(TypedDict):
    """All orders in numbers; averages are over paid orders."""

    total_orders: int
    total_users: int
    total_items: int
    total_revenue: PlainNumber
    revenue: list[Amount]
    refunded: list[Amount]
    average_order_value: PlainNumber
    average_order_values: list[Amount]
    by_status: ByStatus
    conversion: Conversion
    cancellations: Cancellations
    per_day: list[OrdersOfDay]
    busiest_days: list[OrdersOfDay]
    best_customers: list[Customer]
