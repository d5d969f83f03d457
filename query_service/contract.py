"""The queries as OpenAPI, made of the rows that serve them."""

from typing import Any

from common.contract.headers import CONSISTENCY_TOKEN, IF_NONE_MATCH, TRACEPARENT
from common.contract.health import health_operation, health_schemas
from common.contract.openapi import openapi
from common.contract.operations import Operation, Reply, json_reply
from common.contract.schemas import schemas_of_answers
from query_service.routes import LOG_QUERIES, QUERIES, QueryRoute

_OF_VIEWS = ("ETag", "Projection-Position", "Projection-Lag-Ms", "Projection-State")


def make_contract() -> dict[str, Any]:
    routes = (*QUERIES, *LOG_QUERIES)
    shown, schemas = schemas_of_answers(route.shown for route in routes)
    operations = [_operation(route, schema) for route, schema in zip(routes, shown, strict=True)]
    return openapi([*operations, health_operation("queries")], schemas | health_schemas())


def _operation(route: QueryRoute, shown: dict[str, Any]) -> Operation:
    is_of_views = route in QUERIES
    reply = json_reply("What was asked for.", shown, *(_OF_VIEWS if is_of_views else ()))
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
        parameters=(*route.parameters, *headers),
        replies={200: reply, 304: unchanged} if route.with_etag else {200: reply},
    )
