"""Lets a message that is not well-formed be read all the same, so that it ends itself and not the session.

Brokers pass properties and headers on as they came. The library raises where text is not UTF-8 or an instant beyond
all calendars, the connection is lost, and the message is delivered again. Here such text has U+FFFD in it, and such
headers are UNREADABLE: whoever reads them refuses them.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pamqp import decode

UNREADABLE: Mapping[str, Any] = {"x-unreadable": True}
_ERRORS = (ValueError, OverflowError, OSError, RecursionError)
_LENGTH_BYTES = 4  # before a table


def read_leniently() -> None:
    """Have the library read so from now on, in this process; again is no more than once."""
    decode.METHODS.update(_DECODERS)


def _text(value: bytes) -> tuple[int, str]:
    length = value[0]
    return length + 1, value[1 : length + 1].decode(errors="replace")


def _table(value: bytes) -> tuple[int, Mapping[str, Any]]:
    try:
        return decode.field_table(value)
    except _ERRORS:
        return _LENGTH_BYTES + int.from_bytes(value[:_LENGTH_BYTES]), dict(UNREADABLE)


def _instant(value: bytes) -> tuple[int, datetime]:
    try:
        return decode.timestamp(value)
    except _ERRORS:
        return 8, datetime.fromtimestamp(0, UTC)


_DECODERS: Mapping[str, Callable[..., tuple[int, Any]]] = {"shortstr": _text, "table": _table, "timestamp": _instant}
