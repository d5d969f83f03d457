"""The lab over HTTP, on a port of loopback that only the gateway of the same stack is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from common.access.door import Door
from common.access.policies import ADMINS
from common.access.routes import Handler, add_route
from common.bodies import parse_body, read_body, read_body_if_any
from common.contract.openapi import openapi
from common.contract.operations import Body, Operation, json_reply
from common.contract.schemas import reference, schemas_of_answers, schemas_of_models
from common.contract.serving import add_document
from common.errors import Forbidden
from common.paging import allow_only
from common.tasks import end
from common.web import ProblemRunner, json_response, make_app
from stack.lab.routes import ROUTES, Lab, LabRoute, Nothing
from stack.ports import LOOPBACK


def make_lab_app(lab: Lab, door: Door) -> web.Application:
    app = make_app(door, name="lab")
    add_document(app, "/openapi.json", make_contract())
    for route in ROUTES:
        add_route(app, route.method, route.path, _handler(lab, route), ADMINS)
    return app


@asynccontextmanager
async def serving_lab(lab: Lab, door: Door, port: int) -> AsyncIterator[None]:
    """At the end what is held up goes on, and no more orders are sent."""
    runner = ProblemRunner(make_lab_app(lab, door), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield
    finally:
        await runner.cleanup()
        await lab.load.stop()
        await lab.slowing.set(is_slow=False)
        await end(*lab.starting)


def make_contract() -> dict[str, Any]:
    shown, schemas = schemas_of_answers(route.shown for route in ROUTES)
    bodies = schemas_of_models(dict.fromkeys(route.body for route in ROUTES if route.body is not Nothing))
    operations = [_operation(route, schema) for route, schema in zip(ROUTES, shown, strict=True)]
    return openapi(operations, schemas | bodies)


def _handler(lab: Lab, route: LabRoute) -> Handler:
    async def handle(http: web.Request) -> web.Response:
        allow_only(http.query)
        _refuse_other_sites(http)
        has_body = route.body is not Nothing
        wish = parse_body(route.body, await read_body(http)) if has_body else await read_body_if_any(http)
        return json_response(await route.ask(lab, http, wish))

    return handle


def _refuse_other_sites(http: web.Request) -> None:
    """A browser sends what needs no body wherever any page wants it to; it says so."""
    if http.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Forbidden("forbidden", "A page of another site may not break this stack.")


def _operation(route: LabRoute, shown: dict[str, Any]) -> Operation:
    content = {"application/json": reference(route.body.__name__)}
    return Operation(
        method=route.method,
        path=route.path,
        name=route.name,
        tag="lab",
        summary=route.summary,
        description=" ".join((route.ask.__doc__ or "").split()),
        policy=ADMINS,
        body=None if route.body is Nothing else Body(content),
        replies={200: json_reply("What was asked for.", shown)},
    )
