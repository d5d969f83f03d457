"""Spans through OpenTelemetry's SDK, which takes its settings from its own environment variables.

It is imported only where spans are wanted: the packages are those of the extra `tracing`.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.errors import LeveretError
from common.spans import Attributes, Kind
from common.version import VERSION

_KINDS = {kind.name.lower(): kind for kind in SpanKind}
_propagator = TraceContextTextMapPropagator()


def open_tracer(service: str) -> "OtelTracer":
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or f"leveret-{service}", "service.version": VERSION}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OtelTracer(provider)


@dataclass(frozen=True, slots=True)
class OtelSpan:
    span: trace.Span

    @property
    def traceparent(self) -> str:
        context = self.span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"

    def rename(self, name: str) -> None:
        self.span.update_name(name)

    def tell(self, attributes: Attributes) -> None:
        self.span.set_attributes(attributes)

    def fail(self, code: str) -> None:
        self.span.set_attribute("error.type", code)
        self.span.set_status(Status(StatusCode.ERROR))


class OtelTracer:
    """Implements `Tracer`. Sampled is what the parent says, else what OTEL_TRACES_SAMPLER says."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("leveret", VERSION)

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, *, parent: str | None = None, links: Iterable[str] = ()
    ) -> Iterator[OtelSpan]:
        span = OtelSpan(
            self._tracer.start_span(
                name, _context(parent), kind=_KINDS[kind], attributes=attributes, links=_links(links)
            )
        )
        try:
            yield span
        except LeveretError as error:
            span.fail(error.code)
            raise
        except BaseException as error:
            span.fail(type(error).__name__)
            raise
        finally:
            span.span.end()

    @contextmanager
    def each(
        self, name: str, kind: Kind, spans: Iterable[tuple[str, Attributes]], *, links: Iterable[str] = ()
    ) -> Iterator[None]:
        """Begun when the context ends, with the time when it began: what fails is done again, and told then."""
        began, linked = time.time_ns(), _links(links)
        yield
        for parent, attributes in spans:
            span = self._tracer.start_span(
                name, _context(parent), kind=_KINDS[kind], attributes=attributes, links=linked, start_time=began
            )
            span.end()

    def end(self) -> None:
        self._provider.shutdown()


def _context(traceparent: str | None) -> Context:
    """Never what the SDK thinks is current: many requests share a thread."""
    return _propagator.extract({"traceparent": traceparent}, Context()) if traceparent else Context()


def _links(traceparents: Iterable[str]) -> list[Link]:
    spans = (trace.get_current_span(_context(traceparent)) for traceparent in traceparents)
    return [Link(span.get_span_context()) for span in spans]
