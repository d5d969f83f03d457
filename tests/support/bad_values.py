"""Values that mean nothing, and some that only look so, whichever way they come."""

from typing import Any

WRONG_AMOUNTS: tuple[Any, ...] = (
    *("0.001", "1_0", "１２", "٣", "-1", "+1", "1e3", "NaN", "Infinity", " 1", "1 ", "1\n", ".5", "5.", "", "1,5"),
    *("0x1", "99999999999999", "1" * 5000, 1, 1.5, True, ["1"], {}, {"amount": "1"}, {"currency": "EUR"}),
    *({"amount": "1", "currency": currency} for currency in ("usd", "XXX", "XTS", "EURO", "", "$", "ＥＵＲ", None)),
    *({"amount": amount, "currency": "EUR"} for amount in (1, 1.5, None, "1.234")),
    {"amount": "1.5", "currency": "JPY"},
    {"amount": "1.2345", "currency": "KWD"},
    {"amount": "9999999999999.9999", "currency": "CLF"},
    {"amount": "1", "currency": "EUR", "rate": "2"},
)
INVISIBLE = {
    "NUL": "\0",
    "soft hyphen": "\u00ad",
    "zero width space": "\u200b",
    "zero width non-joiner": "\u200c",
    "zero width joiner": "\u200d",
    "left-to-right mark": "\u200e",
    "bidi override": "\u202e",
    "bidi embedding": "\u202a",
    "bidi isolate": "\u2066",
    "word joiner": "\u2060",
    "invisible separator": "\u2063",
    "nominal digit shapes": "\u206f",
    "Arabic letter mark": "\u061c",
    "Mongolian vowel separator": "\u180e",
    "byte order mark": "\ufeff",
    "interlinear annotation": "\ufff9",
    "Hangul filler": "\u3164",
    "tag": "\U000e0041",
}
KEPT = (
    "<script>alert(1)</script>",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "=cmd()|'/C calc'!A0",
    "Tea\r\nSet-Cookie: a=b",
    "'; DROP TABLE orders; --",
    '{"$ne": 1}',
    "../../etc/passwd",
    "%00%0d%0a",
    "日本語 العربية עברית हिन्दी",
    "👩‍💻 👨‍👩‍👧‍👦 ❤️‍🔥 🏳️‍🌈 👍🏽 🇪🇺",
    "\U0001f600" * 200,
    "\\u0000 is not NUL",
)
WRONG_NAMES: tuple[Any, ...] = ("", "x" * 201, 5, ["x"], {"$ne": ""})
GOOD_AMOUNTS: tuple[tuple[Any, dict[str, str]], ...] = (
    ("0", {"amount": "0.00", "currency": "EUR"}),
    ("9999999999999.99", {"amount": "9999999999999.99", "currency": "EUR"}),
    ({"amount": "5", "currency": "JPY"}, {"amount": "5", "currency": "JPY"}),
    ({"amount": "1.5", "currency": "KWD"}, {"amount": "1.500", "currency": "KWD"}),
)
"""And how they are shown."""
