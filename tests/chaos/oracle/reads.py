"""O7: what clients read, beside what they knew and what they had read before."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.chaos.history import Record
from tests.chaos.oracle.calls import Call, with_greatest_before
from tests.chaos.oracle.facts import Facts, Finding, subject_of

_DOCUMENT = re.compile(r"/queries/(orders|inventory)/([^/?]+)$")
_ORDERS_OF_A_USER = re.compile(r"/queries/users/(\d+)/orders(\?.*)?$")
_CONTEXTS = {"orders": "order", "inventory": "inventory"}


class Shown(NamedTuple):
    """A document in an answer; version 0 says that there is none."""

    stream: str
    version: int


class Streams:
    """Where the commits of each stream stand."""

    def __init__(self, facts: Facts) -> None:
        self._positions: dict[str, list[int]] = defaultdict(list)
        self._partitions: dict[str, int] = {}
        self.orders_of: dict[int, list[str]] = defaultdict(list)
        for commit in facts.commits:
            self._positions[commit["stream"]].append(commit["_id"])
            self._partitions[commit["stream"]] = commit["partition"]
        for commit, data in facts.told("OrderInitiated", "OrderImported"):
            self.orders_of[data["user_id"]].append(f"order-{subject_of(commit)}")

    def version_at(self, stream: str, token: Mapping[int, int]) -> int:
        """The version that this token has seen; 0 when it has not seen the stream."""
        return bisect_right(self._positions.get(stream, ()), token.get(self._partitions.get(stream, -1), 0))

    def version(self, stream: str) -> int:
        return len(self._positions.get(stream, ()))


def o7_reads_never_go_back(facts: Facts) -> Iterator[Finding]:
    """A read with a token is never older than the token; per client, versions and projection positions never go back.

    And no read shows a version that the log does not have. Of the sums (summaries, statistics) only the projection
    position is judged: they carry no version.
    """
    streams = Streams(facts)
    for record in facts.queries:
        for shown in shown_by(record):
            if shown.version > streams.version(shown.stream):
                yield _about(record), f"{shown.stream} has no version {shown.version} in the log"
        if record.token is not None:
            yield from _older_than_its_token(record, record.token, streams)
    yield from _going_back(facts)


def shown_by(record: Record) -> Iterator[Shown]:
    """The documents that the answer shows, or denies."""
    if found := _DOCUMENT.search(record.key):
        stream = f"{_CONTEXTS[found[1]]}-{found[2]}"
        if record.status == 404:
            yield Shown(stream, 0)
        elif record.type == "ok" and record.version is not None:
            yield Shown(stream, record.version)
    elif _ORDERS_OF_A_USER.search(record.key) and record.type == "ok" and record.body:
        for order in record.body["data"]:
            yield Shown(f"order-{order['order_id']}", order["version"])


def _older_than_its_token(record: Record, token: Mapping[int, int], streams: Streams) -> Iterator[Finding]:
    shown = dict(shown_by(record))
    wanted = set(shown) | _all_that_a_list_must_show(record, streams)
    for stream in wanted:
        known, version = streams.version_at(stream, token), shown.get(stream, 0)
        if version < known:
            yield _about(record), f"{stream} is shown at version {version}, and the token has seen {known}"


def _all_that_a_list_must_show(record: Record, streams: Streams) -> set[str]:
    """The orders of a user, where the answer is the whole list."""
    found = _ORDERS_OF_A_USER.search(record.key)
    body: Any = record.body
    if not found or "cursor" in (found[2] or "") or record.type != "ok" or not body or body.get("has_more"):
        return set()
    return set(streams.orders_of.get(int(found[1]), ()))


def _going_back(facts: Facts) -> Iterator[Finding]:
    calls: dict[tuple[int, str], list[Call]] = defaultdict(list)
    for record in facts.queries:
        span = (record.invoke_ns, record.complete_ns)
        if record.type == "ok" and record.position is not None:
            calls[record.proc, "the projection's position"].append(Call(*span, record.position, _about(record)))
        for stream, version in shown_by(record):
            calls[record.proc, f"the version of {stream}"].append(Call(*span, version, _about(record)))
    for (_, what), of_one in calls.items():
        for call, before in with_greatest_before(of_one):
            if before and call.value < before.value:
                yield call.about, f"{what} is {call.value}, and was {before.value} before"


def _about(record: Record) -> str:
    return f"{record.key} (by {record.proc})"
