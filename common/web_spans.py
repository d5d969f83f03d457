"""A span for each HTTP request, around all that answers it."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from common.spans import Tracer
from common.tracing import known_traceparent, stand_in

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
UNTOLD = ("/livez", "/readyz", "/metrics", "/internal/")  # asked all the time; what is sent inside has its own spans


def in_spans(tracer: Tracer, answer: Answer) -> Answer:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.startswith(UNTOLD):
            return await answer(request)
        attributes = {"http.request.method": request.method, "url.path": request.path, "url.scheme": request.scheme}
        parent = known_traceparent(request.headers.get("traceparent"))
        with tracer.span(request.method, "server", attributes, parent=parent) as span:
            stand_in(request, span.traceparent)
            response = await answer(request)
            resource = request.match_info.route.resource
            if resource:  # it is known only now
                span.rename(f"{request.method} {resource.canonical}")
                span.tell({"http.route": resource.canonical})
            span.tell({"http.response.status_code": response.status})
            if response.status >= 500:
                span.fail(str(response.status))
            return response

    return handle
