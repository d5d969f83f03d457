"""A service of another team: how many pieces of each product orders were placed for, each order counted once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pymongo.asynchronous.database import AsyncDatabase

from common.checkpoints import Checkpoints
from common.codec import decode_event
from common.config import Settings
from common.envelope import Commit
from common.events.orders import OrderInitiated
from common.group_feed import feed_of
from common.log import open_log
from common.mongo import open_client
from common.partition_state import Progress
from common.process import run_process
from common.sink import Batch, Checkpoint
from common.tasks import patiently
from common.transaction import Guarded, transact

GROUP = "demand"
COLLECTION = "demand"


class Demand:
    """Adds each commit to the counts once, whatever dies: counts and checkpoints change together. Implements `Sink`."""

    def __init__(self, database: AsyncDatabase, partitions: int) -> None:
        self._database = database
        self._checkpoints = Checkpoints(database, GROUP, partitions=partitions)

    async def begin(self, partitions: frozenset[int]) -> Mapping[int, Checkpoint]:
        await self._checkpoints.take_over(partitions)
        found = {partition: await self._checkpoints.begin(partition) for partition in partitions}
        return {partition: Checkpoint(of["position"], of["command_id"]) for partition, of in found.items()}

    async def apply(self, batch: Batch) -> None:
        moved = self._checkpoints.statement({partition: commits[-1] for partition, commits in batch.items()})
        counted = Counter[int]()
        for commits in batch.values():
            for product_id, quantity in pieces_in(commits):
                counted[product_id] += quantity
        await transact(self._database, [moved, *statements(counted)], self._checkpoints.session)
        self._checkpoints.moved(batch)

    async def note(self, progress: Mapping[int, Progress]) -> None:
        await self._checkpoints.note(progress)

    async def may_serve(self) -> bool:
        return True

    async def settle(self) -> bool:
        return False

    async def serve_requests(self, held: frozenset[int]) -> bool:
        return await self._checkpoints.are_gone(held)


def pieces_in(commits: Sequence[Commit]) -> Iterator[tuple[int, int]]:
    for commit in commits:
        for event in map(decode_event, commit.events):
            if isinstance(event, OrderInitiated):
                yield from ((line.product_id, line.quantity) for line in event.items)


def statements(counted: Mapping[int, int]) -> Iterator[Guarded]:
    if counted:
        updates = [
            {"q": {"_id": product_id}, "u": {"$inc": {"pieces": pieces}}, "upsert": True}
            for product_id, pieces in counted.items()
        ]
        yield Guarded({"update": COLLECTION, "updates": updates})


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    async with (
        open_client(settings.events_mongodb_url, name=GROUP) as events,
        open_client(settings.views_url, name=GROUP) as ours,
    ):
        log = await patiently(lambda: open_log(events[settings.events_database], partitions=settings.partitions))
        database = ours[settings.views_database]
        await feed_of(GROUP, log, Demand(database, log.info.partitions), database, settings).run()


if __name__ == "__main__":
    run_process(GROUP, run)
