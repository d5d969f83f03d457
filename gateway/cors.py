"""Which web pages may talk to the gateway from a browser (Fetch standard, 3.2: CORS)."""

from collections.abc import Sequence

from aiohttp import web

from common.access.routes import Handler

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Consistency-Token, Idempotency-Key, If-Match, "
    "If-None-Match, Last-Event-ID, Prefer, X-Correlation-ID, traceparent",
    "Access-Control-Max-Age": "600",  # seconds for which a browser remembers it
}
_SHOWN = (
    "Consistency-Token, ETag, Idempotent-Replayed, Link, Location, Preference-Applied, Projection-Lag-Ms, "
    "Projection-Position, Projection-State, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, "
    "traceparent"
)


def allow_origins(app: web.Application, origins: Sequence[str]) -> None:
    """Let pages of these origins in, `*` for all. Tokens come in a header, so no cookie is ever asked for."""

    async def name_origin(http: web.Request, response: web.StreamResponse) -> None:
        response.headers.add("Vary", "Origin")
        origin = http.headers.get("Origin")
        if origin is not None and ("*" in origins or origin in origins):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _SHOWN

    @web.middleware
    async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
        """A browser asks for every path what it may send there; what the path says itself it is told later."""
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return web.Response(status=204, headers=_PREFLIGHT)
        return await handler(request)

    app.on_response_prepare.append(name_origin)
    app.middlewares.append(answer_preflight)
