"""A small run that went well, as the judge is given it: made in memory by the real rules and the real projector."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from command_service.routes import identify
from command_service.sagas.store import SagaStore
from common.access.actors import NOBODY
from common.envelope import Commit
from common.read_models.storage import SUMS
from projector.batch import Changes, Doc, DocumentId, fold
from projector.statements import stored_document, summary_statements
from tests.chaos.history import FaultWindow, Record
from tests.chaos.oracle.facts import Document, Facts, digests
from tests.support.imagined_day import Deed, Story, a_story
from tests.support.imagined_sagas import CLIENT, SAGA, ImaginedSagas

SECOND = 1_000_000_000  # nanoseconds
PARTITIONS = 4
BATCH_COMMITS = 7


STATISTICS = {
    "total_orders": 7,
    "total_users": 4,
    "total_items": 19,
    "by_status": dict.fromkeys(("CANCELLED", "PAID", "REFUNDED", "REJECTED", "SHIPPED", "VALIDATED"), 1)
    | {"COMPLETED": 2},
    "revenue": [{"amount": "17.92", "currency": "EUR"}, {"amount": "29.33", "currency": "USD"}],
    "refunded": [{"amount": "9.96", "currency": "EUR"}],
    "average_order_values": [{"amount": "5.97", "currency": "EUR"}, {"amount": "29.33", "currency": "USD"}],
    "conversion": {"initiated": 7, "paid": 4, "rate": 0.5714},
    "cancellations": {"orders": 2, "reasons": [{"reason": "changed my mind", "orders": 2}]},
}
"""Added up by hand: 2 × 1.99 + 2 × 2.99 of the completed, 2 × 1.99 each of the paid and the shipped order; the same
as of the completed was given back for the refunded one."""


def truthful_facts() -> Facts:
    """Everything holds of them, and every rule has something to look at."""
    story = a_story()
    commits = _as_appended(story.world.log)
    stored = [_as_stored(commit) for commit in commits]
    level = {"position": len(commits), "lag": 0}
    return Facts(
        records=_records(story, stored),
        faults=[FaultWindow(fault="F1", begin_ns=2 * SECOND, end_ns=4 * SECOND)],
        commits=stored,
        earlier=digests(stored[: len(stored) // 2]),
        views=_views(commits),
        sagas=_sagas(story.world),
        books=_books(story.world),
        positions={"head": len(commits), "relay": {**level}, "groups": {"views": {**level}, "sagas": {**level}}},
        statistics=STATISTICS,
        looked_at=story.world.now,
    )


def _as_appended(log: Sequence[Commit]) -> list[Commit]:
    """In partitions, and with the command ids that follow from the clients' keys."""
    keys: dict[str, int] = {}
    commits: list[Commit] = []
    for commit in log:
        data = commit.events[0].data
        key = data.get("user_id") or keys.get(data.get("order_id", "")) or keys.get(commit.subject)
        if commit.context == "inventory":
            key = int(commit.subject)
        assert key, commit
        keys.setdefault(commit.subject, key)
        command_id = _command_id(commit.position) if commit.actor == CLIENT else commit.command_id
        commits.append(replace(commit, partition_key=key, partition=key % PARTITIONS, command_id=command_id))
    return commits


def _as_stored(commit: Commit) -> Document:
    stored = msgspec.to_builtins(commit, builtin_types=(datetime,))
    return {"_id": stored.pop("position"), **stored, "events": list(stored["events"])}


def key_at(position: int) -> str:
    return f"key-{position}"


def _command_id(position: int) -> str:
    return identify(NOBODY, key_at(position)).command_id


# What clients saw


def _records(story: Story, stored: list[Document]) -> list[Record]:
    """A deed every second; who did something with an order reads it afterwards, with the token of the answer."""
    records: list[Record] = []
    for number, deed in enumerate(story.deeds):
        records += _tries(deed, number * SECOND, stored)
        if deed.position:
            records.append(_read(deed, number * SECOND, stored))
    return [*records, *_others(len(story.deeds) * SECOND, stored)]


def _tries(deed: Deed, at_ns: int, stored: list[Document]) -> list[Record]:
    """Orders of user 3 are lost on their first try; the answer of the last one never comes."""
    call: dict[str, Any] = {"proc": deed.proc, "op": deed.op, "invoke_ns": at_ns, "complete_ns": at_ns + SECOND // 50}
    if not deed.accepted:
        return [Record(**call, key=f"refused-{at_ns}", type="fail", status=409, subject=deed.subject)]
    if deed.position is None:
        key = f"unchanged-{at_ns}"
        return [Record(**call, key=key, type="ok", status=200, changed=False, position=deed.head, version=2)]
    commit, key = stored[deed.position - 1], key_at(deed.position)
    answer: dict[str, Any] = {"position": commit["_id"], "version": commit["version"], "partition": commit["partition"]}
    told = Record(**call, **answer, key=key, type="ok", status=200, changed=True, command_id=commit["command_id"])
    if deed.op != "CreateOrder" or deed.proc != 3:
        return [told]
    lost = Record(**call, key=key, type="info")
    again: dict[str, Any] = {"invoke_ns": at_ns + SECOND // 10, "complete_ns": at_ns + SECOND // 5, "replayed": True}
    return [lost] if deed.head >= len(stored) - 5 else [lost, replace(told, **again)]


def _read(deed: Deed, at_ns: int, stored: list[Document]) -> Record:
    seen = stored[: deed.head]
    commit = stored[(deed.position or 0) - 1]
    kind, _, subject = deed.subject.partition("-")
    path = f"/cqrs/queries/{'orders' if kind == 'order' else 'inventory'}/{subject}"
    return Record(
        proc=deed.proc,
        op="read",
        key=path,
        invoke_ns=at_ns + SECOND // 2,
        complete_ns=at_ns + SECOND // 2 + 1000,
        type="ok",
        status=200,
        version=sum(other["stream"] == deed.subject for other in seen),
        position=deed.head,
        token={commit["partition"]: commit["_id"]},
    )


def _others(at_ns: int, stored: list[Document]) -> list[Record]:
    """A command that never arrived, an order that nobody knows, a list, and a 503 in stormy weather."""
    call: dict[str, Any] = {"invoke_ns": at_ns, "complete_ns": at_ns + SECOND // 50}
    last = {commit["stream"]: commit["version"] for commit in stored}
    of_first = {c["stream"] for c in stored if c["partition_key"] == 1 and c["stream"].startswith("order-")}
    shown = [{"order_id": stream.partition("-")[2], "version": last[stream]} for stream in of_first]
    token = {commit["partition"]: commit["_id"] for commit in stored}
    storm: dict[str, Any] = {"invoke_ns": 3 * SECOND, "complete_ns": 4 * SECOND}
    return [
        Record(proc=5, op="CreateOrder", key="key-lost", type="info", **call),
        Record(proc=5, op="read", key="/cqrs/queries/orders/nobody", type="fail", status=404, token=token, **call),
        Record(proc=5, op="CreateOrder", key="key-stormy", type="info", status=503, **storm),
        Record(
            proc=5,
            op="list",
            key="/cqrs/queries/users/1/orders",
            type="ok",
            status=200,
            position=len(stored),
            token=token,
            body={"data": shown, "has_more": False},
            **call,
        ),
    ]


# What the processes left behind


def _views(commits: Sequence[Commit]) -> dict[str, list[Document]]:
    """What the projector's own statements make of the log, batch by batch."""
    views: dict[str, dict[Any, Document]] = defaultdict(dict)
    known: dict[DocumentId, Doc] = {}
    for begin in range(0, len(commits), BATCH_COMMITS):
        batch: dict[int, list[Commit]] = defaultdict(list)
        for commit in commits[begin : begin + BATCH_COMMITS]:
            batch[commit.partition].append(commit)
        changes = fold(batch, known)
        for (collection, key), change in changes.documents.items():
            known[collection, key] = change.after
            views[collection][key] = stored_document((collection, key), change.after)
        _add(views[SUMS], changes)
    return {"checkpoints": [], **{name: list(documents.values()) for name, documents in views.items()}}


def _add(sums: dict[Any, Document], changes: Changes) -> None:
    for guarded in summary_statements(changes.sums):
        for update in guarded.statement["updates"]:
            key = update["q"]["_id"]
            document = sums.setdefault(key, {"_id": key, **update["u"]["$setOnInsert"]})
            for name, number in update["u"]["$inc"].items():
                _increase(document, name, number)


def _increase(document: Document, dotted: str, number: int) -> None:
    outer, _, inner = dotted.partition(".")
    fields, name = (document.setdefault(outer, {}), inner) if inner else (document, outer)
    fields[name] = fields.get(name, 0) + number


def _sagas(world: ImaginedSagas) -> list[Document]:
    nowhere: Any = defaultdict(str)
    store = SagaStore(nowhere, {SAGA.name: SAGA})
    (inserts,) = store.statements(world.docs.values())
    return list(inserts.statement["documents"])


def _books(world: ImaginedSagas) -> list[Document]:
    return [_shown(payment_id, world) for payment_id in world.provider.entries]


def _shown(payment_id: str, world: ImaginedSagas) -> Document:
    charge, moved = world.provider.entries[payment_id], world.provider.moved.get(payment_id, [])
    return {
        "payment_id": payment_id,
        "status": charge.status.value,
        "amount": charge.amount and charge.amount.amount,
        "currency": charge.amount and charge.amount.currency,
        "asked": charge.asked,
        "captured_count": moved.count("capture"),
        "refunded_count": moved.count("refund"),
        "refunded_amount": sum(refund.amount for refund in charge.refunds),
    }
