"""What an operation is to the contract, beside the route that serves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from common.access.policies import Policy

Schema = Mapping[str, Any]
"""JSON Schema 2020-12, as OpenAPI 3.1 has it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may stand in the query, or stands in the path or a header."""

    name: str
    schema: Schema
    description: str
    place: Literal["query", "path", "header"] = "query"
    is_exploded: bool = True  # a list stands there as often as it has items, else once with commas between


@dataclass(frozen=True, slots=True)
class Body:
    """By media type."""

    content: Mapping[str, Schema]
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no problem; `headers` are names of HEADERS."""

    description: str
    content: Mapping[str, Schema] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`problems` are the statuses of refusals beside those that every operation may have."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str = ""
    policy: Policy
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    replies: Mapping[int, Reply]
    problems: tuple[int, ...] = ()


def json_reply(description: str, schema: Schema, *headers: str) -> Reply:
    return Reply(description, {"application/json": schema}, headers)
