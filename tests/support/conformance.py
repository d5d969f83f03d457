"""Holds answers to the contract: a documented path, method and status, documented headers, a body that fits."""

import copy
import functools
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from command_service.contract import make_contract as make_command_contract
from gateway.contract import merge
from gateway.operations import make_own_contract
from projector.operations import make_contract as make_projector_contract
from query_service.contract import make_contract as make_query_contract

_URI = "urn:leveret"
_OF_HTTP = {"content-type", "content-length", "date", "server", "connection", "allow", "cache-control", "vary"}
_OF_HTTP |= {"content-security-policy", "last-modified", "accept-ranges", "x-accel-buffering", "transfer-encoding"}
_OF_TRANSPORT = {405, 408, 413, 415, 417, 431}  # refused before anybody looks at what the path means
PROBLEM = "application/problem+json"


@functools.cache
def whole_contract() -> dict[str, Any]:
    """What the gateway serves where there is neither a monitor nor a lab, made of the code that serves it."""
    return dict(merge(make_own_contract(), make_command_contract(), make_query_contract(), make_projector_contract()))


@functools.cache
def contract() -> "Contract":
    return Contract(whole_contract())


class Contract:
    """One document. What it leaves open to grow is closed here: an answer says nothing that is not in it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = _closed(document)
        registry = Registry().with_resource(_URI, Resource(self.document, DRAFT202012))
        self._validator = Draft202012Validator({}, registry=registry)
        paths = sorted(self.document["paths"], key=lambda path: ("{" in path, path))
        self._patterns = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]

    def check(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """AssertionError names what the contract does not say."""
        operation = self._operation(method, path)
        if operation is None:
            assert status >= 400, f"{method} {path} is {status} and not in the contract"
            return self._check_problem(status, body)
        response = self._response(operation, status)
        assert response, f"{operation['operationId']} has no {status}: {body[:500]!r}"
        unknown = {name.lower() for name in headers} - {name.lower() for name in response.get("headers", {})} - _OF_HTTP
        assert not unknown, f"{operation['operationId']} {status} has no headers {unknown}"
        if body:
            self._check_body(operation, response, status, headers, body)
        return None

    def fits(self, schema: Mapping[str, Any], content: Any) -> list[str]:
        """What is wrong, in sentences."""
        found = self._validator.evolve(schema=_absolute(schema)).iter_errors(content)
        return [f"{error.json_path}: {error.message[:300]}" for error in found]

    def _operation(self, method: str, path: str) -> Mapping[str, Any] | None:
        for pattern, template in self._patterns:
            if pattern.fullmatch(path):
                item = self.document["paths"][template]
                return item.get("get" if method == "HEAD" else method.lower())
        return None

    def _response(self, operation: Mapping[str, Any], status: int) -> Mapping[str, Any] | None:
        responses = operation["responses"]
        told = responses.get(str(status)) or (responses["default"] if status in _OF_TRANSPORT else None)
        if told and "$ref" in told:
            return self.document["components"]["responses"][told["$ref"].rsplit("/", 1)[1]]
        return told

    def _check_body(
        self,
        operation: Mapping[str, Any],
        response: Mapping[str, Any],
        status: int,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        media_type = headers["Content-Type"].partition(";")[0]
        told = response.get("content", {})
        assert media_type in told, f"{operation['operationId']} {status} has no {media_type}"
        if media_type.endswith("json"):
            wrong = self.fits(told[media_type]["schema"], orjson.loads(body))
            assert not wrong, f"{operation['operationId']} {status}: {wrong} in {body[:2000]!r}"

    def _check_problem(self, status: int, body: bytes) -> None:
        if body:
            problem = orjson.loads(body)
            assert problem["status"] == status
            wrong = self.fits({"$ref": "#/components/schemas/Problem"}, problem)
            assert not wrong, wrong


def check_exchange(request: bytes, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Of a request to the gateway as it was sent; one that is no HTTP has nothing to be held to."""
    found = re.match(rb"([A-Z]+) (/[^ ?#]*)[^ ]* HTTP/1\.1\r\n", request)
    if found:
        path = unquote(found[2].decode("latin-1").replace("%2F", "%252F").replace("%2f", "%252f"))
        contract().check(found[1].decode(), path, status, headers, body)


def _closed(document: Mapping[str, Any]) -> dict[str, Any]:
    closed = copy.deepcopy(dict(document))
    for schema in closed["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed


def _absolute(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Outside the document its references need the document's name."""
    return orjson.loads(orjson.dumps(schema).replace(b'"#/', f'"{_URI}#/'.encode()))
