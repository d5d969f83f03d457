"""Logging: one line an event, a fixed message and fields, as text for people or JSON for machines."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

from common.config import Settings
from common.envelope import Commit
from common.tracing import known_trace_id

Fields = MutableMapping[str, Any]


def configure(settings: Settings, service: str) -> None:
    """Set up logging for this process; to be called once, in `__main__`. What libraries say has the same form."""
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )

    def named(_logger: object, _method: str, fields: Fields) -> Fields:
        """Also in threads that libraries start, which know no context of ours."""
        return {**fields, "service": service}

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        named,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_libraries([*shared, structlog.stdlib.add_logger_name], renderer)


def _configure_libraries(processors: list[Any], renderer: Any) -> None:
    handler = logging.StreamHandler(sys.stderr)
    rendering = [ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, renderer]
    handler.setFormatter(ProcessorFormatter(foreign_pre_chain=processors, processors=rendering))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(True)
    for noisy in (
        "aiormq",
        "aio_pika",
        "pymongo",
    ):  # their connections come and go under our supervision, which logs it
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


def about(commit: Commit) -> dict[str, str | int]:
    """What every line about a commit says."""
    place = {"stream": commit.stream, "version": commit.version, "position": commit.position}
    return place | found_by(commit.correlation_id, commit.traceparent)


def found_by(correlation_id: str | None, traceparent: object = None) -> dict[str, str]:
    """By what the lines of several services are brought together, as far as it is known."""
    known = {"correlation_id": correlation_id, "trace_id": known_trace_id(traceparent)}
    return {name: value for name, value in known.items() if value}
