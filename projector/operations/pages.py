"""Lists over HTTP, a page at a time. A cursor is where the page before ended, written so that nobody reads it."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Generic, TypedDict, TypeVar

import orjson

from common.contract.operations import Parameter
from common.errors import BadRequest

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 100
_MAX_CURSOR_CHARACTERS = 500
PAGING = (
    Parameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "How many at once."
    ),
    Parameter("cursor", {"type": "string"}, "The `next_cursor` of the page before."),
)


class Page(TypedDict, Generic[T]):
    """A part of a list; `next_cursor` brings the next one."""

    data: list[T]
    has_more: bool
    next_cursor: str | None


def read_limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        raise BadRequest("invalid_limit", f"limit is a number from 1 to {MAX_LIMIT}.")
    return int(text)


def read_cursor(query: Mapping[str, str], *kinds: type | tuple[type, ...]) -> list[Any] | None:
    """The values of a cursor, of these kinds; None without one. A forged one leads to no more than a list shows."""
    text = query.get("cursor")
    if text is None:
        return None
    try:
        values = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        values = None
    if len(text) > _MAX_CURSOR_CHARACTERS or not _are(values, kinds):
        raise BadRequest("invalid_cursor", "The cursor is not one that this list has given out.")
    return values


def _are(values: Any, kinds: tuple[type | tuple[type, ...], ...]) -> bool:
    if not isinstance(values, list) or len(values) != len(kinds):
        return False
    return all(
        isinstance(value, kind) and not isinstance(value, bool) and not (isinstance(value, int) and abs(value) >= 2**63)
        for value, kind in zip(values, kinds, strict=True)
    )


def page(data: list[T], last: list[Any] | None) -> Page[T]:
    """`last` is what the next cursor says; None at the end of the list."""
    cursor = None if last is None else base64.urlsafe_b64encode(orjson.dumps(last)).rstrip(b"=").decode()
    return {"data": data, "has_more": cursor is not None, "next_cursor": cursor}
