"""What every HTTP service here has: problem+json, metrics, health, a strict reading of bodies, an orderly end."""

import asyncio
import functools
import signal
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import orjson
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from common.access.door import Door
from common.access.policies import OPEN
from common.access.routes import Handler, add_route, rate_headers, stand_before
from common.errors import (
    BadRequest,
    CommandRejected,
    Contradiction,
    FieldError,
    Forbidden,
    InvalidBody,
    KeyReused,
    LeveretError,
    NotFound,
    PreconditionFailed,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnknownReference,
)
from common.problems import title_of
from common.problems.problem import slug_of
from common.spans import tracer
from common.tasks import together
from common.tracing import trace_id, traceparent
from common.web_spans import in_spans

MAX_BODY_BYTES = 64 * 1024
PROBLEM_TYPE = "application/problem+json"
SHUTDOWN_SECONDS = 10.0
IDLE_SECONDS = 30.0  # without a whole request: then a connection is closed, and so is who sends a head byte by byte

NAME: web.AppKey[str] = web.AppKey("name", str)

log = structlog.get_logger(__name__)
REQUESTS = Counter("leveret_http_requests_total", "HTTP requests", ["route", "status"])
SECONDS = Histogram(
    "leveret_http_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 2, 5),
)

_requests, _seconds = functools.cache(REQUESTS.labels), functools.cache(SECONDS.labels)
"""To find a metric's child anew costs as much as to count ten times."""

STATUSES: Mapping[type[LeveretError], int] = {
    BadRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    CommandRejected: 409,
    PreconditionFailed: 412,
    UnknownReference: 422,
    Contradiction: 422,
    InvalidBody: 422,
    KeyReused: 422,
    TooManyRequests: 429,
    Unavailable: 503,
}
HTTP_CODES: Mapping[int, str] = {
    404: "no_such_path",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    417: "expectation_failed",
}
"""Of what the library refuses."""


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(content, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def problem(
    request: web.BaseRequest,
    status: int,
    code: str,
    detail: str,
    *,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    content = problem_content(status, code, detail, trace_id(request), errors)
    return web.Response(body=orjson.dumps(content), status=status, headers=headers, content_type=PROBLEM_TYPE)


def problem_content(
    status: int, code: str, detail: str, trace_id: str, errors: tuple[FieldError, ...] = ()
) -> dict[str, Any]:
    """RFC 9457: what happened (`title`), what exactly and what to do (`detail`), and a `code` that never changes."""
    content: dict[str, Any] = {
        "type": "/problems/" + slug_of(code),
        "title": title_of(code),
        "status": status,
        "code": code,
        "detail": detail,
        "trace_id": trace_id,
    }
    if errors:
        content["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in errors]
    return content


async def answer_problems(request: web.Request, handle: Handler, *, name: str) -> web.StreamResponse:
    """Count and time every request, and turn every error into a problem; `name` is this service's in Server-Timing."""
    started = time.perf_counter()
    try:
        response = await handle(request)
    except ConnectionError:
        raise  # the client left; nobody reads an answer
    except LeveretError as error:
        response = _from_error(request, error)
    except web.HTTPException as error:
        response = _from_http_error(request, error)
    except Exception:
        log.exception("request_failed", trace_id=trace_id(request), path=_route_name(request))
        response = problem(request, 500, "internal_error", "This is our fault; it has been logged under the trace_id.")
    response.headers.update(rate_headers(request))
    response.headers["traceparent"] = traceparent(request)
    route, seconds = _route_name(request), time.perf_counter() - started
    response.headers.add("Server-Timing", f"{name};dur={seconds * 1000:.1f}")
    _requests(route, response.status).inc()
    _seconds(route).observe(seconds)
    return response


def _from_error(request: web.Request, error: LeveretError) -> web.Response:
    status = status_of(error)
    headers = _headers_of(error)
    if error.code in ("invalid_json", "not_an_object"):
        status = 400
    errors = error.errors if isinstance(error, InvalidBody) else ()
    return problem(request, status, error.code, error.detail, errors=errors, headers=headers)


def _headers_of(error: LeveretError) -> Mapping[str, str] | None:
    if isinstance(error, Unavailable | TooManyRequests):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, Unauthenticated):  # RFC 6750, 3: who sent no token is not told of an error
        fault = "" if error.code == "missing_token" else f', error="invalid_token", error_description="{error.detail}"'
        return {"WWW-Authenticate": f'Bearer realm="leveret"{fault}'}
    return None


def status_of(error: LeveretError) -> int:
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)


def _from_http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    details = {
        404: "Nothing is served under this path.",
        405: "See the Allow header for what this path understands.",
        413: f"A body has at most {MAX_BODY_BYTES} bytes.",
        408: "The body did not come in time.",
        417: "This service expects nothing but 100-continue.",
        415: f"Send Content-Type: {error.text}.",
    }
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    status = error.status
    return problem(
        request, status, HTTP_CODES.get(status, "http_error"), details.get(status, error.reason), headers=headers
    )


def _route_name(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def single_header(request: web.Request, name: str) -> str | None:
    """Return a header that makes no sense twice; BadRequest if it stands there twice."""
    values = request.headers.getall(name, ())
    if len(values) > 1:
        raise BadRequest("repeated_header", f"{name} stands in the request more than once.")
    return values[0] if values else None


def add_operations(app: web.Application, ready: Callable[[], Awaitable[Mapping[str, bool]]]) -> None:
    """Add `/livez`, `/readyz` (200 when every named check is true) and `/metrics`."""

    async def livez(_: web.Request) -> web.Response:
        return json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        checks = dict(await ready())
        is_ready = all(checks.values())
        return json_response(
            {"status": "ok" if is_ready else "unready", "checks": checks}, status=200 if is_ready else 503
        )

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    add_route(app, "GET", "/livez", livez, OPEN)
    add_route(app, "GET", "/readyz", readyz, OPEN)
    add_route(app, "GET", "/metrics", metrics, OPEN)


class ProblemRunner(web.AppRunner):
    """Serves an application so that also what never reaches its handlers is answered with problems."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        answering = _answering(made.request_handler, self._app[NAME])
        return _Server(answering, request_factory=made.request_factory, **made._kwargs)


def _answering(handle: Callable[[Any], Awaitable[web.StreamResponse]], name: str) -> Callable[[Any], Any]:
    answering = functools.partial(answer_problems, handle=handle, name=name)
    return in_spans(tracing, answering) if (tracing := tracer()) else answering


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _RequestHandler(self, loop=self._loop, **self._kwargs)


class _RequestHandler(web.RequestHandler):
    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is not HTTP, or broke before anybody could handle it; then hang up."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError("the client left, or has the beginning of an answer")
        REQUESTS.labels("malformed", status).inc()
        if status >= 500:
            log.error("request_failed", status=status, error=type(exc).__name__)
        response = problem(request, status, "malformed_request", "The request is not HTTP/1.1 as RFC 9112 has it.")
        response.force_close()
        return response


def make_app(door: Door | None = None, *, name: str = "service") -> web.Application:
    """Without a door every route must be open to everybody; `name` stands in Server-Timing."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[NAME] = name
    if door:
        stand_before(app, door)
    return app


async def serve(app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests finish; with `tls` over HTTPS only."""
    runner = ProblemRunner(
        app,
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
        handle_signals=False,
        keepalive_timeout=IDLE_SECONDS,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await runner.setup()
    try:
        await _listen(runner, host, port, tls)
        log.info("serving", host=host, port=port)
        await stop.wait()
    finally:
        await runner.cleanup()
        log.info("stopped")


async def _listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None) -> None:
    try:
        await web.TCPSite(runner, host, port, backlog=1024, ssl_context=tls).start()
    except OSError as error:
        raise Unavailable(f"{host}:{port} cannot be listened on: {error.strerror}.", code="port_taken") from error


async def serve_beside(app: web.Application, host: str, port: int, work: Coroutine[Any, Any, None]) -> None:
    """Serve while the work runs; whichever ends first ends the other, and what the work raises is raised here."""
    await together(work, serve(app, host, port))
