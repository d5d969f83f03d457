"""The paths under which queries are asked: one row per query, with all that the contract tells of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from common.access.policies import ADMINS, CUSTOMERS, KNOWN_IF_TOLD, OPEN, READERS, SUPPORT, Policy
from common.contract.operations import Parameter
from common.paging import PAGING, Page
from common.read_models.products import AttributeView, FileView
from query_service.answers import Answer
from query_service.parameters import CURRENCY, ORDER_STATUS
from query_service.past import counting
from query_service.past import documents as past_documents
from query_service.past.asking import AS_OF, PastQuery
from query_service.queries import correlations, customers, events, products, revenue, sagas
from query_service.queries.inventory import all_products, one_product
from query_service.queries.order_audit import audit_of_order
from query_service.queries.order_filters import FILTERS
from query_service.queries.order_lists import SORT, count_orders, list_orders, orders_of_user
from query_service.queries.orders import one_order, order_by_number
from query_service.queries.statistics import order_statistics
from query_service.queries.users import user_summary
from query_service.shown.events import Correlation, LoggedCommit, RawCommit
from query_service.shown.orders import AuditedCommit, Order, OrderCount
from query_service.shown.products import Product, ProductInventory
from query_service.shown.sagas import Saga
from query_service.shown.stock import Stock
from query_service.shown.sums import Customer, OrderStatistics, Revenue, UserSummary

Query = Callable[[web.Request, Any], Awaitable[Answer]]
"""Of the views that are shown (`Views`), or of the log's database."""


@dataclass(frozen=True, slots=True)
class QueryRoute:
    """How one query is reached. It takes these parameters and no other; `shown` is the shape of its answers.

    One `with_etag` answers 304 to who has it already. `past` answers when the parameter AS_OF is there.
    """

    path: str
    name: str
    summary: str
    query: Query
    policy: Policy
    shown: Any
    parameters: tuple[Parameter, ...] = ()
    with_etag: bool = False
    past: PastQuery | None = None

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        return (*self.parameters, *((AS_OF,) if self.past else ()))

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.all_parameters)


QUERIES = (
    QueryRoute(
        "/queries/orders",
        "ListOrders",
        "Orders that fulfil every filter",
        list_orders,
        READERS,
        Page[Order],
        (*FILTERS, SORT, *PAGING),
    ),
    QueryRoute(
        "/queries/orders/count", "CountOrders", "How many there are", count_orders, READERS, OrderCount, FILTERS
    ),
    QueryRoute(
        "/queries/orders/by-number/{order_number}",
        "GetOrderByNumber",
        "One order, by its number",
        order_by_number,
        READERS,
        Order,
        with_etag=True,
    ),
    QueryRoute(
        "/queries/orders/{order_id}",
        "GetOrder",
        "One order",
        one_order,
        READERS,
        Order,
        with_etag=True,
        past=past_documents.one_order,
    ),
    QueryRoute(
        "/queries/users/{user_id}/orders",
        "ListOrdersOfUser",
        "A user's orders, newest first",
        orders_of_user,
        READERS,
        Page[Order],
        (ORDER_STATUS, *PAGING),
    ),
    QueryRoute(
        "/queries/users/{user_id}/summary",
        "GetUserSummary",
        "What a user ordered, summed up",
        user_summary,
        CUSTOMERS,
        UserSummary,
        past=counting.user_summary,
    ),
    QueryRoute(
        "/queries/inventory", "ListStock", "The stock of all products", all_products, KNOWN_IF_TOLD, Page[Stock], PAGING
    ),
    QueryRoute(
        "/queries/inventory/{product_id}",
        "GetStock",
        "The stock of one product",
        one_product,
        KNOWN_IF_TOLD,
        Stock,
        past=past_documents.one_product,
    ),
    QueryRoute(
        "/queries/products",
        "ListProducts",
        "Products by id; where a price is asked for, by price",
        products.list_of_products,
        OPEN,
        Page[Product],
        (*PAGING, *products.FILTER_PARAMETERS),
    ),
    QueryRoute(
        "/queries/products/{product_id}",
        "GetProduct",
        "One product with all that belongs to it",
        products.one_product,
        OPEN,
        Product,
        with_etag=True,
    ),
    QueryRoute(
        "/queries/products/{product_id}/attributes",
        "ListAttributes",
        "A product's attributes",
        products.attributes_of_product,
        OPEN,
        Page[AttributeView],
        with_etag=True,
    ),
    QueryRoute(
        "/queries/products/{product_id}/media",
        "ListMedia",
        "A product's files",
        products.media_of_product,
        OPEN,
        Page[FileView],
        with_etag=True,
    ),
    QueryRoute(
        "/queries/products/{product_id}/inventory",
        "GetProductInventory",
        "A product's inventory with its files",
        products.inventory_of_product,
        OPEN,
        ProductInventory,
        with_etag=True,
    ),
    QueryRoute(
        "/queries/statistics/orders",
        "GetOrderStatistics",
        "All orders in numbers",
        order_statistics,
        SUPPORT,
        OrderStatistics,
        past=counting.order_statistics,
    ),
    QueryRoute(
        "/queries/statistics/customers",
        "ListBestCustomers",
        "Who spent the most, or ordered most often",
        customers.best_customers,
        SUPPORT,
        Page[Customer],
        customers.PARAMETERS,
    ),
    QueryRoute(
        "/queries/statistics/revenue",
        "GetRevenue",
        "Revenue per day, week or month",
        revenue.revenue,
        SUPPORT,
        Revenue,
        (*revenue.PARAMETERS, CURRENCY),
    ),
)

LOG_QUERIES = (
    QueryRoute(
        "/queries/orders/{order_id}/audit",
        "GetAuditTrail",
        "Every commit of an order: who, when and why",
        audit_of_order,
        SUPPORT,
        Page[AuditedCommit],
        PAGING,
    ),
    QueryRoute(
        "/queries/orders/{saga_id}/saga",
        "GetFulfilment",
        "How it goes with an order's fulfilment",
        sagas.one_saga,
        SUPPORT,
        Saga,
    ),
    QueryRoute(
        "/queries/sagas",
        "ListSagas",
        "The sagas in one state",
        sagas.sagas_in_state,
        SUPPORT,
        Page[Saga],
        (*sagas.PARAMETERS, *PAGING),
    ),
    QueryRoute("/queries/sagas/{saga_id}", "GetSaga", "How it goes with a saga", sagas.one_saga, SUPPORT, Saga),
    QueryRoute(
        "/ops/events",
        "ListEvents",
        "The log's commits, filtered",
        events.list_events,
        ADMINS,
        Page[LoggedCommit],
        (*events.PARAMETERS, *PAGING),
    ),
    QueryRoute("/ops/events/{position}", "GetEvent", "One commit as it is stored", events.one_event, ADMINS, RawCommit),
    QueryRoute(
        "/ops/correlations/{correlation_id}",
        "GetCorrelation",
        "What followed from a command",
        correlations.one_correlation,
        ADMINS,
        Correlation,
    ),
)
"""They read the log, or what the sagas keep beside it, not a view: no token is waited for."""
