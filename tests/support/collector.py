"""A collector of OpenTelemetry as small as can be: it takes spans over HTTP and keeps them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True, slots=True)
class Told:
    """A span as it came; `links` are pairs of trace and span."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    attributes: dict[str, str | int]
    links: frozenset[tuple[str, str]]


@dataclass(slots=True)
class Collector:
    url: str = ""
    spans: list[Told] = field(default_factory=list)

    def of_trace(self, trace_id: str) -> list[Told]:
        return [span for span in self.spans if span.trace_id == trace_id]

    async def take(self, request: web.Request) -> web.Response:
        told = ExportTraceServiceRequest.FromString(await request.read())
        for of_resource in told.resource_spans:
            service = str(_plain(of_resource.resource.attributes)["service.name"])
            for of_scope in of_resource.scope_spans:
                self.spans += [
                    Told(
                        service=service,
                        name=span.name,
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        kind=span.kind,
                        attributes=_plain(span.attributes),
                        links=frozenset((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    )
                    for span in of_scope.spans
                ]
        return web.Response(content_type="application/x-protobuf")


def _plain(attributes: list[KeyValue]) -> dict[str, str | int]:
    return {of.key: of.value.string_value or of.value.int_value for of in attributes}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    collector.url = f"http://{host}:{port}"
    try:
        yield collector
    finally:
        await runner.cleanup()
