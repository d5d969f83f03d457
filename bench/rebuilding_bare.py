"""What a rebuild by one process cannot pass: the same events read, validated and folded in a loop, none written.

It is told per second of processor time: who reads ahead need not wait for the server, and still has one core.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import process_time
from typing import Any

from pymongo import MongoClient

from common.codec import decode_event
from common.envelope import RecordedEvent
from common.log_streams import PAGE_COMMITS, streams_range
from common.read_models.orders import ORDERS
from common.read_models.shapes import Told
from common.stored_commits import WITHOUT_METADATA

Documents = Iterator[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """Events per second of processor time; each does what the one before it does, too."""

    read: float
    validated: float
    folded: float


def measure_bare(mongodb_url: str, database: str) -> Bare:
    """Blocking, in a process of its own."""
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        commits = client[database]["commits"]

        def documents() -> Documents:
            return commits.find(
                {"stream": streams_range(ORDERS.context, "")},
                WITHOUT_METADATA,
                sort=[("stream", 1), ("version", 1)],
                hint="stream_version",
                batch_size=PAGE_COMMITS,
            )

        _read(documents())  # what is read for the first time comes from the disk
        return Bare(read=_rate(_read, documents), validated=_rate(_validate, documents), folded=_rate(_fold, documents))


def _rate(work: Callable[[Documents], int], documents: Callable[[], Documents]) -> float:
    started = process_time()
    return work(documents()) / (process_time() - started)


def _read(documents: Documents) -> int:
    return sum(len(document["events"]) for document in documents)


def _validate(documents: Documents) -> int:
    count = 0
    for document in documents:
        for event in document["events"]:
            decode_event(RecordedEvent(**event))
            count += 1
    return count


def _fold(documents: Documents) -> int:
    count, stream, view = 0, "", None
    for document in documents:
        if document["stream"] != stream:
            stream, view = document["stream"], None
        for event in document["events"]:
            told = Told(
                event_type=event["type"],
                subject=stream.partition("-")[2],
                position=document["_id"],
                version=document["version"],
                recorded_at=document["recorded_at"],
            )
            view = ORDERS.project(view, decode_event(RecordedEvent(**event)), told)
            count += 1
    return count
