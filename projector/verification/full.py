"""Every document and every sum of a read model compared with the log, as it stood at one moment; nothing is held.

First the log is told stream by stream and each document compared with its fold, then what is stored is asked for in the
log, then the sums are those of the documents. A snapshot lasts five minutes by default: what takes longer goes on at a
later moment. Sums want one moment for all: they are weighed together, and only where that does not come out even are as
many as fit into memory added up at a time, each time at a new moment.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.errors import Unavailable
from common.read_models.shapes import ReadModel
from common.skips import read_skips_of
from projector.generations.building import told
from projector.verification.moment import Moment, NotNow, moment_of
from projector.verification.sum_checking import Unreadable, fingerprints_of, verify_sums
from projector.verification.verifying import Checked, Key, compared, log_at, subjects_told, verify_documents
from projector.views import beginning_at, is_ended_snapshot, reaching_views

PAGE_COMMITS = 5_000  # a page is compared when it has so many, or so many documents
PAGE_DOCUMENTS = 1_000
MOST_SUMS = 100_000  # in memory at a time
MOST_EXAMPLES = 10
WAIT_SECONDS = 60.0  # for partitions that are being emptied
WAIT_PAUSE_SECONDS = 0.1
ENDLESS_COMMITS = 2**31 - 2
Tell = Callable[[int, int], None]
T = TypeVar("T")


class Verdict(msgspec.Struct, kw_only=True):
    """`moments` is at how many moments documents were looked at; `unsaid` is why not all sums were compared.

    `left_out` are documents of a sample that were drawn and would take too long.
    """

    projection: str
    is_full: bool = True
    position: int = 0
    documents: int = 0
    left_out: int = 0
    sums: int = 0
    events: int = 0
    moments: int = 0
    differences: int = 0
    examples: list[dict[str, Any]] = []
    unsaid: str | None = None

    @property
    def is_identical(self) -> bool:
        return not self.differences and self.unsaid is None

    def add(self, checked: Checked) -> None:
        self.differences += len(checked.findings)
        told_so_far = [
            {"collection": found.collection, "key": found.key, "what": found.what, "fields": list(found.fields)}
            for found in checked.findings[: max(0, MOST_EXAMPLES - len(self.examples))]
        ]
        self.examples = [*self.examples, *told_so_far]


class FullVerification:
    """Of one read model. `tell` hears how many commits, and how many events, were folded since it last did."""

    def __init__(
        self, events: AsyncDatabase, views: AsyncDatabase, model: ReadModel[Any], tell: Tell = lambda _, __: None
    ) -> None:
        self._events = events
        self._views = views
        self._model = model
        self._tell = tell
        self.verdict = Verdict(projection=model.collection)

    async def run(self) -> Verdict:
        """NotNow where the views cannot be compared by this program, or not with this log."""
        await self._until_done(self._told_ones)
        await self._until_done(self._stored_ones)
        if self._model.summaries:
            await self._sums()
        return self.verdict

    async def _until_done(self, step: Callable[[Moment, Any], Awaitable[Any]]) -> None:
        """A step returns the key up to which it has come when its moment is over, None when it is done."""
        after: Any = ""
        while after is not None:
            async with whole_moment(self._views) as moment:
                async with log_at(self._events, moment):
                    self.verdict.position = max(self.verdict.position, moment.position)
                self.verdict.moments += 1
                after = await step(moment, after)

    async def _told_ones(self, moment: Moment, after: str) -> str | None:
        """Compare what the log tells of, in the order of the subjects."""
        done = after
        async for page in self._pages_told(moment, after):
            keys = {self._model.key(subject): commits for subject, commits in page.items()}
            if (checked := await self._compared(moment, keys)) is None:
                return done
            self.verdict.documents += checked.count
            self._count(page)
            done = max(page)
        return None

    async def _pages_told(self, moment: Moment, after: str) -> AsyncIterator[dict[str, list[Commit]]]:
        page, count = dict[str, list[Commit]](), 0
        async for subject, commits in told(self._events, self._model, moment.upto, after):
            page[subject] = commits
            count += len(commits)
            if count >= PAGE_COMMITS or len(page) >= PAGE_DOCUMENTS:
                yield page
                page, count = {}, 0
        if page:
            yield page

    async def _compared(self, moment: Moment, keys: Mapping[Key, list[Commit]]) -> Checked | None:
        """None if the moment is over. What differs is looked at once more, at a moment of its own."""
        stored = await while_it_lasts(moment.documents(self._model.collection, keys))
        if stored is None:
            return None
        skips = await read_skips_of(self._views, self._events)
        checked = await compared(moment, self._model, keys, stored, skips)
        await self._confirm(checked)
        return checked

    async def _confirm(self, checked: Checked) -> None:
        if checked.findings:
            doubted = [found.key for found in checked.findings]
            again = await verify_documents(self._events, self._views, self._model, doubted, ENDLESS_COMMITS)
            self.verdict.add(again)

    def _count(self, page: dict[str, list[Commit]]) -> None:
        commits = [commit for of in page.values() for commit in of]
        events = sum(len(commit.events) for commit in commits)
        self.verdict.events += events
        self._tell(len(commits), events)

    async def _stored_ones(self, moment: Moment, after: Any) -> Any:
        """Look for what is stored and of which the log tells nothing, in the order of the keys, whatever they are."""
        beginning = beginning_at(None if after == "" else after)
        ids = moment.collection(self._model.collection).find(
            {}, {"_id": 1}, session=moment.session, batch_size=PAGE_DOCUMENTS, **beginning
        )
        while page := await while_it_lasts(ids.to_list(PAGE_DOCUMENTS)):
            keys = [document["_id"] for document in page]
            unknown = set(keys) - await subjects_told(self._events, self._model, keys, moment.upto)
            if (checked := await self._compared(moment, {key: [] for key in unknown})) is None:
                return after
            self.verdict.documents += checked.count
            after = keys[-1]
        return after if page is None else None

    async def _sums(self) -> None:
        """Those that may differ are found in one reading of all, and looked at one by one in others."""
        fingerprints = await self._at_one_moment(lambda moment: fingerprints_of(moment, self._model))
        if fingerprints is None:
            return
        self.verdict.sums += fingerprints.stored
        for some in fingerprints.doubted(MOST_SUMS):
            checked = await self._at_one_moment(lambda moment, some=some: verify_sums(moment, self._model, some))
            if checked is not None:
                self.verdict.sums += sum(found.what == "missing" for found in checked.findings)
                self.verdict.add(checked)

    async def _at_one_moment(self, reading: Callable[[Moment], Awaitable[T]]) -> T | None:
        """None, and why in the verdict, where it cannot be read so."""
        async with whole_moment(self._views) as moment:
            try:
                read = await while_it_lasts(reading(moment))
            except Unreadable:
                self.verdict.unsaid = "some documents cannot be read, so nobody can say what they add to the sums"
                return None
        if read is None:
            why = "MongoDB let go of the snapshot before all was read; raise its minSnapshotHistoryWindowInSeconds"
            self.verdict.unsaid = why
        return read


@asynccontextmanager
async def whole_moment(views: AsyncDatabase) -> AsyncIterator[Moment]:
    """One at which no partition is just being emptied; waits for it."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while True:
        async with moment_of(views) as moment:
            if not moment.emptied:
                yield moment
                return
        if asyncio.get_running_loop().time() > deadline:
            raise NotNow("Partitions of the views are being emptied to be made anew; verify when they are level again.")
        await asyncio.sleep(WAIT_PAUSE_SECONDS)


async def while_it_lasts(reading: Awaitable[Any]) -> Any:
    """What is read, or None if the snapshot is gone."""
    try:
        with reaching_views():
            return await reading
    except Unavailable as error:
        if is_ended_snapshot(error):
            return None
        raise
