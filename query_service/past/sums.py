"""Sums as they stood at a position: those of now, and what the orders that changed since have to be counted otherwise.

Where the beginning of the log is nearer than its end, they are made of the commits up to that position instead.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from common.envelope import Commit
from common.generations import places_shown, read_shown
from common.log import LogInfo, open_log_as_it_is
from common.log_history import PAGE_COMMITS, PAGE_STREAMS, Span, changed_streams, commits_of, commits_within
from common.read_models.folding import Doc, applied, contribution_of
from common.read_models.order_shapes import OrderView
from common.read_models.orders import ORDERS
from common.read_models.shapes import Contribution, Summary, SummaryKey
from common.read_models.storage import CHECKPOINTS, STANDING, SUMS, to_view
from query_service.documents import WITHOUT_WORDS
from query_service.freshness import VIEWS
from query_service.past.asking import Past
from query_service.views import ShownViews, Views

Document = Mapping[str, Any]


@dataclass(slots=True)
class Sums:
    """`changes` is what must be added to the sums as they are now; without a session to all zeros."""

    past: Past
    views: Views
    session: AsyncClientSession | None = None
    changes: dict[SummaryKey, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    async def now(self, wanted: Document, *, sort: Any = None, limit: int = 0) -> list[dict[str, Any]]:
        """Documents of the snapshot that the changes belong to."""
        if self.session is None:
            return []
        return await self.views[SUMS].find(wanted, sort=sort, limit=limit, session=self.session).to_list()

    async def count_now(self, wanted: Document) -> int:
        if self.session is None:
            return 0
        return await self.views[SUMS].count_documents(wanted, session=self.session)

    def changed(self, summary: Summary) -> list[dict[str, Any]]:
        """The changes of one kind, in the shape of its documents."""
        return [
            dict(zip(summary.fields, key.parts, strict=True)) | _nested(numbers)
            for key, numbers in self.changes.items()
            if key.summary is summary
        ]

    def count(self, contribution: Contribution, sign: int) -> None:
        for key, numbers in contribution.items():
            sums = self.changes[key]
            for name, number in numbers.items():
                sums[name] = sums.get(name, 0) + sign * number


@asynccontextmanager
async def sums_at(past: Past, user_id: int | None = None) -> AsyncIterator[Sums]:
    """Of all orders, or of this user's alone; the changes of others are left out then."""
    log = await open_log_as_it_is(past.events)
    if log is None or past.position == 0:
        yield Sums(past, past.views)
        return
    async with past.views.client.start_session(snapshot=True) as session:
        shown = ShownViews(past.views, places_shown(await read_shown(past.views, session)))
        spans = await _spans_since(past, session, log.info, user_id)
        sums = Sums(past, shown, session if spans else None)
        await (_count_back(sums, spans) if spans else _count_from_the_beginning(sums, log.info, user_id))
        yield sums


async def _spans_since(past: Past, session: AsyncClientSession, info: LogInfo, user_id: int | None) -> Sequence[Span]:
    """What lies between the position and the views, partition by partition, whichever is ahead.

    None at all where it is nearer to count from the beginning, or the views are being emptied (PROTOCOL V2).
    """
    checkpoints = {c["partition"]: c async for c in past.views[CHECKPOINTS].find({"group": VIEWS}, session=session)}
    stand = {partition: checkpoint["position"] for partition, checkpoint in checkpoints.items()}
    if past.position <= abs(max(stand.values(), default=0) - past.position):
        return ()
    if any("clearing" in checkpoint for checkpoint in checkpoints.values()):
        return ()
    partitions = range(info.partitions) if user_id is None else (info.partition_of(user_id),)
    ends = {partition: sorted((past.position, stand.get(partition, 0))) for partition in partitions}
    return [
        Span(after=after, upto=upto, partition=partition, partition_key=user_id)
        for partition, (after, upto) in ends.items()
    ]


async def _count_back(sums: Sums, spans: Iterable[Span]) -> None:
    """Take off what the orders that changed add now, and count what they added then."""
    streams = sorted(await changed_streams(sums.past.events, ORDERS.context, spans))
    for start in range(0, len(streams), PAGE_STREAMS):
        some = streams[start : start + PAGE_STREAMS]
        for document in await _orders_now(sums, [stream.partition("-")[2] for stream in some]):
            if document.keys() - STANDING:
                sums.count(ORDERS.contribute(to_view(OrderView, document)), -1)
        await _count_folded(sums, commits_of(sums.past.events, some, sums.past.position))


async def _orders_now(sums: Sums, keys: Sequence[str]) -> list[dict[str, Any]]:
    orders = sums.views[ORDERS.collection]
    return await orders.find({"_id": {"$in": keys}}, WITHOUT_WORDS, session=sums.session).to_list()


async def _count_from_the_beginning(sums: Sums, info: LogInfo, user_id: int | None) -> None:
    partition = None if user_id is None else info.partition_of(user_id)
    span = Span(after=0, upto=sums.past.position, partition=partition, partition_key=user_id)
    await _count_folded(sums, commits_within(sums.past.events, ORDERS.context, span))


async def _count_folded(sums: Sums, pages: AsyncIterator[list[Commit]]) -> None:
    docs: dict[str, Doc] = {}
    skips = await sums.past.skips()
    async for page in pages:
        for commit in page:
            before = docs.get(commit.stream) or Doc(partition=commit.partition)
            docs[commit.stream] = applied(ORDERS, before, commit, skips)
    for number, doc in enumerate(docs.values()):
        sums.count(contribution_of(ORDERS, doc), 1)
        if number % PAGE_COMMITS == 0:  # others have their turn
            await asyncio.sleep(0)


def _nested(numbers: Mapping[str, int]) -> dict[str, Any]:
    """`spent.EUR` as it is stored: below `spent`."""
    nested: dict[str, Any] = {}
    for dotted, number in numbers.items():
        name, _, key = dotted.partition(".")
        if key:
            nested.setdefault(name, {})[key] = number
        else:
            nested[name] = number
    return nested
