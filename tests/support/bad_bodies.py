"""Bodies that are not JSON, not a command, or too much, whichever way they come."""

from typing import Any

import orjson

LIMIT_BYTES = 64 * 1024
SOME_KEYS = 7_500  # about as many as fit in the limit
SHORT = b'{"user_id":1,"product_id":456,"quantity":1}'


def with_quantity(text: str) -> bytes:
    return b'{"user_id":1,"product_id":456,"quantity":%s}' % text.encode()


NOT_JSON = {
    "empty": b"",
    "blank": b" \r\n",
    "half": b"{",
    "array": b"[]",
    "string": b'"x"',
    "number": b"5",
    "null": b"null",
    "array of a command": b"[" + SHORT + b"]",
    "two": SHORT + SHORT,
    "rest": SHORT + b"x",
    "trailing comma": SHORT[:-1] + b",}",
    "single quotes": b"{'user_id':1}",
    "comment": b"/* */" + SHORT,
    "byte order mark": b"\xef\xbb\xbf" + SHORT,
    "UTF-16": SHORT.decode().encode("utf-16"),
    "invalid UTF-8": b'{"user_email":"\xff@example.org"}',
    "overlong UTF-8": b'{"user_email":"\xc0\xaf@example.org"}',
    "UTF-8 of a surrogate": b'{"user_email":"\xed\xa0\x80@example.org"}',
    "no-break space": b"\xc2\xa0" + SHORT,
    "NUL": b"\0",
    "raw line feed in text": b'{"user_email":"a\n@example.org"}',
    "lone surrogate": b'{"user_email":"\\ud800@example.org"}',
    "lone surrogate in a name": b'{"\\udc00":1}',
    "NaN": with_quantity("NaN"),
    "-Infinity": with_quantity("-Infinity"),
    "plus": with_quantity("+1"),
    "leading zero": with_quantity("01"),
    "hexadecimal": with_quantity("0x1"),
    "underscore": with_quantity("1_0"),
    "full-width digit": with_quantity("１"),
    "name twice": b'{"user_id":1,"product_id":456,"quantity":1,"quantity":-1}',
    "name twice, once escaped": b'{"user_id":1,"product_id":456,"quantity":1,"quantit\\u0079":2}',
    "name twice, deep": b'{"user_id":1,"items":[{"product_id":456,"product_id":457,"quantity":1}]}',
    "deep": b"[" * 60_000,
    "deep objects": b'{"a":' * 12_000,
    "deep and closed": b'{"items":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "300 deep": b'{"items":' + b"[" * 300 + b"]" * 300 + b"}",
}
WRONG_NUMBERS = (
    *("0", "-0", "-1", "1.5", "1.0", "1e3", "1E400", '"1"', "true", "null", "[1]", "{}"),
    *("1000001", "2147483648", "9223372036854775808", "18446744073709551616", "1" * 5000),
)
WRONG_FIELDS: dict[str, dict[str, Any]] = {
    "unknown": {"colour": "red"},
    "__proto__": {"__proto__": {"is_admin": True}},
    "$where": {"$where": "1"},
    "dotted": {"user.id": 2},
    "order_id": {"order_id": "00000000-0000-4000-8000-000000000000"},
    "both forms": {"items": [{"product_id": 456, "quantity": 1}]},
    "user 0": {"user_id": 0},
    "user -1": {"user_id": -1},
    "user true": {"user_id": True},
    "user text": {"user_id": "1"},
    "user list": {"user_id": [1]},
    "user operator": {"user_id": {"$ne": 1}},
    "user 2**53": {"user_id": 2**53},
    "product null": {"product_id": None},
    "e-mail without @": {"user_email": "ann"},
    "e-mail with a header": {"user_email": "ann@example.org\r\nBcc: eve@example.org"},
    "e-mail of script": {"user_email": "<script>@example.org"},
    "e-mail too long": {"user_email": "a" * 250 + "@example.org"},
    "e-mail 60 KB": {"user_email": "a" * 60_000},
    "e-mail bidi": {"user_email": "ann\u202e@example.org"},
    "e-mail list": {"user_email": ["ann@example.org"]},
}
WRONG_ITEMS: dict[str, Any] = {
    "none": [],
    "101": [{"product_id": 456, "quantity": 1}] * 101,
    "1001": [{"product_id": 456, "quantity": 1}] * 1001,
    "too many pieces": [{"product_id": 456, "quantity": 1_000_000}] * 2,
    "object": {"product_id": 456, "quantity": 1},
    "null": [None],
    "nested": [[{"product_id": 456, "quantity": 1}]],
    "unknown field": [{"product_id": 456, "quantity": 1, "unit_price": "0.01"}],
    "quantity 0": [{"product_id": 456, "quantity": 0}],
    "quantity -1": [{"product_id": 456, "quantity": 2}, {"product_id": 456, "quantity": -1}],
    "quantity missing": [{"product_id": 456}],
}
COSTLY = {
    "keys": ("{" + ",".join(f'"{number:x}":1' for number in range(SOME_KEYS)) + "}").encode(),
    "items": orjson.dumps({"user_id": 1, "items": [{}] * 10_000}),
    "deep": b"[" * 65_000,
    "digits": with_quantity("1" * 65_000),
    "escapes": b'{"user_email":"' + b"\\u0061" * 10_000 + b'"}',
}
WRONG_REASONS = (b"", b"[]", b'{"reason":""}', b'{"reason":5}', b'{"reason":"' + b"r" * 501 + b'"}')
WRONG_STOCK: tuple[dict[str, Any], ...] = (
    {},
    {"quantity": -1},
    {"quantity": 10**9 + 1},
    {"quantity": 1, "adjust_by": 1},
    {"adjust_by": 1.0},
    {"low_stock_threshold": True},
    {"product_id": 0},
    {"reserved_quantity": 5},
)
