"""What may be asked of the projector over HTTP: one row per operation, with all that the contract tells of it."""

from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.access.policies import ADMINS
from common.access.routes import Handler, add_route
from common.bodies import parse_body, read_body_if_any
from common.contract.openapi import openapi
from common.contract.operations import Body, Operation, json_reply
from common.contract.schemas import reference, schemas_of_answers, schemas_of_models
from common.contract.serving import add_document
from common.log import MongoLog
from common.paging import allow_only
from common.web import json_response
from projector.operations.parked import PARKED
from projector.operations.projections import PROJECTIONS
from projector.operations.routes import Nothing, OperationRoute, Views

OPERATIONS = (*PROJECTIONS, *PARKED)


def add_projections(app: web.Application, database: AsyncDatabase, event_log: MongoLog) -> None:
    views = Views(database, event_log)
    for route in OPERATIONS:
        add_route(app, route.method, route.path, _handler(views, route), ADMINS)
    add_document(app, "/openapi.json", make_contract())


def make_contract() -> dict[str, Any]:
    shown, schemas = schemas_of_answers(route.shown for route in OPERATIONS)
    bodies = schemas_of_models(dict.fromkeys(route.body for route in OPERATIONS if route.body is not Nothing))
    operations = [_operation(route, schema) for route, schema in zip(OPERATIONS, shown, strict=True)]
    return openapi(operations, schemas | bodies)


def _handler(views: Views, route: OperationRoute) -> Handler:
    parameters = [parameter.name for parameter in route.parameters]

    async def handle(http: web.Request) -> web.Response:
        allow_only(http.query, *parameters)
        wish = Nothing() if route.body is Nothing else parse_body(route.body, await read_body_if_any(http))
        return json_response(await route.ask(views, http, wish))

    return handle


def _operation(route: OperationRoute, shown: dict[str, Any]) -> Operation:
    content = {"application/json": reference(route.body.__name__)}
    return Operation(
        method=route.method,
        path=route.path,
        name=route.name,
        tag=route.tag,
        summary=route.summary,
        description=" ".join((route.ask.__doc__ or "").split()),
        policy=ADMINS,
        parameters=route.parameters,
        body=None if route.body is Nothing else Body(content, is_required=False),
        replies={200: json_reply("What was asked for.", shown)},
        problems=route.problems,
    )
