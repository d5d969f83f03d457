"""Every operation of the contract, and what a good client sends to each."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from command_service.messages.reading import routing_key_of
from command_service.routes import IMPORT_ROUTE, ROUTES
from tests.fuzz.wishes import BODIES
from tests.support.conformance import whole_contract

BEFORE = "/cqrs"
METHODS = ("get", "post", "put", "delete")
OPERATIONS = sorted(
    f"{method.upper()} {path}"
    for path, item in whole_contract()["paths"].items()
    for method in METHODS
    if method in item
)
COMMANDS = {f"{route.method} {BEFORE}{route.path}": routing_key_of(route) for route in ROUTES}
"""Operation → its command's routing key."""
IMPORT = f"{IMPORT_ROUTE.method} {BEFORE}{IMPORT_ROUTE.path}"
PROJECTION = f"{BEFORE}/ops/projections/{{name}}"
REBUILD, ROLL_BACK = f"POST {PROJECTION}/rebuild", f"POST {PROJECTION}/rollback"
DROP = f"DELETE {PROJECTION}/generations/{{generation}}"

PARKED = f"{BEFORE}/ops/parked"
RETRY, SKIP, ONE_PARKED = f"POST {PARKED}/retry", f"POST {PARKED}/skip", f"GET {PARKED}/{{projection}}/{{key}}"
NEVER_DONE = {SKIP, ONE_PARKED}
"""Where all is well nothing is parked, and these are refused."""

_import_line = st.integers(1, 10**9).map(
    lambda number: {
        "user_id": 1,
        "source": "old-shop",
        "placed_at": "2020-01-01T00:00:00Z",
        "item_count": 1,
        "total": "5.00",
        "line_number": number,
    }
)
_bodies: dict[str, st.SearchStrategy[Any]] = {
    IMPORT: _import_line,
    REBUILD: st.fixed_dictionaries({}, optional={"verify": st.booleans(), "switch": st.booleans()}),
    ROLL_BACK: st.just({}),
    RETRY: st.sampled_from([{"all": True}, {"projection": "orders"}, {"code": "unknown_schema"}]),
    SKIP: st.just({"projection": "inventory", "key": 1, "reason": "It is told twice."}),
}
GOOD_BODIES: Mapping[str, st.SearchStrategy[Any]] = {op: BODIES[key] for op, key in COMMANDS.items()} | _bodies
"""Of those that have one."""

_moments = st.sampled_from([0, 5, 100, "2026-01-01T00:00:00Z"])
_as_of = st.fixed_dictionaries({}, optional={"as_of": _moments})
_pages = st.fixed_dictionaries({}, optional={"limit": st.integers(1, 100)})
_filters = st.sampled_from(
    [{}, {"status": "PENDING"}, {"user_id": 1}, {"product_id": 1}, {"q": "lamp"}, {"min_amount": "1"}]
)
_log = st.sampled_from(
    [{}, {"type": "OrderPaid"}, {"stream": "inventory-1"}, {"sort": "position", "from": 3}, {"correlation_id": "x"}]
)
_sagas = st.sampled_from([{}, {"state": "running"}, {"saga": "order_fulfilment"}])
_parameters: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "/queries/orders": st.builds(lambda asked, page: asked | page, _filters, _pages),
    "/queries/orders/count": st.sampled_from([{}, {"user_id": 1}, {"q": "lamp"}, {"status": "PAID"}]),
    "/queries/orders/{order_id}": _as_of,
    "/queries/orders/{order_id}/audit": _pages,
    "/queries/users/{user_id}/orders": _pages,
    "/queries/users/{user_id}/summary": _as_of,
    "/queries/inventory": _pages,
    "/queries/inventory/{product_id}": _as_of,
    "/queries/products": st.sampled_from([{}, {"status": "PENDING"}, {"max_price": "9"}, {"q": "lamp"}]),
    "/queries/statistics/customers": _pages,
    "/queries/statistics/orders": _as_of,
    "/queries/statistics/revenue": st.fixed_dictionaries({}, optional={"period": st.sampled_from(["day", "week"])}),
    "/queries/sagas": st.builds(lambda asked, page: asked | page, st.sampled_from([{}, {"state": "running"}]), _pages),
    "/queries/stream": st.sampled_from([{}, {"user_id": 1}, {"after": 0}, {"type": "OrderPaid"}]),
    "/ops/events": st.builds(lambda asked, page: asked | page, _log, _pages),
    "/ops/parked": st.builds(lambda asked, page: asked | page, st.sampled_from([{}, {"projection": "orders"}]), _pages),
    "/ops/parked/skips": _pages,
    "/ops/sagas": st.builds(
        lambda asked, page: asked | page,
        st.sampled_from([{}, {"state": "running"}, {"saga": "order_fulfilment"}]),
        _pages,
    ),
    "/ops/aggregates/{stream}/state": st.fixed_dictionaries({}, optional={"version": st.integers(0, 3)}),
}
PARAMETERS: Mapping[str, st.SearchStrategy[dict[str, Any]]] = {
    f"GET {BEFORE}{path}": asked for path, asked in _parameters.items()
}
"""Of those that have some."""

ID_OF: Mapping[str, str] = {
    "order_id": "@order@",
    "saga": "@saga@",
    "saga_id": "@order@",
    "correlation_id": "@order@",
    "order_number": "@number@",
    "product_id": "@product@",
    "payment_id": "@payment@",
    "user_id": "@user@",
    "stream": "@stream@",
    "position": "@position@",
    "name": "@model@",
    "projection": "@model@",
    "key": "@product@",
    "generation": "@generation@",
    "slug": "@slug@",
}
"""What stands in a path → the placeholder of what is sent in its place."""
