"""The headers of requests and answers, each described once."""

from collections.abc import Mapping
from typing import Any

from common.contract.operations import Parameter

_TEXT = {"type": "string"}
_ETAG = {"type": "string", "pattern": r'^"[0-9]+(-[0-9]+(-[0-9a-f]{8})?)?"$', "examples": ['"3-1207-5f0c2a91"']}
_COUNT = {"type": "integer", "minimum": 0}

IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "Sent again with the same key, a command is done once and answered the same; best a UUID.",
    "header",
)
IF_MATCH = Parameter("If-Match", _ETAG, "Only while the version is still that of this ETag; else 412.", "header")
IF_NONE_MATCH = Parameter("If-None-Match", _TEXT, "Answer 304 where this is still the ETag.", "header")
CONSISTENCY_TOKEN = Parameter(
    "Consistency-Token",
    {"type": "string", "maxLength": 4096},
    "The last one that was answered: a query waits until it shows all of it; a command's answer includes it.",
    "header",
)
CORRELATION_ID = Parameter(
    "X-Correlation-ID",
    {"type": "string", "minLength": 1, "maxLength": 128},
    "Stands on the commit and on its events; /cqrs/ops/correlations tells all that followed from it.",
    "header",
)
PREFER = Parameter(
    "Prefer",
    {"type": "string", "examples": ["wait=5"]},
    "`wait=N`: answer within N seconds, when the view shows what came of it; 30 at most (RFC 7240).",
    "header",
)
LAST_EVENT_ID = Parameter(
    "Last-Event-ID", {"type": "string", "pattern": "^[0-9]+$"}, "Go on after this position.", "header"
)
TRACEPARENT = Parameter(
    "traceparent", _TEXT, "W3C Trace Context; its trace id is the `trace_id` of problems and logs.", "header"
)

HEADERS: Mapping[str, Mapping[str, Any]] = {
    "ETag": {
        "description": "Version and position of what is answered; of a query, also which views it is from.",
        "schema": _ETAG,
    },
    "Location": {
        "description": "Where a query shows what is new.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Consistency-Token": {"description": "Send it with a query to see at least this.", "schema": _TEXT},
    "Idempotent-Replayed": {
        "description": "`true` where an earlier request with this key had done it.",
        "schema": {"const": "true"},
    },
    "Projection-Position": {"description": "Everything in the log up to here is in the answer.", "schema": _COUNT},
    "Projection-Lag-Ms": {"description": "How far the views are behind, in milliseconds.", "schema": _COUNT},
    "Projection-State": {
        "description": "`parked` where this view waits for its repair and is shown as it was.",
        "schema": {"const": "parked"},
    },
    "As-Of-Position": {
        "description": "With `as_of`: everything up to here, and nothing beyond it, is in the answer.",
        "schema": _COUNT,
    },
    "Link": {"description": "The next page, with `rel=next` (RFC 8288).", "schema": _TEXT},
    "Preference-Applied": {"description": "`wait=N` where it was waited for.", "schema": _TEXT},
    "Server-Timing": {"description": "Milliseconds in the gateway and in the service behind it.", "schema": _TEXT},
    "traceparent": {"description": "In which trace the request stands (W3C Trace Context).", "schema": _TEXT},
    "Retry-After": {"description": "In so many seconds.", "schema": _COUNT},
    "WWW-Authenticate": {"description": "RFC 6750.", "schema": _TEXT},
    "RateLimit": {"description": "What is left, where AUTH=on.", "schema": _TEXT},
    "RateLimit-Policy": {"description": "How much there is, where AUTH=on.", "schema": _TEXT},
}
"""Of answers."""
ON_EVERY_ANSWER = ("RateLimit", "RateLimit-Policy", "Server-Timing", "traceparent")
ON_PROBLEMS: Mapping[int, tuple[str, ...]] = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def references(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
