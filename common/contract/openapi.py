"""Operations as one OpenAPI 3.1 document."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from common.access.policies import OPEN, Policy
from common.contract.headers import HEADERS, ON_EVERY_ANSWER, references
from common.contract.operations import Operation, Parameter, Reply
from common.contract.problems import (
    ALWAYS,
    PROBLEM_SCHEMAS,
    WITH_A_BODY,
    default_response,
    name_of,
    problem_responses,
)
from common.contract.schemas import Schemas
from common.version import VERSION

_IN_PATH = re.compile(r"\{(\w+)\}")
_UUID = {"type": "string", "format": "uuid"}
_NUMBER = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
_PATH_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "order_id": _UUID,
    "payment_id": _UUID,
    "user_id": _NUMBER,
    "product_id": _NUMBER,
    "order_number": {"type": "string", "examples": ["ORD-2026-1207"]},
    "position": {"type": "integer", "minimum": 1},
    "stream": {"type": "string", "examples": ["order-57410cad-6e90-5177-96c8-1152331f01bb"]},
    "correlation_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "saga": {"type": "string", "examples": ["product_onboarding"]},
    "saga_id": {"type": "string", "examples": ["product_onboarding:456"]},
}


def openapi(operations: Iterable[Operation], schemas: Schemas) -> dict[str, Any]:
    """The document; `schemas` are what the operations refer to."""
    paths: dict[str, Any] = {}
    statuses: set[int] = set()
    for operation in operations:
        told = _operation(operation)
        paths.setdefault(operation.path, {})[operation.method.lower()] = told
        statuses |= {int(status) for status in told["responses"] if status.isdigit() and int(status) >= 400}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Leveret",
            "version": VERSION,
            "summary": "Orders, products and stock, by commands and queries.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": PROBLEM_SCHEMAS | schemas,
            "responses": problem_responses(statuses),
            "headers": {name: dict(header) for name, header in HEADERS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": " ".join(filter(None, (operation.description, _who_may(operation.policy)))),
        "security": _security(operation.policy),
        "parameters": [*_path_parameters(operation.path), *map(_parameter, operation.parameters)],
        "responses": _responses(operation),
    }
    if operation.body:
        content = {media_type: {"schema": schema} for media_type, schema in operation.body.content.items()}
        told["requestBody"] = {"required": operation.body.is_required, "content": content}
    if operation.policy.roles is not None:
        told["x-roles"] = sorted(operation.policy.roles)
    return told


def _responses(operation: Operation) -> dict[str, Any]:
    responses = {str(status): _reply(reply) for status, reply in sorted(operation.replies.items())}
    refused = {*ALWAYS, *operation.problems, *(WITH_A_BODY if operation.body else ())}
    if operation.policy.roles is not None:
        refused.add(403)
    for status in sorted(refused - operation.replies.keys()):
        responses[str(status)] = {"$ref": f"#/components/responses/{name_of(status)}"}
    return responses | {"default": default_response()}


def _reply(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = {"description": reply.description, "headers": references(reply.headers + ON_EVERY_ANSWER)}
    if reply.content:
        told["content"] = {media_type: {"schema": schema} for media_type, schema in reply.content.items()}
    return told


def _parameter(parameter: Parameter) -> dict[str, Any]:
    told = {} if parameter.is_exploded else {"style": "form", "explode": False}
    return told | {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS.get(name, {"type": "string"})}
        for name in _IN_PATH.findall(path)
    ]


def _security(policy: Policy) -> list[dict[str, Any]]:
    """Whoever needs no token may still send one, unless none is looked at."""
    if policy is OPEN:
        return []
    return [{"token": []}] if policy.roles is not None else [{}, {"token": []}]


def _who_may(policy: Policy) -> str:
    if policy.roles is None:
        return "For everybody."
    return f"For the roles {', '.join(sorted(policy.roles))}."
