"""A generation of a read model is built from the log: each document folded once from its streams, and written once.

Streams come in the order of their names (`common/log_streams.py`), up to where the group `views` stood when it began.
Each batch is one transaction with the name up to which all is done: who is killed goes on there. Secondary indexes are
made at the end.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.log_streams import Stream, Upto, read_streams, streams_range
from common.mongo import patiently
from common.read_models.folding import Doc, Parked, Skips, folded
from common.read_models.shapes import ReadModel
from common.read_models.storage import CHECKPOINTS, GENERATIONS, SUMS, checkpoint_id
from common.transaction import Guarded, Unwritable, transact
from projector.batch import Change, Changes, add_sums
from projector.generations.begun import Begun
from projector.generations.known import ASKED, BUILDING, FOLLOWING, GROUP, Building, Document
from projector.generations.pacing import Pace
from projector.statements import insert_statements, stored_document, summary_statements
from projector.views import make_indexes, reaching_views

BATCH_COMMITS = 10_000  # a batch is written when it has so many, or as many documents as its pace allows
FOLDED_AT_ONCE = 25  # documents, before the batch that is being written is looked after

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Batch:
    """Documents of subjects up to `last`, and what they add to the sums."""

    documents: dict[str | int, Doc] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    commits: int = 0
    events: int = 0
    last: str = ""

    def is_full(self, most_documents: int) -> bool:
        return self.commits >= BATCH_COMMITS or len(self.documents) >= most_documents


class Builder:
    """Builds one generation; Fenced when somebody else does."""

    def __init__(
        self, events: AsyncDatabase, views: AsyncDatabase, building: Building, found: Document, skips: Skips
    ) -> None:
        self._events = events
        self._views = views
        self._building = building
        self._model = building.model
        self._found = found
        self._skips = skips
        self._pace = Pace(views)
        self._begun = Begun()
        self._counted_at = 0.0  # until then the time of work is in the document

    async def build(self) -> None:
        self._counted_at = time.monotonic()
        if self._found["state"] == ASKED:
            await self._begin()
        else:
            await self._begun.read(self._views, self._building.places[SUMS])
        upto = {int(partition): at["position"] for partition, at in self._found["upto"].items()}
        writing: asyncio.Task[None] | None = None
        async for batch in self._batches(upto):
            if writing:
                await writing
                await self._pace.keep()
            writing = asyncio.create_task(self._write(batch))
        if writing:
            await writing
        with patiently():
            await make_indexes(self._views, (self._model,), self._building.places)
        await self._finish()

    async def _begin(self) -> None:
        """Note where the group stands now: up to there it is built, and from there it follows."""
        with reaching_views():
            stands = await self._views[CHECKPOINTS].find({"group": GROUP}).to_list()
        upto = {str(c["partition"]): {"position": c["position"], "command_id": c["command_id"]} for c in stands}
        total = sum([await self._count(context) for context in self._model.contexts])
        begun = {"state": BUILDING, "upto": upto, "cursor": "", "total_commits": total, "began_at": datetime.now(UTC)}
        await self._advance({"$set": begun | {"commits": 0, "events": 0, "documents": 0, "seconds": 0.0}})
        self._found |= begun

    async def _count(self, context: str) -> int:
        with reaching_views(), patiently():
            wanted = {"stream": streams_range(context, "")}
            return await self._events["commits"].count_documents(wanted, hint="stream_version")

    async def _batches(self, upto: Upto) -> AsyncIterator[Batch]:
        batch = Batch()
        async for subject, commits in told(self._events, self._model, upto, self._found["cursor"]):
            self._add(batch, subject, commits)
            if not len(batch.documents) % FOLDED_AT_ONCE:
                await asyncio.sleep(0)
            if batch.is_full(self._pace.most_documents):
                yield batch
                batch = Batch()
        if batch.documents:
            yield batch

    def _add(self, batch: Batch, subject: str, commits: list[Commit]) -> None:
        doc = folded(self._model, commits, partition=commits[0].partition, skips=self._skips)
        batch.commits += len(commits)
        batch.events += sum([len(commit.events) for commit in commits])
        batch.last = subject
        if doc.position or doc.parked:
            batch.documents[self._model.key(subject)] = doc
            add_sums(batch.changes, self._model, Change(Doc(partition=doc.partition), doc))

    async def _write(self, batch: Batch) -> None:
        now = time.monotonic()
        done: dict[str, float] = {"commits": batch.commits, "events": batch.events, "documents": len(batch.documents)}
        done["seconds"], self._counted_at = now - self._counted_at, now
        moved = {"$set": {"cursor": batch.last, "updated_at": datetime.now(UTC)}, "$inc": done}
        try:
            await self._advance(moved, *self._inserts(batch.documents), *self._sums(batch.changes))
        except Unwritable:
            await self._write_one_by_one(batch, moved)

    async def _write_one_by_one(self, batch: Batch, moved: Mapping[str, Any]) -> None:
        """Park what cannot be stored; the cursor moves with the last."""
        for key, doc in batch.documents.items():
            try:
                await self._write_one(key, doc)
            except Unwritable as error:
                why = Parked(code="unwritable", detail=str(error)[:500], position=doc.position)
                await self._write_one(key, Doc(partition=doc.partition, parked=why))
        await self._advance(moved)

    async def _write_one(self, key: str | int, doc: Doc) -> None:
        changes = Changes()
        add_sums(changes, self._model, Change(Doc(partition=doc.partition), doc))
        await self._advance({}, *self._inserts({key: doc}), *self._sums(changes))

    def _inserts(self, documents: Mapping[str | int, Doc]) -> list[Guarded]:
        name = self._model.collection
        stored = [stored_document((name, key), doc) for key, doc in documents.items()]
        return list(insert_statements(self._building.places[name], stored))

    def _sums(self, changes: Changes) -> list[Guarded]:
        return list(summary_statements(changes.sums, self._building.places, self._begun.begin))

    async def _finish(self) -> None:
        group, partitions = self._building.group, len(self._found["upto"])
        stands = [
            {"_id": checkpoint_id(group, int(partition)), "group": group, "partition": int(partition), "rev": 0}
            | {"partitions": partitions, **at}
            for partition, at in self._found["upto"].items()
        ]
        inserted = [Guarded({"insert": CHECKPOINTS, "documents": stands})] if stands else []
        await self._advance({"$set": {"state": FOLLOWING, "built_at": datetime.now(UTC)}}, *inserted)
        log.info("generation_built", generation=group)

    async def _advance(self, change: Mapping[str, Any], *others: Guarded) -> None:
        """Change the generation's document, by compare-and-set on its `rev`, and others with it."""
        known = {"_id": self._building.group, "rev": self._found["rev"]}
        updates = [{"q": known, "u": {**change, "$inc": {**change.get("$inc", {}), "rev": 1}}}]
        await transact(self._views, [Guarded({"update": GENERATIONS, "updates": updates}, must_match=1), *others])
        self._found["rev"] += 1


async def told(events: AsyncDatabase, model: ReadModel[Any], upto: Upto, after: str = "") -> AsyncIterator[Stream]:
    """All that counts of each document, in the order of the log; the documents in the order of their subjects."""
    streams = [read_streams(events, context, upto, after) for context in model.contexts]
    if len(streams) == 1:
        async for stream in streams[0]:
            yield stream
        return
    heads = {number: await anext(stream, None) for number, stream in enumerate(streams)}
    while present := {number: head for number, head in heads.items() if head}:
        subject = min(head[0] for head in present.values())
        told_now = [number for number, head in present.items() if head[0] == subject]
        commits = [commit for number in told_now for commit in present[number][1]]
        for number in told_now:
            heads[number] = await anext(streams[number], None)
        yield subject, sorted(commits, key=lambda commit: commit.position)
