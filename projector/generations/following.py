"""A generation that was built follows the group `views`, never ahead of it, to the same commits (PROTOCOL Q3)."""

import asyncio
from collections.abc import Mapping

from pymongo.asynchronous.database import AsyncDatabase

from common.envelope import Commit
from common.log import Log
from common.read_models.storage import CHECKPOINTS
from projector.generations.known import GROUP, Building
from projector.views import reaching_views
from projector.writer import ViewWriter

BATCH_COMMITS = 200  # of each partition, in one transaction with those of the others


class Follower:
    """Writes a generation that nobody is shown, commit by commit, as the projector writes what is shown."""

    def __init__(self, views: AsyncDatabase, log: Log, building: Building, partitions: int) -> None:
        self._views = views
        self._log = log
        self._partitions = frozenset(range(partitions))
        self._writer = ViewWriter(views, log, partitions=partitions, building=building)
        self.positions: dict[int, int] = {}

    @property
    def revs(self) -> Mapping[int, int]:
        return self._writer.revs

    async def begin(self) -> None:
        """What was parked while it was built, and is to be skipped since, goes on."""
        begun = await self._writer.begin(self._partitions)
        await self._writer.pass_over_skipped()
        self.positions = {partition: checkpoint.position for partition, checkpoint in begun.items()}

    async def is_behind_a_skip(self) -> bool:
        """Whether something here stands still that goes on in what is shown, as was decided since `begin`."""
        return await self._writer.is_behind_a_skip()

    async def level(self, nearly_commits: int) -> None:
        """Follow until one round has brought no more than so many commits."""
        while await self.reach(await self._stand_of_the_group()) > nearly_commits:
            pass

    async def reach(self, stand: Mapping[int, int]) -> int:
        """Apply what lies before these positions; return how many commits that was."""
        count = 0
        while batch := await self._batch(stand):
            await self._writer.apply(batch)
            for partition, commits in batch.items():
                self.positions[partition] = commits[-1].position
                count += len(commits)
        return count

    def is_level_with(self, stand: Mapping[int, int]) -> bool:
        return all(self.positions.get(partition, 0) == position for partition, position in stand.items())

    async def _batch(self, stand: Mapping[int, int]) -> dict[int, list[Commit]]:
        found = await asyncio.gather(*(self._next(partition, position) for partition, position in stand.items()))
        return {partition: commits for partition, commits in zip(stand, found, strict=True) if commits}

    async def _next(self, partition: int, until: int) -> list[Commit]:
        after = self.positions.get(partition, 0)
        if after >= until:
            return []
        page = await self._log.read_partition(partition, after, BATCH_COMMITS)
        return [commit for commit in page.commits if commit.position <= until]

    async def _stand_of_the_group(self) -> dict[int, int]:
        with reaching_views():
            stands = await self._views[CHECKPOINTS].find({"group": GROUP}, {"partition": 1, "position": 1}).to_list()
        return {stand["partition"]: stand["position"] for stand in stands}
