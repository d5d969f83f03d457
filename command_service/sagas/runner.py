"""Runs the sagas of the partitions it holds: the sink of the group `sagas` (PROTOCOL S1, S6).

One task folds commits, outcomes and due moments; documents, wants and checkpoints change in one transaction. A crash
after it leaves wants that are sent again under their ids; a crash before it leaves outcomes that the log still has.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace
from prometheus_client import Counter, Gauge
from pymongo.asynchronous.database import AsyncDatabase

from command_service.sagas.dispatcher import Answer, Dispatcher, Errand
from command_service.sagas.folding import Doc, answered, begins, begun, instead, overdue, took
from command_service.sagas.marks import begin_anew_where_gone, unmarked
from command_service.sagas.retrying import serve_retries
from command_service.sagas.shapes import Saga
from command_service.sagas.store import SagaStore
from common.checkpoints import Checkpoints
from common.envelope import Commit
from common.errors import Undecodable
from common.feed import Feed
from common.lag import LagGauges
from common.log import Log
from common.partition_state import Progress
from common.sink import Batch, Checkpoint
from common.transaction import transact

GROUP = "sagas"
KEPT_SAGAS = 5_000
MOST_ANSWERS = 500  # in one transaction
DUE_EVERY = timedelta(seconds=0.5)  # how often the sagas whose moment has passed are looked for

log = structlog.get_logger(__name__)
LAG = LagGauges(
    Gauge("leveret_saga_lag_seconds", "How long the oldest commit not yet folded has waited", ["partition"]),
    Gauge("leveret_saga_lag_commits", "Positions of the log behind which the sagas are", ["partition"]),
)
FOLDED = Counter("leveret_saga_inputs_total", "What sagas were told", ["kind"])


class SagaRunner:
    """Implements `Sink`: every commit is folded by the sagas of its context, each by its own rules."""

    def __init__(
        self,
        database: AsyncDatabase,
        log_: Log,
        sagas: Iterable[Saga[Any]],
        *,
        partitions: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._log = log_
        self._sagas = {saga.name: saga for saga in sagas}
        self._of_context: dict[str, list[Saga[Any]]] = defaultdict(list)
        for saga in self._sagas.values():
            self._of_context[saga.context].append(saga)
        self._now = now
        self._store = SagaStore(database, self._sagas)
        self._checkpoints = Checkpoints(database, GROUP, partitions=partitions)
        self._cache: OrderedDict[str, Doc] = OrderedDict()
        self._answers: list[tuple[Errand, Answer]] = []
        self._level_at: dict[int, int] = {}  # the log's head when the partition was taken
        self._seen: dict[int, int] = {}
        self._held_back: dict[int, dict[str, tuple[Errand, ...]]] = {}  # until the partition is level (S6)
        self._due: dict[str, tuple[int, int]] = {}  # saga → partition, and the head that must have been read first
        self._looked_at = datetime.min.replace(tzinfo=UTC)  # for sagas whose moment has passed
        self._dispatcher: Dispatcher | None = None
        self._feed: Feed | None = None

    def serve(self, dispatcher: Dispatcher, feed: Feed) -> None:
        """Send wants with this dispatcher, and fold for this feed."""
        self._dispatcher, self._feed = dispatcher, feed

    def tell(self, errand: Errand, answer: Answer) -> None:
        """An outcome has come."""
        self._answers.append((errand, answer))
        if self._feed:
            self._feed.wake()

    async def note_trouble(self, errand: Errand, failed: int, reason: str) -> None:
        """A want could not be done so often."""
        await self._store.note_trouble(errand.command_id, failed, reason)

    def _holds(self, partition: int) -> bool:
        return self._feed is not None and partition in self._feed.held

    async def begin(self, partitions: frozenset[int]) -> Mapping[int, Checkpoint]:
        """Read the checkpoints; whatever waits is taken up again, and sent when the partition is level."""
        self._cache.clear()
        await self._store.make_indexes()
        await self._checkpoints.take_over(partitions)
        await begin_anew_where_gone(self._database, GROUP, partitions)
        head = await self._log.head()
        for partition in partitions:
            self._level_at[partition], self._seen[partition] = head, -1
            self._held_back[partition] = {}
        found = {partition: await self._checkpoints.begin(partition) for partition in partitions}
        self._due.clear()
        for doc in (await self._store.open(partitions)).values():
            self._take_up(doc)
        return {p: Checkpoint(position=c["position"], command_id=c["command_id"]) for p, c in found.items()}

    async def apply(self, batch: Batch) -> None:
        """Fold the commits, and whatever outcomes are here, in one transaction."""
        answers, self._answers = self._answers[:MOST_ANSWERS], self._answers[MOST_ANSWERS:]
        by_saga: dict[tuple[str, str], list[Commit]] = defaultdict(list)  # name and id of the saga
        for commit in (commit for of in batch.values() for commit in of):
            for saga in self._of_context.get(commit.context, ()):
                by_saga[saga.name, saga.id_of(commit.subject)].append(commit)
        docs = await self._docs([saga_id for _, saga_id in by_saga] + [errand.saga_id for errand, _ in answers])
        before = dict(docs)
        past = [key for key, of in by_saga.items() if self._is_past(of[0])]
        await asyncio.gather(*(self._catch_up(docs, *key, by_saga.pop(key)) for key in past))
        for (name, saga_id), of in by_saga.items():
            for commit in of:
                self._fold(docs, name, saga_id, commit)
                FOLDED.labels("commit").inc()
        for errand, answer in answers:
            if (doc := docs.get(errand.saga_id)) and self._holds(doc.partition):
                docs[errand.saga_id] = answered(self._rules(doc), doc, errand.command_id, answer, self._now())
        FOLDED.labels("outcome").inc(len(answers))
        changed = [doc for saga_id, doc in docs.items() if doc is not before.get(saga_id)]
        await self._write(changed, {partition: of[-1] for partition, of in batch.items()})

    async def settle(self) -> bool:
        """Fold outcomes and due moments that came without a commit."""
        self._send_held_back()
        await self._note_due()
        ready = [saga_id for saga_id, (partition, head) in self._due.items() if self._seen.get(partition, -1) >= head]
        if ready:
            docs = await self._docs(saga_id for saga_id in ready if self._holds(self._due.pop(saga_id)[0]))
            late = {saga_id: overdue(self._rules(doc), doc, self._now()) for saga_id, doc in docs.items()}
            await self._write([doc for saga_id, doc in late.items() if doc is not docs[saga_id]], {})
        if self._answers:
            await self.apply({})
            return True
        return bool(ready)

    async def may_serve(self) -> bool:
        return True

    async def note(self, progress: Mapping[int, Progress]) -> None:
        for partition, now in progress.items():
            self._seen[partition] = max(self._seen.get(partition, -1), now.seen)
        LAG.tell(progress)
        await self._checkpoints.note(progress)

    async def serve_requests(self, held: frozenset[int]) -> bool:
        """Fold sagas again where that was asked for, and look whether they or the checkpoints are gone."""
        if await self._checkpoints.are_gone(held) or await unmarked(self._database, held):
            return True
        return await serve_retries(self._database, self._store, GROUP, held, self._folded_again)

    async def _folded_again(self, name: str, saga_id: str, upto: int) -> Doc | None:
        saga, docs = self._sagas[name], dict[str, Doc]()
        for commit in await self._log.read_stream(f"{saga.context}-{saga.subject_of(saga_id)}"):
            if commit.position <= upto:
                self._fold(docs, name, saga_id, commit)
                if doc := docs.get(saga_id):
                    docs[saga_id] = await self._recalled(doc)
        return docs.get(saga_id)

    def _rules(self, doc: Doc) -> Saga[Any]:
        return self._sagas[doc.saga]

    def _is_past(self, commit: Commit) -> bool:
        """It was there when the partition was taken."""
        return commit.position <= self._level_at[commit.partition]

    async def _catch_up(self, docs: dict[str, Doc], name: str, saga_id: str, commits: list[Commit]) -> None:
        """Fold the commits of one saga; those of many are folded side by side, since each waits for the log."""
        for commit in commits:
            self._fold(docs, name, saga_id, commit)
            FOLDED.labels("commit").inc()
            if self._is_past(commit) and (doc := docs.get(saga_id)):
                docs[saga_id] = await self._recalled(doc)

    def _fold(self, docs: dict[str, Doc], name: str, saga_id: str, commit: Commit) -> None:
        saga, doc = self._sagas[name], docs.get(saga_id)
        if doc is None:
            if not begins(saga, commit):
                return
            doc = begun(saga, commit)
        docs[saga_id] = took(saga, doc, commit, self._now())

    async def _recalled(self, doc: Doc) -> Doc:
        """While catching up, a want that was done in the past has its outcome before the next commit is folded (S6).

        One without an outcome was never stored if what is wanted in its place has one: only one is open at a time (S4).
        An outcome that cannot be read leaves the want open: the dispatcher meets it again, and says so.
        """
        with suppress(Undecodable):
            while doc.open:
                if found := await self._with_outcome(doc) or await self._with_outcome(self._instead(doc)):
                    doc = found
                else:
                    break
        return doc

    def _instead(self, doc: Doc) -> Doc:
        return instead(self._rules(doc), doc, self._now())

    async def _with_outcome(self, doc: Doc) -> Doc | None:
        """After an outcome that the log has for an open want, if it has one."""
        for errand in _errands(doc):
            if self._dispatcher and (answer := await self._dispatcher.recall(errand)):
                return answered(self._rules(doc), doc, errand.command_id, answer, self._now())
        return None

    async def _docs(self, saga_ids: Iterable[str]) -> dict[str, Doc]:
        wanted = set(saga_ids)
        cached = {saga_id: self._cache[saga_id] for saga_id in wanted if saga_id in self._cache}
        missing = wanted - cached.keys()
        return cached | (await self._store.load(missing) if missing else {})

    async def _write(self, changed: list[Doc], last: Mapping[int, Commit]) -> None:
        """One transaction with the checkpoints, if they move; else each document is one step of its own.

        What is held by another process meanwhile is fenced by its `rev`.
        """
        if last:
            moves = self._checkpoints.statement(last)
            await transact(self._database, [moves, *self._store.statements(changed)], self._checkpoints.session)
        elif changed:
            await self._store.write(changed)
        self._checkpoints.moved(last)
        for partition, commit in last.items():
            self._seen[partition] = max(self._seen[partition], commit.position)
        for doc in changed:
            stored = replace(doc, rev=doc.rev + 1)
            self._cache[stored.saga_id] = stored
            self._cache.move_to_end(stored.saga_id)
            self._take_up(stored)
        while len(self._cache) > KEPT_SAGAS:
            self._cache.popitem(last=False)

    def _take_up(self, doc: Doc) -> None:
        """Send the open wants, now or when the partition is level."""
        held_back = self._held_back.setdefault(doc.partition, {})
        held_back.pop(doc.saga_id, None)
        if errands := tuple(_errands(doc)):
            held_back[doc.saga_id] = errands
            self._send_held_back()

    def _send_held_back(self) -> None:
        for partition, held_back in self._held_back.items():
            if held_back and self._dispatcher and self._is_level(partition):
                for errand in (errand for errands in held_back.values() for errand in errands):
                    self._dispatcher.send(errand)
                held_back.clear()

    def _is_level(self, partition: int) -> bool:
        return self._seen.get(partition, -1) >= self._level_at.get(partition, 0)

    async def _note_due(self) -> None:
        """S6: a moment has passed only when all that came before it was read."""
        now = self._now()
        if self._feed is None or now - self._looked_at < DUE_EVERY:
            return
        self._looked_at = now
        found = await self._store.due(self._feed.held, now)
        if found.keys() - self._due.keys():
            head = await self._log.head()
            self._due = {saga_id: (partition, head) for saga_id, partition in found.items()} | self._due


def _errands(doc: Doc) -> Iterator[Errand]:
    for step in doc.open:
        yield Errand(
            saga_id=doc.saga_id,
            command_id=step.command_id,
            partition_key=doc.partition_key,
            want=step.want,
            caused_by=step.caused_by,
            traceparent=doc.traceparent,
        )
