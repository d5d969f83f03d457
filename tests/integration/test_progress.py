"""How far a group is said to be never goes back, whoever says it."""

from pymongo.read_concern import ReadConcern

from common.checkpoints import Checkpoints
from common.partition_state import Progress
from common.read_models.storage import PROGRESS
from tests.support.real_log import a_database


async def test_a_new_holder_who_has_not_yet_looked_takes_nothing_back(mongodb_url: str) -> None:
    async with a_database(mongodb_url) as (client, name):
        progress = client[name].get_collection(PROGRESS, read_concern=ReadConcern("local"))
        for told, stands in ((1000, 1000), (7, 1000), (1001, 1001)):
            await Checkpoints(client[name], "views", partitions=1).note({0: Progress(told, 0.0)})
            noted = await progress.find_one({})
            assert noted is not None
            assert noted["seen"] == stands
