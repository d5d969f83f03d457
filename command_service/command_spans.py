"""A span for each command, from when it is taken up until its answer is certain."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from common.spans import Tracer, of_commit

if TYPE_CHECKING:
    from command_service.handling import Outcome, Request


async def in_span(tracer: Tracer, request: "Request", handle: "Callable[[Request], Awaitable[Outcome]]") -> "Outcome":
    """What the command commits stands in this span."""
    attributes = {"leveret.command_id": request.command_id, "leveret.stream": request.stream}
    name = type(request.command).__name__
    with tracer.span(name, "internal", attributes, parent=request.traceparent) as span:
        outcome = await handle(replace(request, traceparent=span.traceparent))
        span.tell(of_commit(request.stream, outcome.version, outcome.position))
        return outcome
