"""Spans: what a process does for a request or a commit, told to a collector where one is named; else one `if` each.

Who calls asks `tracer()` first, or takes one of the functions here, which give back a context that does nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, Protocol

import structlog

from common.config import Settings
from common.envelope import EXCHANGE, Commit

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]
"""Named by OpenTelemetry's semantic conventions where these have a name; else `leveret.…`."""

log = structlog.get_logger(__name__)


class Span(Protocol):
    @property
    def traceparent(self) -> str:
        """How others name it as their parent."""
        ...

    def rename(self, name: str) -> None: ...
    def tell(self, attributes: Attributes) -> None: ...
    def fail(self, code: str) -> None: ...


class Tracer(Protocol):
    def span(
        self, name: str, kind: Kind, attributes: Attributes, *, parent: str | None = None, links: Iterable[str] = ()
    ) -> AbstractContextManager[Span]:
        """A span for as long as the context lasts; `parent` and `links` are traceparents."""
        ...

    def each(
        self, name: str, kind: Kind, spans: Iterable[tuple[str, Attributes]], *, links: Iterable[str] = ()
    ) -> AbstractContextManager[None]:
        """Spans of the same time, each with its parent and its attributes."""
        ...

    def end(self) -> None:
        """Send what is left."""
        ...


_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: Tracer | None = None


def tracer() -> Tracer | None:
    """None where nothing is traced."""
    return _tracer


def begin_spans(settings: Settings, service: str) -> None:
    """To be called once, in `__main__`."""
    global _tracer  # noqa: PLW0603 - one of a process, as its logging is
    if not settings.otel_exporter_otlp_endpoint:
        return
    try:
        from common.otel import open_tracer
    except ImportError:
        log.warning("nothing_is_traced", advice="install leveret[tracing], or unset OTEL_EXPORTER_OTLP_ENDPOINT")
    else:
        _tracer = open_tracer(service)


def end_spans() -> None:
    if _tracer:
        _tracer.end()


def appending(commits: Iterable[Commit]) -> AbstractContextManager[object]:
    """One insert of many commits: a trace of its own, with links to theirs."""
    if _tracer is None:
        return _NOTHING
    traced = tuple(commit.traceparent for commit in commits if commit.traceparent)
    attributes = {"db.system.name": "mongodb", "db.operation.name": "insert", "db.collection.name": "commits"}
    return _tracer.span("insert commits", "client", attributes, links=traced)


def publishing(commits: Iterable[Commit]) -> AbstractContextManager[object]:
    if _tracer is None:
        return _NOTHING
    sent = [(commit.traceparent, _message(commit, "send")) for commit in commits if commit.traceparent]
    return _tracer.each(f"send {EXCHANGE}", "producer", sent)


def processing(group: str, commits: Iterable[Commit]) -> AbstractContextManager[object]:
    """One batch: a trace of its own with links to the commits' spans, and in the trace of each a span of its own."""
    if _tracer is None:
        return _NOTHING
    return _processing(_tracer, group, [commit for commit in commits if commit.traceparent])


@contextmanager
def _processing(tracer: Tracer, group: str, commits: list[Commit]) -> Iterator[None]:
    told: Attributes = {"messaging.consumer.group.name": group, "messaging.batch.message_count": len(commits)}
    taken = [(commit.traceparent or "", {**_message(commit, "process"), **told}) for commit in commits]
    links = [parent for parent, _ in taken]
    with (
        tracer.span(f"batch {group}", "internal", told, links=links) as batch,
        tracer.each(f"process {group}", "consumer", taken, links=[batch.traceparent]),
    ):
        yield


def _message(commit: Commit, operation: str) -> dict[str, str | int]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": EXCHANGE,
        "messaging.operation.type": operation,
        "messaging.message.conversation_id": commit.correlation_id or commit.command_id,
        **of_commit(commit.stream, commit.version, commit.position),
    }


def of_commit(stream: str, version: int, position: int) -> dict[str, str | int]:
    return {"leveret.stream": stream, "leveret.version": version, "leveret.position": position}
