"""W3C Trace Context: by which id a request is found in every log."""

import re
import secrets

from aiohttp import web

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def known_traceparent(given: object) -> str | None:
    """Return it if it is one; what is none is left out, as the standard says."""
    return given if isinstance(given, str) and _TRACEPARENT.fullmatch(given) else None


def known_trace_id(given: object) -> str | None:
    found = _TRACEPARENT.fullmatch(given) if isinstance(given, str) else None
    return found[1] if found else None


def trace_id_of(given: object) -> str:
    """The sender's, or a new one."""
    return known_trace_id(given) or secrets.token_hex(16)


_TRACE_ID: web.RequestKey[str] = web.RequestKey("trace_id", str)
_TRACEPARENT_OF: web.RequestKey[str] = web.RequestKey("traceparent", str)


def trace_id(request: web.BaseRequest) -> str:
    """The id under which this request is found in every log: the caller's, if there is a traceparent."""
    if _TRACE_ID not in request:
        request[_TRACE_ID] = trace_id_of(request.headers.get("traceparent"))
    return request[_TRACE_ID]


def stand_in(request: web.BaseRequest, span: str) -> None:
    """From now on this traceparent is the request's, and what others are told."""
    request[_TRACEPARENT_OF], request[_TRACE_ID] = span, trace_id_of(span)


def carried(request: web.BaseRequest) -> str | None:
    """The span of the request where it has one, else what the caller sent, if it is one."""
    return request.get(_TRACEPARENT_OF) or known_traceparent(request.headers.get("traceparent"))


def traceparent(request: web.BaseRequest) -> str:
    """This process's part of the caller's trace, or of a new one."""
    if _TRACEPARENT_OF not in request:
        given = known_traceparent(request.headers.get("traceparent"))
        flags = given[-2:] if given else "01"
        request[_TRACEPARENT_OF] = f"00-{trace_id(request)}-{secrets.token_hex(8)}-{flags}"
    return request[_TRACEPARENT_OF]
