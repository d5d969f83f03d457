"""Which sums of a generation were begun: to insert one takes a third of the time of adding to what may be there."""

from pymongo.asynchronous.database import AsyncDatabase
from rbloom import Bloom

from common.mongo import patiently
from projector.views import reaching_views

EXPECTED = 10_000_000  # sums, in 8 MiB; of more of them, more are added to where they could be inserted
MISTAKEN = 0.05  # of so many, the share that seems to be there and is not


class Begun:
    """Never wrong in saying that a sum is new, as long as nobody else writes them."""

    def __init__(self) -> None:
        self._ids = Bloom(EXPECTED, MISTAKEN)

    async def read(self, views: AsyncDatabase, place: str) -> None:
        """What is there of what was begun before."""
        with reaching_views(), patiently():
            async for found in views[place].find({}, {"_id": 1}, hint="_id_"):
                self._ids.add(found["_id"])

    def begin(self, sum_id: str) -> bool:
        """Whether it is new; from now on it is not."""
        if sum_id in self._ids:
            return False
        self._ids.add(sum_id)
        return True
