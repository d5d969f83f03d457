"""What may be asked of the projector over HTTP: one row per operation, with all that the contract tells of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.access.policies import ADMINS
from common.access.routes import Handler, add_route
from common.bodies import parse_body, read_body_if_any
from common.contract.openapi import openapi
from common.contract.operations import Body, Operation, json_reply
from common.contract.schemas import reference, schemas_of_answers, schemas_of_models
from common.contract.serving import add_document
from common.errors import BadRequest, NotFound
from common.values import Message, is_number_id
from common.web import json_response
from projector.differences import FoundDifference, differences_of
from projector.generations import ask_for_another, ask_to_drop, ask_to_show, model_called
from projector.shown import Generation, Projection, all_projections, one_generation, one_projection
from projector.views import reaching_views


class Rebuild(Message):
    """Build another generation from the log. It is shown when it is ready, if `switch`; with `verify` only if nothing
    differs from what is shown."""

    verify: bool = False
    switch: bool = True


class Rollback(Message):
    """Show what was shown before, or what is ready: the generation of this number, or the only one there is."""

    generation: int | None = None


class Nothing(Message):
    """No body; one that is sent all the same is not looked at."""


class Projections(TypedDict):
    data: list[Projection]


class FoundDifferences(TypedDict):
    data: list[FoundDifference]


class Dropped(TypedDict):
    dropped: str


@dataclass(frozen=True, slots=True)
class Views:
    """Where it is done, and the log from which it is."""

    database: AsyncDatabase
    log_id: str


Ask = Callable[[Views, web.Request, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class OperationRoute:
    """`body` is what may stand in it; `shown` the shape of the answer."""

    method: str
    path: str
    name: str
    summary: str
    ask: Ask
    shown: Any
    body: type[Message] = Nothing


async def list_projections(views: Views, _: web.Request, __: Nothing) -> Projections:
    return {"data": await all_projections(views.database)}


async def get_projection(views: Views, http: web.Request, _: Nothing) -> Projection:
    return await one_projection(views.database, _name(http))


async def list_differences(views: Views, http: web.Request, _: Nothing) -> FoundDifferences:
    """Found by the projector, the newest 100 first; `repaired_at` is when it was seen to be right again."""
    return {"data": await differences_of(views.database, _name(http))}


async def rebuild(views: Views, http: web.Request, wish: Rebuild) -> Generation:
    """One that is under way goes on, and is told as it stands."""
    name = _name(http)
    wishes = {"is_verified": wish.verify, "is_switched": wish.switch}
    with reaching_views():
        asked = await ask_for_another(views.database, views.log_id, name, **wishes)
    return await told(views, asked["_id"])


async def roll_back(views: Views, http: web.Request, wish: Rollback) -> Generation:
    """It is brought up to the newest commits first."""
    name = _name(http)
    with reaching_views():
        asked = await ask_to_show(views.database, views.log_id, name, wish.generation)
    return await told(views, asked["_id"])


async def drop_generation(views: Views, http: web.Request, _: Nothing) -> Dropped:
    """The one that is shown is refused."""
    name, number = _name(http), http.match_info["generation"]
    if not is_number_id(number):
        raise BadRequest("invalid_id", "A generation is a whole number above 0.")
    with reaching_views():
        await ask_to_drop(views.database, name, int(number))
    return {"dropped": f"{name}@{number}"}


OPERATIONS = (
    OperationRoute("GET", "/ops/projections", "ListProjections", "All read models", list_projections, Projections),
    OperationRoute(
        "GET",
        "/ops/projections/{name}",
        "GetProjection",
        "One read model, with its generations",
        get_projection,
        Projection,
    ),
    OperationRoute(
        "GET",
        "/ops/projections/{name}/differences",
        "ListDifferences",
        "What was found not to be what the log makes of it",
        list_differences,
        FoundDifferences,
    ),
    OperationRoute(
        "POST",
        "/ops/projections/{name}/rebuild",
        "RebuildProjection",
        "Build it anew beside what is shown",
        rebuild,
        Generation,
        Rebuild,
    ),
    OperationRoute(
        "POST",
        "/ops/projections/{name}/rollback",
        "RollBackProjection",
        "Show the other generation",
        roll_back,
        Generation,
        Rollback,
    ),
    OperationRoute(
        "DELETE",
        "/ops/projections/{name}/generations/{generation}",
        "DropGeneration",
        "Drop a generation that is not shown",
        drop_generation,
        Dropped,
    ),
)


def add_projections(app: web.Application, database: AsyncDatabase, log_id: str) -> None:
    views = Views(database, log_id)
    for route in OPERATIONS:
        add_route(app, route.method, route.path, _handler(views, route), ADMINS)
    add_document(app, "/openapi.json", make_contract())


def make_contract() -> dict[str, Any]:
    shown, schemas = schemas_of_answers(route.shown for route in OPERATIONS)
    bodies = schemas_of_models(dict.fromkeys(route.body for route in OPERATIONS if route.body is not Nothing))
    operations = [_operation(route, schema) for route, schema in zip(OPERATIONS, shown, strict=True)]
    return openapi(operations, schemas | bodies)


def _handler(views: Views, route: OperationRoute) -> Handler:
    async def handle(http: web.Request) -> web.Response:
        wish = Nothing() if route.body is Nothing else parse_body(route.body, await read_body_if_any(http))
        return json_response(await route.ask(views, http, wish))

    return handle


def _operation(route: OperationRoute, shown: dict[str, Any]) -> Operation:
    content = {"application/json": reference(route.body.__name__)}
    return Operation(
        method=route.method,
        path=route.path,
        name=route.name,
        tag="projections",
        summary=route.summary,
        description=" ".join((route.ask.__doc__ or "").split()),
        policy=ADMINS,
        body=None if route.body is Nothing else Body(content, is_required=False),
        replies={200: json_reply("What was asked for.", shown)},
        problems=() if route.method == "GET" else (409,),
    )


def _name(http: web.Request) -> str:
    return model_called(http.match_info["name"]).collection


async def told(views: Views, generation: str) -> Generation:
    found = await one_generation(views.database, generation)
    if found is None:
        raise NotFound("unknown_generation", f"{generation} was asked for, and has been dropped since.")
    return found
