"""Problems in the contract: one shape (RFC 9457), and one answer per status with the codes it can carry."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from common.contract.headers import ON_EVERY_ANSWER, ON_PROBLEMS, references
from common.contract.schemas import Schemas, reference
from common.problems import PROBLEMS
from common.problems.problem import slug_of

MEDIA_TYPE = "application/problem+json"
ALWAYS = (400, 401, 404, 429, 500, 503)
"""Of whatever is asked: the door, the gateway and bad luck say so."""
WITH_A_BODY = (408, 413, 415, 422)

PROBLEM_SCHEMAS: Schemas = {
    "Problem": {
        "title": "Problem",
        "description": "RFC 9457: `type` leads to a page with what to do; `code` never changes.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "pattern": "^/problems/[a-z0-9-]+$"},
            "title": {"type": "string", "description": "What happened."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
            "detail": {"type": "string", "description": "What exactly, in a sentence."},
            "trace_id": {"type": "string", "description": "Under this it is found in the logs."},
            "errors": {"type": "array", "items": reference("FieldProblem"), "minItems": 1},
        },
        "required": ["type", "title", "status", "code", "detail", "trace_id"],
    },
    "FieldProblem": {
        "title": "FieldProblem",
        "type": "object",
        "properties": {
            "pointer": {
                "type": "string",
                "description": "A JSON pointer into the body (RFC 6901); empty for the whole of it.",
                "pattern": "^(/([^~]|~[01])*)?$",
                "examples": ["/items/0/quantity"],
            },
            "detail": {"type": "string"},
        },
        "required": ["pointer", "detail"],
    },
}


def name_of(status: int) -> str:
    """`409` → `Conflict`."""
    return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")


def problem_responses(statuses: Iterable[int]) -> dict[str, Any]:
    """Components by `name_of` their status."""
    return {name_of(status): _response(status) for status in sorted(statuses)}


def default_response() -> dict[str, Any]:
    """For what the transport refuses, like a body that never ends."""
    told = {MEDIA_TYPE: {"schema": reference("Problem")}}
    return {"description": "Any other problem.", "headers": references(ON_EVERY_ANSWER), "content": told}


def _response(status: int) -> dict[str, Any]:
    codes = sorted(code for code, problem in PROBLEMS.items() if status in problem.statuses)
    said = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    examples = {code: {"value": _example(status, code)} for code in codes[:1]}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": references(ON_PROBLEMS.get(status, ()) + ON_EVERY_ANSWER),
        "content": {MEDIA_TYPE: {"schema": {"allOf": [reference("Problem"), said]}, "examples": examples}},
    }


def _example(status: int, code: str) -> dict[str, Any]:
    problem = PROBLEMS[code]
    return {
        "type": "/problems/" + slug_of(code),
        "title": problem.title,
        "status": status,
        "code": code,
        "detail": problem.remedy,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
