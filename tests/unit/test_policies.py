"""No route without a policy: every route of every service, as its router has them."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from aiohttp import web
from pymongo import AsyncMongoClient

from command_service.aggregates import add_states
from command_service.app import CommandApi, make_command_app
from command_service.saga_operations import add_sagas
from command_service.sagas.post import PATH, add_errands
from common.access.door import Door
from common.access.policies import ADMINS, KNOWN_IF_TOLD, OPEN
from common.access.routes import add_route, policies_of
from common.config import Settings
from common.envelope import Seal
from common.paging.cursors import Cursors
from common.web import add_operations, make_app
from gateway.app import OPERATIONS_BEHIND, make_gateway_app
from gateway.contract import SIDES
from monitor.app import make_monitor_app
from payments.app import Conduct, make_payments_app
from projector.operations import add_projections
from query_service.app import make_query_app
from stack.lab.app import make_lab_app

NOTHING = cast(Any, None)
OPERATIONS = {"/livez", "/readyz", "/metrics"}
SHOP_WINDOW = {
    "/queries/products",
    "/queries/products/{product_id}",
    "/queries/products/{product_id}/attributes",
    "/queries/products/{product_id}/media",
    "/queries/products/{product_id}/inventory",
}
CONTRACT_PATHS = {
    *("/cqrs/openapi.json", "/cqrs/asyncapi.json", "/problems", "/problems/{slug}"),
    *("/cqrs/problems", "/cqrs/problems/{slug}", "/cqrs/docs", "/cqrs/docs/start.js"),
    *("/", "/console", "/console/{path}"),
    *("/cqrs/docs/swagger-ui.css", "/cqrs/docs/swagger-ui-bundle.js", "/cqrs/docs/favicon-32x32.png"),
}
OPEN_PATHS = {
    "command": OPERATIONS
    | {"/commands/health", "/ops/positions", "/openapi.json", "/asyncapi.json", PATH},  # the last one has a seal
    "query": OPERATIONS | {"/queries/health", "/ops/positions", "/openapi.json"} | SHOP_WINDOW,
    "gateway": OPERATIONS,
    "projector": OPERATIONS | {"/openapi.json"},
    "monitor": OPERATIONS | {"/openapi.json"},
    "lab": {"/openapi.json"},
    "payments": OPERATIONS
    | {"/charges", "/charges/{payment_id}/void", "/charges/{payment_id}", "/refunds", "/books"},  # a sandbox
}


async def ready() -> Mapping[str, bool]:
    return {}


def app_of(service: str) -> web.Application:
    if service == "command":
        api = CommandApi(NOTHING, NOTHING, partitions=8, deadline_seconds=1.0)
        app = make_command_app(api, Door(None), ready=ready, positions=ready)
        database = AsyncMongoClient("mongodb://127.0.0.1:9", connect=False)["nothing"]
        add_states(app, database)
        add_sagas(app, database, {}, Cursors("a key for tests"))
        add_errands(app, NOTHING, Seal("a key for tests", "a log"))
        return app
    if service == "query":
        database = AsyncMongoClient("mongodb://127.0.0.1:9", connect=False)["nothing"]
        return make_query_app(database, database, Settings(), Door(None))
    if service == "projector":
        app = make_app(Door(None))
        add_operations(app, ready)
        add_projections(app, NOTHING, NOTHING)
        return app
    return MADE_AT_ONCE[service]()


MADE_AT_ONCE: Mapping[str, Callable[[], web.Application]] = {
    "gateway": lambda: make_gateway_app(dict.fromkeys(SIDES, "http://127.0.0.1:9"), Door(None)),
    "monitor": lambda: make_monitor_app(NOTHING, Door(None), ready),
    "lab": lambda: make_lab_app(NOTHING, Door(None)),
    "payments": lambda: make_payments_app(NOTHING, Conduct(hold_seconds=0, failures=0)),
}


@pytest.mark.parametrize("service", OPEN_PATHS)
async def test_every_route_was_added_with_a_policy(service: str) -> None:
    app = app_of(service)
    routed = {(route.method, route.resource and route.resource.canonical) for route in app.router.routes()}
    assert {route for route in routed if route[0] != "HEAD"} == set(policies_of(app))


@pytest.mark.parametrize("service", OPEN_PATHS)
async def test_what_is_open_is_known(service: str) -> None:
    assert {path for (_, path), policy in policies_of(app_of(service)).items() if policy is OPEN} == OPEN_PATHS[service]


async def test_where_nobody_needs_a_token_and_one_may_show_more_is_known() -> None:
    known = {
        service: {path for (_, path), policy in policies_of(app_of(service)).items() if policy is KNOWN_IF_TOLD}
        for service in OPEN_PATHS
    }
    assert known == {
        "command": set(),
        "query": {"/queries/inventory", "/queries/inventory/{product_id}"},  # whose pending orders it shows
        "gateway": {"/cqrs/ops/positions", "/cqrs/queries/stream"}  # those behind decide
        | {f"/cqrs/{side}/{{path}}" for side in ("commands", "queries")}
        | {f"/cqrs/ops/{name}{{path}}" for name in OPERATIONS_BEHIND}
        | CONTRACT_PATHS,
        "projector": set(),
        "monitor": set(),
        "lab": set(),
        "payments": set(),
    }


def test_where_there_is_no_door_every_route_must_be_open() -> None:
    app = make_app()
    add_operations(app, ready)
    with pytest.raises(KeyError):
        add_route(app, "GET", "/secret", cast(Any, ready), ADMINS)
