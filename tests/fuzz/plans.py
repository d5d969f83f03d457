"""Requests as Hypothesis draws them: to any operation, good ones and ones with a fault."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from tests.fuzz.operations import GOOD_BODIES, ID_OF, IMPORT, PARAMETERS
from tests.fuzz.spoiling import NASTY, garbage, spelled, spoilt
from tests.fuzz.wishes import ORDERS
from tests.support.door import spell

nasty_text = st.sampled_from([str(value) for value in NASTY if isinstance(value, str | int | float)])
fields = st.sampled_from(
    [
        *(("If-Match", text) for text in ('"1"', "x", '"1-1"', "", '"99999999999999999"')),
        *(("Consistency-Token", text) for text in ("x", "e30", "eyIwIjoxfQ", "")),
        *(("Idempotency-Key", text) for text in ("", "x" * 300, "a b", "é")),
        *(("Prefer", text) for text in ("wait=1", "wait=99999999999", "=,;")),
        *(("If-None-Match", text) for text in ("*", '"1-1"', 'W/"', "x")),
        *(("Content-Type", text) for text in ("text/plain", "application/json; charset=latin-1", "")),
        *(("traceparent", "x"), ("X-Correlation-ID", "x" * 200), ("Accept", "x"), ("Last-Event-ID", "1")),
    ]
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A good request to this operation, and what is wrong with it if anything is."""

    operation: str
    body: bytes
    query: dict[str, Any]
    in_path: str | None = None  # stands in place of the path's last id
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_good(self) -> bool:
        """Its body and its query may be none all the same."""
        return self.in_path is None and not self.headers

    def spelled(self, ids: Mapping[str, str], key: str) -> bytes:
        method, path = self.operation.split(" ")
        target = _filled(path, ids, self.in_path) + (f"?{urlencode(self.query)}" if self.query else "")
        kind = "application/x-ndjson" if self.operation == IMPORT else "application/json"
        headers = {"Idempotency-Key": key, "Content-Type": kind} | dict(self.headers)
        return spell(method, target, known(self.body, ids), headers)


@st.composite
def plans(draw: st.DrawFn, operation: str) -> Plan:
    wrong = draw(
        st.sampled_from(["nothing", "nothing", "nothing", "nothing", "body", "garbage", "path", "query", "header"])
    )
    body, query = draw(_bodies(operation, wrong)), draw(PARAMETERS.get(operation, st.just({})))
    if wrong == "query":
        query = query | {draw(st.sampled_from([*query, "limit", "cursor", "sort", "status[$ne]"])): draw(nasty_text)}
    return Plan(
        operation=operation,
        body=body,
        query=query,
        in_path=draw(nasty_text) if wrong == "path" else None,
        headers=(draw(fields),) if wrong == "header" else (),
    )


@st.composite
def _bodies(draw: st.DrawFn, operation: str, wrong: str) -> bytes:
    if wrong == "garbage":
        return draw(garbage)
    if operation not in GOOD_BODIES:
        return b""
    good = draw(GOOD_BODIES[operation])
    return spelled(draw(spoilt(good)) if wrong == "body" else good)


def _filled(path: str, ids: Mapping[str, str], in_path: str | None) -> str:
    parts = path.split("/")
    last = max((number for number, part in enumerate(parts) if part.startswith("{")), default=None)
    for number, part in enumerate(parts):
        if part.startswith("{"):
            given = in_path if number == last and in_path is not None else ids[ID_OF[part[1:-1]]]
            parts[number] = quote(given, safe="%./")
    return "/".join(parts)


def known(body: bytes, ids: Mapping[str, str]) -> bytes:
    """With this request's ids: `@order-00@` and the like stand for its order, the first of them for its reservation."""
    for placeholder in ORDERS:
        body = body.replace(placeholder.encode(), ids.get("@reservation@", ids["@order@"]).encode(), 1)
        body = body.replace(placeholder.encode(), ids["@order@"].encode())
    return body
