"""What the judge is given, and what it says."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from tests.chaos.history import FaultWindow, Record
from tests.support import naive

Document = dict[str, Any]
Finding = tuple[str, str]
"""What it is about (`orders/…`, `position 7`), and what is wrong with it."""


class Violation(NamedTuple):
    """`rule` is its number, `O3`."""

    rule: str
    about: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule} {self.about}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a run has left behind, when everything was given the time to come to rest.

    `commits` are as stored, in the order of `_id`; `earlier` is what `digests` said of them at earlier looks.
    `views` has the documents of every collection of the views' database. `sagas` and `books` (charges as the
    provider's /books shows them) are None where no saga ran. `positions` is the answer of /cqrs/ops/positions,
    `statistics` that of /cqrs/queries/statistics/orders, None to leave it out.
    """

    records: Sequence[Record]
    faults: Sequence[FaultWindow] = ()
    commits: Sequence[Document]
    earlier: Mapping[int, str] = field(default_factory=dict)
    views: Mapping[str, Sequence[Document]]
    sagas: Sequence[Document] | None
    books: Sequence[Document] | None
    positions: Document
    statistics: Document | None = None
    looked_at: datetime

    @property
    def commands(self) -> list[Record]:
        return [record for record in self.records if not record.is_query]

    @property
    def queries(self) -> list[Record]:
        return [record for record in self.records if record.is_query]

    def told(self, *event_types: str) -> Iterator[tuple[Document, Document]]:
        """The commit and the data of every event of these types, in the order of the log."""
        for commit in self.commits:
            for event in commit["events"]:
                if event["type"] in event_types:
                    yield commit, event["data"]


def digests(commits: Sequence[Document]) -> dict[int, str]:
    """Position → digest of all that is stored there, to be remembered and compared at a later look."""
    return {commit["_id"]: hashlib.blake2b(canonical(commit), digest_size=16).hexdigest() for commit in commits}


def canonical(value: Any) -> bytes:
    """One spelling for equal values, and another one for `1` and `1.0`."""
    return orjson.dumps(
        value, default=bytes.hex, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    )


def subject_of(commit: Document) -> str:
    """What stands behind the first dash of the stream's name."""
    return commit["stream"].partition("-")[2]


def last_status(facts: Facts) -> dict[str, str]:
    """Order → the status that its last telling event gave it, as the log has it."""
    statuses: dict[str, str] = {}
    paid: Counter[str] = Counter()
    for commit in facts.commits:
        order_id = subject_of(commit)
        for event in commit["events"]:
            if event["type"] in _STATUS_AFTER:
                statuses[order_id] = _STATUS_AFTER[event["type"]]
            if event["type"] in _MONEY:
                paid[order_id] += _MONEY[event["type"]] * event["data"]["amount"]["amount"]
            if event["type"] == "OrderRefunded" and paid[order_id] == 0:
                statuses[order_id] = "REFUNDED"
    return statuses


_MONEY = {"OrderPaid": 1, "OrderRefunded": -1}
_CHANGED = dict.fromkeys(naive.CHANGED, "PENDING")
_STATUS_AFTER = {"OrderInitiated": "PENDING", "OrderImported": "COMPLETED", **naive.ENTERED, **_CHANGED}
"""As the second program has it, not the product: the judge learns nothing from those it judges."""
