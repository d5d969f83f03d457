"""Which headers the gateway passes on."""

from collections.abc import Mapping

from aiohttp import web
from multidict import CIMultiDict

from common.tracing import traceparent

_HOP_BY_HOP = frozenset(
    {"connection", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


def forwarded(http: web.Request) -> CIMultiDict[str]:
    """To the service: what the client sent, in the client's trace or a new one."""
    headers = _without(http.headers, _HOP_BY_HOP)
    headers["traceparent"] = traceparent(http)
    return headers


def kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """To the client: what the service said."""
    return _without(headers, _HOP_BY_HOP | {"content-length"})


def _without(headers: Mapping[str, str], left_out: frozenset[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)
