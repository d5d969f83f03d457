"""Logging: one line an event, a fixed message and fields, as text for people or JSON for machines."""

import logging
import sys

import structlog

from common.config import Settings


def configure(settings: Settings, service: str) -> None:
    """Set up logging for this process; to be called once, in `__main__`."""
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s [%(levelname)s] %(name)s %(message)s"
    )
    for noisy in (
        "aiormq",
        "aio_pika",
        "pymongo",
    ):  # their connections come and go under our supervision, which logs it
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
