"""What the monitor may be asked as OpenAPI, made of the rows that serve it."""

from typing import Any

from common.access.policies import SUPPORT
from common.contract.openapi import openapi
from common.contract.operations import Operation, json_reply
from common.contract.schemas import schemas_of_answers
from monitor.routes import ROUTES, MonitorRoute


def make_contract() -> dict[str, Any]:
    shown, schemas = schemas_of_answers(route.shown for route in ROUTES)
    return openapi([_operation(route, schema) for route, schema in zip(ROUTES, shown, strict=True)], schemas)


def _operation(route: MonitorRoute, shown: dict[str, Any]) -> Operation:
    return Operation(
        method="GET",
        path=route.path,
        name=route.name,
        tag="monitoring",
        summary=route.summary,
        description=" ".join((route.ask.__doc__ or "").split()),
        policy=SUPPORT,
        parameters=route.parameters,
        replies={200: json_reply("What was asked for.", shown)},
    )
