"""Ways to a place in the facts of a run that went well, and what the judge says once something is wrong there."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

from msgspec.structs import replace as changed

from tests.chaos.history import Record
from tests.chaos.oracle import judge
from tests.chaos.oracle.facts import Document, Facts
from tests.support.imagined_facts import truthful_facts

truth = cache(truthful_facts)
Plant = Callable[[Facts], Any]
"""Changes the facts in place, or returns others."""
Fault = tuple[Plant, str, str]
"""With the rule that must find it, and what that must say."""


def planted(plant: Plant) -> Facts:
    facts = deepcopy(truth())
    return plant(facts) or facts


def found_by(rule: str, plant: Plant) -> list[str]:
    """What the rule complains about, once the fault is planted."""
    return [str(violation) for violation in judge(planted(plant)) if violation.rule == rule]


def commits_with(facts: Facts, event_type: str) -> list[Document]:
    return [commit for commit in facts.commits if commit["events"][0]["type"] == event_type]


def last(facts: Facts, event_type: str) -> Document:
    return commits_with(facts, event_type)[-1]


def first(facts: Facts, event_type: str) -> Document:
    return commits_with(facts, event_type)[0]


def data_of(commit: Document) -> Document:
    return commit["events"][0]["data"]


def view(facts: Facts, collection: str, **wanted: Any) -> Document:
    return next(d for d in facts.views[collection] if wanted.items() <= d.items())


def kind_of_sum(facts: Facts, kind: str) -> Document:
    return next(d for d in facts.views["sums"] if d["of"] == kind and sum(_numbers(d)))


def _numbers(document: Document) -> Iterable[int]:
    return (n for name, n in document.items() if name in ("total_orders", "orders", "pending_orders"))


def saga_of(facts: Facts, status: str) -> Document:
    return next(saga for saga in facts.sagas or () if saga["state"]["status"] == status)


def charge_of(facts: Facts, *moved: int) -> Document:
    return next(c for c in facts.books or () if (c["captured_count"], c["refunded_count"]) == moved)


def answered(facts: Facts, op: str) -> Record:
    return next(record for record in facts.records if record.op == op and record.type == "ok")


def with_record(facts: Facts, record: Record, **change: Any) -> Facts:
    records = [changed(record, **change) if one is record else one for one in facts.records]
    return replace(facts, records=records)


def with_more(facts: Facts, *records: Record) -> Facts:
    return replace(facts, records=[*facts.records, *records])


def without(commit: Document, facts: Facts) -> Facts:
    """The log closes over the commit: only what else knows of it can tell."""
    rest = [deepcopy(other) for other in facts.commits if other is not commit]
    for position, other in enumerate(rest, 1):
        other["_id"] = position
    return replace(facts, commits=rest)


def append(facts: Facts, commit: Document, **change: Any) -> Facts:
    """At the head, as the next of its stream; all but the views know it."""
    head = len(facts.commits) + 1
    version = sum(other["stream"] == commit["stream"] for other in facts.commits) + 1
    positions = {"head": head, "groups": {name: {"lag": 0} for name in ("views", "sagas")}}
    new = deepcopy(commit) | {"_id": head, "version": version, "command_id": f"new-{head}"} | change
    return replace(facts, commits=[*facts.commits, new], positions=positions)


def list_of(documents: Any) -> list[Document]:
    assert isinstance(documents, list)
    return documents


def add(collection: str, document: Document) -> Plant:
    def add_one(facts: Facts) -> Facts:
        return replace(facts, views={**facts.views, collection: [*facts.views.get(collection, ()), document]})

    return add_one
