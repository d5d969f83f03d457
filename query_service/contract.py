"""The queries as OpenAPI, made of the rows that serve them."""

from typing import Any

from common.access.policies import CUSTOMERS
from common.contract.headers import CONSISTENCY_TOKEN, IF_NONE_MATCH, LAST_EVENT_ID, TRACEPARENT
from common.contract.health import health_operation, health_schemas
from common.contract.openapi import openapi
from common.contract.operations import Operation, Reply, Schema, json_reply
from common.contract.schemas import schemas_of_answers
from common.paging import CURSOR
from query_service import stream
from query_service.routes import LOG_QUERIES, QUERIES, QueryRoute
from query_service.shown.orders import FollowedCommit

_OF_VIEWS = ("ETag", "Projection-Position", "Projection-Lag-Ms", "Projection-State")
_OF_LISTS = ("Link",)
_OF_THE_PAST = ("As-Of-Position",)


def make_contract() -> dict[str, Any]:
    routes = (*QUERIES, *LOG_QUERIES)
    shown, schemas = schemas_of_answers(route.shown for route in routes)
    operations = [_operation(route, schema) for route, schema in zip(routes, shown, strict=True)]
    _, followed = schemas_of_answers((FollowedCommit,))
    return openapi([*operations, _stream(), health_operation("queries")], schemas | followed | health_schemas())


def _stream() -> Operation:
    events: Schema = {"type": "string", "description": "Server-sent events; each `data` is a FollowedCommit in JSON."}
    return Operation(
        method="GET",
        path=stream.PATH,
        name="FollowWhatHappens",
        tag="stream",
        summary="Every commit as it happens, without end",
        description=" ".join((stream.stream.__doc__ or "").split()),
        policy=CUSTOMERS,
        parameters=(*stream.PARAMETERS, LAST_EVENT_ID, TRACEPARENT),
        replies={200: Reply("Commit after commit.", {"text/event-stream": events})},
    )


def _operation(route: QueryRoute, shown: dict[str, Any]) -> Operation:
    is_of_views = route in QUERIES
    of_list = _OF_LISTS if CURSOR in route.parameters else ()
    of_past = _OF_THE_PAST if route.past else ()
    reply = json_reply("What was asked for.", shown, *(_OF_VIEWS if is_of_views else ()), *of_list, *of_past)
    unchanged = Reply("Nothing has changed since the ETag.", headers=_OF_VIEWS)
    headers = (
        TRACEPARENT,
        *((CONSISTENCY_TOKEN,) if is_of_views else ()),
        *((IF_NONE_MATCH,) if route.with_etag else ()),
    )
    return Operation(
        method="GET",
        path=route.path,
        name=route.name,
        tag=route.path.split("/")[2],
        summary=route.summary,
        description=(route.query.__doc__ or "").strip(),
        policy=route.policy,
        parameters=(*route.all_parameters, *headers),
        replies={200: reply, 304: unchanged} if route.with_etag else {200: reply},
    )
