"""What goes wrong with a good body: a value is replaced, a field too many or too few, bytes that are no JSON."""

from typing import Any

import orjson
from hypothesis import strategies as st

NASTY: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**63 - 1, -(2**63), "", " ", "1", "1_0", "１２", "NaN", "٣"),
    *(
        "\x00",
        "a\x00b",
        "\u202etxt",
        "\u200b",
        "é",
        "👩‍👩‍👧",
        "<script>",
        "{{7*7}}",
        "=cmd()",
        "a\r\nB: c",
        "x" * 10_000,
    ),
    *("../../admin", "%2e%2e", "$where", "EUR", "usd", "2024-02-30", "00000000-0000-0000-0000-000000000000"),
    *([], {}, [[]], [1] * 1001, {"$ne": 1}, {"__proto__": {}}, {"amount": "0.001", "currency": "EUR"}),
]
NAMES = ["__proto__", "$where", "a.b", "", "user_id", "product_id", "quantity", "_id", "deleted", "actor"]

values = st.sampled_from(NASTY) | st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, body: Any) -> Any:
    """This body with one thing wrong, somewhere."""
    if isinstance(body, dict) and body and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(body)))
        match draw(st.sampled_from(["deeper", "replaced", "left out", "added"])):
            case "deeper":
                return body | {name: draw(spoilt(body[name]))}
            case "replaced":
                return body | {name: draw(values)}
            case "left out":
                return {other: value for other, value in body.items() if other != name}
            case _:
                return body | {draw(st.sampled_from(NAMES)): draw(values)}
    if isinstance(body, list) and body and draw(st.booleans()):
        return [draw(spoilt(body[0])), *body[1:]]
    return draw(values)


def spelled(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)


garbage = st.binary(max_size=200) | st.sampled_from(
    [
        *(b"", b"{", b"[]", b'"x"', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b'{"quantity":1,"quantity":2}', b"[" * 50_000),
        *(
            b'{"user_id":NaN}',
            b'{"user_id":' + b"9" * 5000 + b"}",
            b'{"a":"\\ud800"}',
            b"{" + b" " * 70_000 + b"}",
            b"nul",
        ),
    ]
)
