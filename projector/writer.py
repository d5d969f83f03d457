"""The projector's sink: a batch of commits becomes one transaction of documents, sums and checkpoints (PROTOCOL V)."""

import time
from collections import OrderedDict
from collections.abc import Mapping

import structlog
from msgspec.structs import replace
from prometheus_client import Counter, Gauge, Histogram
from pymongo.asynchronous.database import AsyncDatabase

from common.checkpoints import Checkpoints
from common.envelope import Commit
from common.generations import made_by_others, places_shown, read_or_make_shown
from common.lag import LagGauges
from common.log import Log
from common.partition_state import Progress
from common.read_models import IN_THE_FIRST, READ_MODELS
from common.read_models.folding import Doc, DocumentId, Parked, documents_of
from common.sink import Batch, Checkpoint, Fenced, Superseded
from common.transaction import Unwritable, transact
from projector.batch import Changes, fold
from projector.generations.known import GROUP, Building
from projector.requests.asking import REBUILD, pending_requests
from projector.requests.emptying import clear, rebuild_partition
from projector.requests.serving import Repairs
from projector.statements import document_statements, summary_statements
from projector.views import load, make_indexes, reaching_views

CACHED_DOCUMENTS = 5_000

log = structlog.get_logger(__name__)
APPLIED = Counter("leveret_projector_commits_total", "Commits applied")
BATCH_COMMITS = Histogram(
    "leveret_projector_batch_commits", "Commits in one transaction", buckets=(1, 2, 5, 10, 50, 100, 200, 400, 1000)
)
BATCH_SECONDS = Histogram(
    "leveret_projector_batch_seconds", "Time of one transaction", buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1)
)
LAG = LagGauges(
    Gauge("leveret_projector_lag_seconds", "How long the oldest commit not yet applied has waited", ["partition"]),
    Gauge("leveret_projector_lag_commits", "Positions of the log behind which the views are", ["partition"]),
)
FENCED = Counter("leveret_projector_fenced_total", "Batches that found a checkpoint or document changed")
OUTDATED = Gauge("leveret_projector_read_models_of_other_rules", "Read models that this process may not write")
WRITE_TO_READ = Histogram(
    "leveret_write_to_read_seconds",
    "From when a commit was recorded until views show it",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)


class ViewWriter:
    """Keeps the views of the partitions it was told to begin with. Implements `Sink`."""

    def __init__(
        self, database: AsyncDatabase, log_: Log, *, partitions: int = 0, building: Building | None = None
    ) -> None:
        """`partitions` is how many the log has; readers are told, so that they miss those that have no checkpoint.

        Without `building` all views are written, and in the generations that are shown.
        """
        self._waits_for: list[str] = []  # read models of other rules
        self._database = database
        self._building = building
        self._group, self._models = (building.group, (building.model,)) if building else (GROUP, READ_MODELS)
        self._places = building.places if building else IN_THE_FIRST
        self._checkpoints = Checkpoints(database, self._group, partitions=partitions)
        self._log = log_
        self._repairs = Repairs(database, log_, self._checkpoints, self._models)
        self._cache: OrderedDict[DocumentId, Doc] = OrderedDict()
        self._trusts_versions = False  # whether a stream's first commit means that its document is not there yet

    @property
    def revs(self) -> Mapping[int, int]:
        """Of the checkpoints, as they were last seen or left."""
        return self._checkpoints.revs

    async def begin(self, partitions: frozenset[int]) -> Mapping[int, Checkpoint]:
        """Read the checkpoints, making those that are missing; nothing cached is believed any more (F3, V3)."""
        self._cache.clear()
        self._trusts_versions = False
        await self._repairs.begin()
        await self._checkpoints.take_over(partitions)
        if not self._building:
            for request in await pending_requests(self._database, partitions):
                if request.get("kind") == REBUILD:  # also what helps out of a checkpoint that the feed refuses
                    await rebuild_partition(self._database, request)
        found = {partition: await self._checkpoints.begin(partition) for partition in partitions}
        await self._find_places()
        await make_indexes(self._database, self._models, self._places)
        for partition, checkpoint in found.items():
            if checkpoint.get("clearing"):
                revs = self._checkpoints.revs
                revs[partition] = await clear(self._database, partition, checkpoint["rev"], self._places)
        return {partition: Checkpoint(of["position"], of["command_id"]) for partition, of in found.items()}

    async def _find_places(self) -> None:
        """Once the `rev`s are known: who shows another generation changes them all, so that a batch is fenced (Q3)."""
        if self._building:
            return
        with reaching_views():
            shown = await read_or_make_shown(self._database)
        if made_by_others(shown):
            raise Superseded
        self._places = places_shown(shown)

    async def may_serve(self) -> bool:
        with reaching_views():
            others = made_by_others(await read_or_make_shown(self._database))
        OUTDATED.set(len(others))
        if others != self._waits_for:
            self._waits_for = others
            _tell_what_is_waited_for(others)
        return not others

    async def apply(self, batch: Batch) -> None:
        """Apply the batch once, whatever dies; a document that cannot be written is found by halving (V5)."""
        started = time.perf_counter()
        try:
            await self._apply(batch)
        except Unwritable as error:
            await self._apply_in_parts(batch, str(error))
        except Fenced:
            FENCED.inc()
            raise
        count = sum(map(len, batch.values()))
        APPLIED.inc(count)
        BATCH_COMMITS.observe(count)
        BATCH_SECONDS.observe(time.perf_counter() - started)

    async def _apply(self, batch: Batch, parked: Parked | None = None) -> None:
        changes = fold(batch, await self._documents(batch), self._models, self._repairs.skips)
        if parked:
            _park_all(changes, parked)
        await transact(
            self._database,
            [
                self._checkpoints.statement(changes.last),
                *document_statements(changes, self._places),
                *summary_statements(changes.sums, self._places),
            ],
            self._checkpoints.session,
        )
        self._remember(changes)
        if not self._building:
            _observe(batch, time.time())

    async def _apply_in_parts(self, batch: Batch, reason: str) -> None:
        commits = [(partition, commit) for partition, of in batch.items() for commit in of]
        if len(commits) == 1:
            partition, commit = commits[0]
            await self._apply(batch, Parked(code="unwritable", detail=reason[:500], position=commit.position))
            return
        for half in (commits[: len(commits) // 2], commits[len(commits) // 2 :]):
            part: dict[int, list[Commit]] = {}
            for partition, commit in half:
                part.setdefault(partition, []).append(commit)
            await self.apply(part)

    async def _documents(self, batch: Batch) -> Mapping[DocumentId, Doc]:
        """Return what is known of the documents in the batch, reading those that are neither cached nor new."""
        wanted: set[DocumentId] = set()
        seen: set[DocumentId] = set()
        for commits in batch.values():
            for commit in commits:
                for model, document_id in documents_of(commit, self._models):
                    is_new = self._trusts_versions and commit.version == 1 and not model.also
                    if document_id not in seen and document_id not in self._cache and not is_new:
                        wanted.add(document_id)
                    seen.add(document_id)
        loaded = await load(self._database, wanted, self._places) if wanted else {}
        return {**{i: self._cache[i] for i in seen if i in self._cache}, **loaded}

    def _remember(self, changes: Changes) -> None:
        self._checkpoints.moved(changes.last)
        for document_id, change in changes.documents.items():
            self._cache[document_id] = change.after
            self._cache.move_to_end(document_id)
        while len(self._cache) > CACHED_DOCUMENTS:
            self._cache.popitem(last=False)
        self._trusts_versions = True

    async def settle(self) -> bool:
        """Nothing but commits and requests changes the views."""
        return False

    async def serve_requests(self, held: frozenset[int]) -> bool:
        """Do what was asked for; True if the feed must begin again (V2), as it must when its checkpoints are gone."""
        if await self._checkpoints.are_gone(held):
            return True
        begins_again, retried = await self._repairs.serve(held, self._places)
        for document_id in retried:  # what is cached of them is not believed any more
            self._cache.pop(document_id, None)
        return begins_again

    async def pass_over_skipped(self) -> None:
        await self._repairs.pass_over_skipped(self._places)

    async def is_behind_a_skip(self) -> bool:
        return await self._repairs.is_behind_a_skip(self._places)

    async def note(self, progress: Mapping[int, Progress]) -> None:
        LAG.tell(progress)
        await self._checkpoints.note(progress)


def _observe(batch: Batch, now: float) -> None:
    """By the clocks of two machines, perhaps: nothing is shown before it was recorded."""
    for commits in batch.values():
        for commit in commits:
            WRITE_TO_READ.observe(max(0.0, now - commit.recorded_at.timestamp()))


def _park_all(changes: Changes, parked: Parked) -> None:
    for change in changes.documents.values():
        if change.after != change.before:
            change.after = replace(change.before, parked=parked)
    changes.sums.clear()


def _tell_what_is_waited_for(others: list[str]) -> None:
    """A process that waits holds no partition and is not ready; somebody will want to know why."""
    known = {model.collection for model in READ_MODELS}
    if unknown := [name for name in others if name not in known]:
        advice = "run the program that has them, or give them up: cqrs projections drop NAME GENERATION"
        log.warning("read_models_unknown", names=unknown, advice=advice)
    if other := [name for name in others if name in known]:
        log.warning("read_models_of_other_rules", names=other, advice="they are built anew by the newest rules")
