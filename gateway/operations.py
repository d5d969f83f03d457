"""The gateway's own operations, as the contract has them."""

from typing import Any

from common.access.policies import KNOWN_IF_TOLD, OPEN, Policy
from common.contract.headers import IF_NONE_MATCH
from common.contract.openapi import openapi
from common.contract.operations import Operation, Parameter, Reply, Schema, json_reply
from common.contract.schemas import reference, schemas_of_answers
from gateway.shown import Alive, Positions, ProblemType, ProblemTypes, Readiness

_DOCUMENT: Schema = {"type": "object"}
_HTML: Schema = {"type": "string"}


def make_own_contract() -> dict[str, Any]:
    _, schemas = schemas_of_answers((Positions, Alive, Readiness, ProblemType, ProblemTypes))
    return openapi([*_operations(), *_documents(), *_problems()], schemas)


def _get(
    path: str,
    name: str,
    tag: str,
    summary: str,
    replies: dict[int, Reply],
    *parameters: Parameter,
    policy: Policy = OPEN,
) -> Operation:
    return Operation(
        method="GET",
        path=path,
        name=name,
        tag=tag,
        summary=summary,
        policy=policy,
        parameters=parameters,
        replies=replies,
    )


def _operations() -> list[Operation]:
    ready, metrics = reference("Readiness"), Reply("Of this gateway, in Prometheus's format.", {"text/plain": _HTML})
    positions = json_reply("The log's head, the relay, and each group with its lag.", reference("Positions"))
    return [
        _get(
            "/cqrs/ops/positions",
            "GetPositions",
            "operations",
            "How far everything has come",
            {200: positions},
            policy=KNOWN_IF_TOLD,
        ),
        _get(
            "/livez",
            "GetLiveness",
            "operations",
            "Whether the gateway runs",
            {200: json_reply("It does.", reference("Alive"))},
        ),
        _get(
            "/readyz",
            "GetReadiness",
            "operations",
            "Whether both sides can be reached",
            {200: json_reply("They can.", ready), 503: json_reply("One cannot.", ready)},
        ),
        _get("/metrics", "GetMetrics", "operations", "The gateway's metrics", {200: metrics}),
    ]


def _documents() -> list[Operation]:
    unchanged = Reply("Nothing has changed since the ETag.", headers=("ETag",))
    told = {200: json_reply("The document.", _DOCUMENT, "ETag"), 304: unchanged}
    page = {200: Reply("A page with Swagger UI.", {"text/html": _HTML})}
    of = {"policy": KNOWN_IF_TOLD}
    return [
        _get("/cqrs/openapi.json", "GetOpenApi", "contract", "This document", told, IF_NONE_MATCH, **of),
        _get(
            "/cqrs/asyncapi.json",
            "GetAsyncApi",
            "contract",
            "Events and commands by message",
            told,
            IF_NONE_MATCH,
            **of,
        ),
        _get("/cqrs/docs", "ReadContract", "contract", "This document as a page", page, **of),
    ]


def _problems() -> list[Operation]:
    all_types = Reply("All of them.", {"text/html": _HTML, "application/json": reference("ProblemTypes")})
    one_type = Reply("What happened, what to do.", {"text/html": _HTML, "application/json": reference("ProblemType")})
    of = {"policy": KNOWN_IF_TOLD}
    return [
        _get(
            "/problems",
            "ListProblemTypes",
            "problems",
            "All types of problems, as a page or by Accept as JSON",
            {200: all_types},
            **of,
        ),
        _get(
            "/problems/{slug}",
            "GetProblemType",
            "problems",
            "One type of problem, as a page or by Accept as JSON",
            {200: one_type},
            **of,
        ),
    ]
