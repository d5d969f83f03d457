"""What may be asked of the sagas over HTTP: one row per operation, with all that the contract tells of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from command_service.saga_operations.reading import STATES, Sagas
from command_service.saga_operations.shown import InspectedSaga, OperatedSaga
from command_service.sagas.retrying import request_retry
from command_service.sagas.shapes import Saga
from command_service.sagas.store import reaching_sagas
from common.access.policies import ADMINS, SUPPORT, Policy
from common.access.routes import Handler, add_route
from common.contract.headers import TRACEPARENT
from common.contract.operations import Operation, Parameter, json_reply
from common.contract.schemas import Schemas, schemas_of_answers
from common.errors import BadRequest
from common.paging import PAGING, Page, allow_only, invalid_cursor, mark, page, read_cursor, read_limit, write_cursor
from common.paging.cursors import Cursors
from common.primary import Primary
from common.read_models.storage import SAGAS
from common.web import json_response

STATE = Parameter("state", {"enum": list(STATES)}, "Sagas in this state; else all, those that are stuck first.")
SAGA = Parameter("saga", {"type": "string", "examples": ["order_fulfilment"]}, "Sagas of this kind.")


async def list_sagas(sagas: Sagas, http: web.Request) -> Page[OperatedSaga]:
    """State by state (stuck, running, over), in the order of their ids."""
    state, saga, limit = http.query.get("state"), http.query.get("saga"), read_limit(http.query)
    if state is not None and state not in STATES:
        raise BadRequest("invalid_state", f"A saga's state is one of {', '.join(STATES)}.")
    if saga is not None and saga not in sagas.rules:
        raise BadRequest("invalid_filter", f"saga is one of {', '.join(sorted(sagas.rules))}.")
    told = mark(state, saga)
    whose, *place = read_cursor(http.query, (str, str, str)) or (told, "", "")
    if whose != told or place[0] not in ("", *STATES):
        raise invalid_cursor()
    found = await sagas.some(state, saga, (place[0], place[1]) if place[0] else None, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return page(found[:limit], write_cursor([told, last["state"], last["id"]]) if last else None)


async def one_saga(sagas: Sagas, http: web.Request) -> InspectedSaga:
    """By its id or its subject's: an order's id, or 456 of `product_onboarding`."""
    return await sagas.one(http.match_info["saga"], http.match_info["saga_id"])


async def retry_saga(sagas: Sagas, http: web.Request) -> InspectedSaga:
    """After what stopped it was repaired. What was done is not done again; the answer is how it stands until then."""
    found = await one_saga(sagas, http)
    await request_retry(sagas.database, found["id"])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaRoute:
    """`shown` is the shape of the answer."""

    method: str = "GET"
    path: str
    name: str
    summary: str
    ask: Callable[[Sagas, web.Request], Awaitable[Any]]
    shown: Any
    policy: Policy
    parameters: tuple[Parameter, ...] = ()


ROUTES = (
    SagaRoute(
        path="/ops/sagas",
        name="ListOperatedSagas",
        summary="Sagas, those that are stuck first",
        ask=list_sagas,
        shown=Page[OperatedSaga],
        policy=SUPPORT,
        parameters=(STATE, SAGA, *PAGING),
    ),
    SagaRoute(
        path="/ops/sagas/{saga}/{saga_id}",
        name="InspectSaga",
        summary="One saga, with each of its steps",
        ask=one_saga,
        shown=InspectedSaga,
        policy=SUPPORT,
    ),
    SagaRoute(
        method="POST",
        path="/ops/sagas/{saga}/{saga_id}/retry",
        name="RetrySaga",
        summary="Fold a saga again from the log",
        ask=retry_saga,
        shown=InspectedSaga,
        policy=ADMINS,
    ),
)


def add_sagas(app: web.Application, database: AsyncDatabase, rules: Mapping[str, Saga[Any]], cursors: Cursors) -> None:
    sagas, primary = Sagas(database, rules), Primary(database[SAGAS])
    for route in ROUTES:
        add_route(app, route.method, route.path, _handler(sagas, primary, cursors, route), route.policy)


def _handler(sagas: Sagas, primary: Primary, cursors: Cursors, route: SagaRoute) -> Handler:
    names = [parameter.name for parameter in route.parameters]

    async def handle(http: web.Request) -> web.Response:
        allow_only(http.query, *names)
        asked = cursors.opened(http)
        with reaching_sagas():
            content, headers = cursors.sealed(http, await primary.steadily(lambda: route.ask(sagas, asked)))
        return json_response(content, headers=headers)

    return handle


def saga_operations() -> tuple[list[Operation], Schemas]:
    """For the contract, with the schemas they refer to."""
    shown, schemas = schemas_of_answers(route.shown for route in ROUTES)
    return [_operation(route, schema) for route, schema in zip(ROUTES, shown, strict=True)], schemas


def _operation(route: SagaRoute, shown: dict[str, Any]) -> Operation:
    return Operation(
        method=route.method,
        path=route.path,
        name=route.name,
        tag="sagas",
        summary=route.summary,
        description=" ".join((route.ask.__doc__ or "").split()),
        policy=route.policy,
        parameters=(*route.parameters, TRACEPARENT),
        replies={200: json_reply("What was asked for.", shown, *(("Link",) if route.parameters else ()))},
    )
