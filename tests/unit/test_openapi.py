"""The contract over HTTP is valid OpenAPI, and says of every route what the route does."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from command_service.contract import make_contract as make_command_contract
from command_service.routes import IMPORT_ROUTE, ROUTES
from command_service.sagas.post import PATH as ERRANDS
from common.access.policies import Policy
from common.access.routes import policies_of
from common.version import VERSION
from gateway.app import OPERATIONS_BEHIND
from gateway.contract import merge
from gateway.operations import make_own_contract
from monitor.contract import make_contract as make_monitor_contract
from projector.operations import make_contract as make_projector_contract
from query_service.contract import make_contract as make_query_contract
from query_service.routes import LOG_QUERIES, QUERIES
from stack.lab.app import make_contract as make_lab_contract
from tests.support.conformance import contract
from tests.unit.test_policies import app_of

ROOT = Path(__file__).parents[2]
MAKERS = {
    "command": make_command_contract,
    "query": make_query_contract,
    "projector": make_projector_contract,
    "monitor": make_monitor_contract,
    "lab": make_lab_contract,
    "gateway": make_own_contract,
}
NOT_FOR_CLIENTS = {
    "command": {"/livez", "/readyz", "/metrics", "/ops/positions", "/openapi.json", "/asyncapi.json", ERRANDS},
    "query": {"/livez", "/readyz", "/metrics", "/ops/positions", "/openapi.json"},
    "projector": {"/livez", "/readyz", "/metrics", "/openapi.json"},
    "monitor": {"/livez", "/readyz", "/metrics", "/openapi.json"},
    "lab": {"/openapi.json"},
    "gateway": {
        "/",
        "/cqrs/ops/projections{path}",
        "/cqrs/ops/parked{path}",
        "/cqrs/commands/{path}",
        "/cqrs/queries/{path}",
        *(f"/cqrs/ops/{name}{{path}}" for name in OPERATIONS_BEHIND),
        "/cqrs/queries/stream",
        "/cqrs/problems",
        "/cqrs/problems/{slug}",
        "/console",
        "/console/{path}",
    }
    | {f"/cqrs/docs/{name}" for name in ("start.js", "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")},
}
"""What other programs of ours ask, what leads to the routes behind, what the docs page is made of, the
console, second addresses."""


def everything() -> Mapping[str, Any]:
    """Of all services together, as the gateway tells it in a stack."""
    return merge(make_own_contract(), *(make() for name, make in MAKERS.items() if name != "gateway"))


ORDER_ID = "57410cad-6e90-5177-96c8-1152331f01bb"


def operations(document: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


@pytest.mark.parametrize("make", [*MAKERS.values(), everything])
def test_the_document_is_valid_openapi(make: Any) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(make()).iter_errors()] == []


@pytest.mark.parametrize("service", MAKERS)
async def test_every_route_is_in_the_contract_with_its_policy_and_nothing_else_is(service: str) -> None:
    routed = {
        (method, path): policy
        for (method, path), policy in policies_of(app_of(service)).items()
        if path not in NOT_FOR_CLIENTS[service]
    }
    told = operations(MAKERS[service]())
    assert told.keys() == routed.keys()
    for route, operation in told.items():
        assert operation.get("x-roles") == roles_of(routed[route]), route


def roles_of(policy: Policy) -> list[str] | None:
    return None if policy.roles is None else sorted(policy.roles)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in operations(everything()).values()]
    assert len(names) == len(set(names))


def test_what_several_services_describe_they_describe_alike() -> None:
    for kind in ("schemas", "responses", "headers", "securitySchemes"):
        seen: dict[str, Any] = {}
        for make in MAKERS.values():
            for name, described in make()["components"][kind].items():
                assert seen.setdefault(name, described) == described, f"{kind} {name}"


def test_a_query_takes_the_parameters_of_its_row() -> None:
    told = operations(make_query_contract())
    for route in (*QUERIES, *LOG_QUERIES):
        parameters = told["GET", route.path]["parameters"]
        assert [p["name"] for p in parameters if p["in"] == "query"] == list(route.parameter_names)


def test_a_command_takes_the_body_of_its_row_and_its_headers() -> None:
    told = operations(make_command_contract())
    for route in ROUTES:
        operation = told[route.method, route.path]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{route.command.__name__}"}
        assert {"Idempotency-Key", "If-Match"} <= {p["name"] for p in operation["parameters"]}
    assert "application/x-ndjson" in told["POST", IMPORT_ROUTE.path]["requestBody"]["content"]


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("CreateOrder", {"user_id": 1, "product_id": 456, "quantity": 2}),
        ("CreateOrder", {"user_id": 1, "items": [{"product_id": 456, "quantity": 2}], "notes": None}),
        ("RequestPayment", {"order_id": ORDER_ID, "amount": {"amount": "99.98", "currency": "EUR"}, "card_token": "t"}),
        ("UpdateInventory", {"product_id": 456, "unit_price": "49.99"}),
    ],
)
def test_what_a_model_takes_its_schema_takes(model: str, body: dict[str, Any]) -> None:
    kinds = {route.command.__name__: route.command for route in ROUTES}
    kinds[model].model_validate_json(orjson.dumps(body))
    assert contract().fits({"$ref": f"#/components/schemas/{model}"}, body) == []


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("CreateOrder", {"user_id": 0, "product_id": 456, "quantity": 2}),
        ("CreateOrder", {"user_id": 1, "product_id": 456, "quantity": 2, "more": 1}),
        ("UpdateInventory", {"product_id": 456, "unit_price": 49.99}),
        ("UpdateInventory", {"product_id": 456, "unit_price": {"amount": 4999, "currency": "EUR"}}),
    ],
)
def test_what_a_model_refuses_its_schema_refuses(model: str, body: dict[str, Any]) -> None:
    assert contract().fits({"$ref": f"#/components/schemas/{model}"}, body) != []


def test_an_example_is_what_its_model_and_its_schema_take() -> None:
    schemas = make_command_contract()["components"]["schemas"]
    kinds = {route.command.__name__: route.command for route in (*ROUTES, IMPORT_ROUTE)}
    examples = [(name, one) for name in kinds for one in schemas[name].get("examples", ())]
    assert {"CreateOrder", "RequestPayment", "UpdateInventory", "ImportOrder"} <= {name for name, _ in examples}
    for name, example in examples:
        kinds[name].model_validate_json(orjson.dumps(example))
        assert contract().fits({"$ref": f"#/components/schemas/{name}"}, example) == []


def test_the_contract_has_the_version_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_nothing_that_answers_are_made_of_is_left_untyped() -> None:
    """A schema that says nothing would pass every test of answers."""
    schemas = everything()["components"]["schemas"]
    vague = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, of in schema.get("properties", {}).items()
        if not of.keys() & {"type", "$ref", "anyOf", "enum", "const"}
    ]
    assert not vague
