"""Pages: how many, and from where on."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypedDict, TypeVar

import orjson

from common.contract.operations import Parameter
from common.errors import BadRequest

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 100
_MAX_CURSOR_CHARACTERS = 500
LIMIT = Parameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "How many at once."
)
CURSOR = Parameter("cursor", {"type": "string"}, "The `next_cursor` of the page before, of the same list.")
PAGING = (LIMIT, CURSOR)


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


Kind = type | tuple[type, ...]
"""Of one value of a cursor: this type, or one of these."""


def read_cursor(query: Mapping[str, str], kinds: tuple[Kind, ...]) -> list[Any] | None:
    """Return the values of a cursor that `write_cursor` made, of these kinds; None without one."""
    text = query.get("cursor")
    if text is None:
        return None
    try:
        return _parse_cursor(text, kinds)
    except (ValueError, binascii.Error) as error:
        raise invalid_cursor() from error


def _parse_cursor(text: str, kinds: tuple[Kind, ...]) -> list[Any]:
    if len(text) > _MAX_CURSOR_CHARACTERS:
        raise ValueError("too long")
    values = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    if not isinstance(values, list) or len(values) != len(kinds) or not all(map(_is_of, values, kinds)):
        raise ValueError("not ours")
    return values


def _is_of(value: Any, kind: Kind) -> bool:
    """No bool for a number, and no number that the database cannot have."""
    is_storable = not isinstance(value, int) or abs(value) < 2**63
    return is_storable and type(value) in (kind if isinstance(kind, tuple) else (kind,))


def write_cursor(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def mark(*told: Any) -> str:
    """What a cursor carries of the list's filters and sort, so that it fits no other list."""
    return hashlib.blake2b(orjson.dumps(told, option=orjson.OPT_SORT_KEYS), digest_size=9).hexdigest()


def page(data: list[T], next_cursor: str | None) -> Page[T]:
    return {"data": data, "has_more": next_cursor is not None, "next_cursor": next_cursor}


def allow_only(query: Mapping[str, str], *names: str) -> None:
    """Refuse what this list does not understand, rather than ignore it."""
    given = [name for name, _ in query.items()]  # a name that stands twice is twice in the items alone
    if len(given) != len(set(given)) or not set(given) <= set(names):
        raise BadRequest("unknown_parameter", f"This path takes {', '.join(names) or 'no parameters'}, each once.")


def invalid_cursor() -> BadRequest:
    return BadRequest("invalid_cursor", "The cursor is not one that this service has given out.")
