"""The monitor over HTTP."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from common.access.door import Door
from common.access.policies import SUPPORT
from common.access.routes import Handler, add_route
from common.contract.serving import add_document
from common.paging import allow_only
from common.web import add_operations, json_response, make_app
from monitor.contract import make_contract
from monitor.routes import ROUTES, MonitorRoute, Seen


def make_monitor_app(seen: Seen, door: Door, ready: Callable[[], Awaitable[Mapping[str, bool]]]) -> web.Application:
    app = make_app(door, name="monitor")
    add_operations(app, ready)
    add_document(app, "/openapi.json", make_contract())
    for route in ROUTES:
        add_route(app, "GET", route.path, _handler(seen, route), SUPPORT)
    return app


def _handler(seen: Seen, route: MonitorRoute) -> Handler:
    names = [parameter.name for parameter in route.parameters]

    async def handle(http: web.Request) -> web.Response:
        allow_only(http.query, *names)
        return json_response(await route.ask(seen, http))

    return handle
