"""The commands as OpenAPI, made of the rows that take them."""

import re
from typing import Any

from command_service import aggregates
from command_service.domain.decider import Decider
from command_service.routes import IMPORT_ROUTE, ROUTES, CommandRoute
from command_service.saga_operations import saga_operations
from command_service.shown import Accepted, AggregateState, ImportReport
from common.access.policies import ADMINS
from common.contract.headers import (
    CONSISTENCY_TOKEN,
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    PREFER,
    TRACEPARENT,
)
from common.contract.health import health_operation, health_schemas
from common.contract.openapi import openapi
from common.contract.operations import Body, Operation, Parameter, Reply, json_reply
from common.contract.schemas import Schemas, reference, schemas_of_answers, schemas_of_models

_HEADERS = (IDEMPOTENCY_KEY, IF_MATCH, PREFER, CORRELATION_ID, CONSISTENCY_TOKEN, TRACEPARENT)
_TOLD = ("ETag", "Consistency-Token", "Idempotent-Replayed", "Preference-Applied")


def make_contract() -> dict[str, Any]:
    of_sagas, saga_schemas = saga_operations()
    operations = [*map(_operation, ROUTES), _import_operation(), _state_operation(), *of_sagas]
    schemas = body_schemas() | answer_schemas() | saga_schemas
    return openapi([*operations, health_operation("commands")], schemas | health_schemas())


def body_schemas() -> Schemas:
    return schemas_of_models(dict.fromkeys(route.command for route in (*ROUTES, IMPORT_ROUTE)))


def answer_schemas() -> Schemas:
    """What is told of a command, per context: with the id of what it is about."""
    _, schemas = schemas_of_answers((Accepted, AggregateState, ImportReport))
    for decider in {route.decider.context: route.decider for route in ROUTES}.values():
        schemas[accepted_name(decider)] = _accepted(decider, schemas["Accepted"])
    del schemas["Accepted"]
    return schemas


def accepted_name(decider: Decider[Any, Any, Any]) -> str:
    return f"Accepted{decider.context.title()}Command"


def name_of(route: CommandRoute) -> str:
    """The command's; of a command with two paths the one that goes through something else says so."""
    through = route.through
    return route.command.__name__ + (f"By{through.decider.context.title()}" if through else "")


def description_of(route: CommandRoute) -> str:
    return " ".join((route.command.__doc__ or "").split())


def summary_of(route: CommandRoute) -> str:
    """`CreateOrder` → `Create order`."""
    return re.sub(r"(?<!^)([A-Z])", lambda found: " " + found[1].lower(), route.command.__name__)


def _accepted(decider: Decider[Any, Any, Any], told: dict[str, Any]) -> dict[str, Any]:
    kind = {"type": "integer"} if decider.is_about_a_product else {"type": "string", "format": "uuid"}
    return {
        **told,
        "title": accepted_name(decider),
        "properties": {decider.id_field: kind, **told["properties"]},
        "required": [decider.id_field, *told["required"]],
    }


def _operation(route: CommandRoute) -> Operation:
    return Operation(
        method=route.method,
        path=route.path,
        name=name_of(route),
        tag=route.path.split("/")[2],
        summary=summary_of(route),
        description=description_of(route),
        policy=route.policy,
        parameters=_HEADERS,
        body=Body({"application/json": reference(route.command.__name__)}, is_required=route.method != "DELETE"),
        replies=_replies(route),
        problems=(409, 412),
    )


def _replies(route: CommandRoute) -> dict[int, Reply]:
    """A stream that begins is 201; one of a product may have begun before."""
    told = reference(accepted_name(route.decider))
    begun = json_reply("Accepted; something new began.", told, "Location", *_TOLD)
    done = json_reply("Accepted.", told, *_TOLD)
    if route.creates:
        return {201: begun}
    return {200: done, 201: begun} if route.may_begin else {200: done}


def _import_operation() -> Operation:
    lines = {"type": "string", "description": "Lines of JSON, each an ImportOrder."}
    return Operation(
        method=IMPORT_ROUTE.method,
        path=IMPORT_ROUTE.path,
        name="ImportOrders",
        tag="orders",
        summary="Take over orders that were completed elsewhere",
        description=f"Each line is a command of its own: {description_of(IMPORT_ROUTE)}",
        policy=IMPORT_ROUTE.policy,
        parameters=(CONSISTENCY_TOKEN, CORRELATION_ID, TRACEPARENT),
        body=Body({"application/x-ndjson": lines, "application/ndjson": lines}),
        replies={200: json_reply("What came of each line.", reference("ImportReport"))},
    )


def _state_operation() -> Operation:
    version = {"type": "integer", "minimum": 0}
    return Operation(
        method="GET",
        path=aggregates.PATH,
        name="GetAggregateState",
        tag="aggregates",
        summary="What a stream has come to, as the rules see it",
        description="Folded from the log, past every view. What is personal is left out.",
        policy=ADMINS,
        parameters=(Parameter("version", version, "After so many commits; else after all of them."), TRACEPARENT),
        replies={200: json_reply("The state.", reference("AggregateState"))},
    )
