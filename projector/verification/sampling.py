"""Some documents of a read model, by chance over all of it: of those that are stored, or that the log tells of.

Who looks only at what is stored never misses what is not there. None of it is read in a snapshot: these are keys only.
"""

import math
import random
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.generations import places_shown, read_shown
from common.mongo import reaching
from common.read_models.shapes import ReadModel
from projector.verification.moment import NotNow
from projector.verification.verifying import Key
from projector.views import reaching_views


async def some_stored(
    views: AsyncDatabase, model: ReadModel[Any], partitions: frozenset[int], of_partitions: int, count: int
) -> list[Key]:
    """Around `count` of them, of these of so many partitions. MongoDB's random cursor makes it cheap."""
    drawn = math.ceil(count * of_partitions / len(partitions))
    with reaching_views():
        shown = await read_shown(views)
        if not shown:
            raise NotNow("There are no views yet; the first projector makes them.")
        place = views[places_shown(shown)[model.collection]]
        sample = [{"$sample": {"size": drawn}}, {"$project": {"partition": 1}}]
        found = await (await place.aggregate(sample)).to_list()
    keys = {document["_id"] for document in found if _is_of(document.get("partition"), partitions, of_partitions)}
    return list(keys)[:count]


async def some_told(
    events: AsyncDatabase, model: ReadModel[Any], partitions: frozenset[int], of_partitions: int, count: int
) -> list[Key]:
    """Up to `count` of which commits tell that were drawn by their positions."""
    with reaching("The event log cannot be reached."):
        newest: Any = await events["commits"].find_one({}, {"_id": 1}, sort=[("_id", -1)])
        if newest is None:
            return []
        drawn = math.ceil(count * of_partitions / len(partitions))
        positions = [random.randint(1, newest["_id"]) for _ in range(drawn)]
        found: Any = events["commits"].find({"_id": {"$in": positions}}, {"stream": 1, "partition": 1})
        commits = await found.to_list()
    subjects = [commit["stream"].partition("-") for commit in commits if commit["partition"] in partitions]
    return list({model.key(subject) for context, _, subject in subjects if context in model.contexts})[:count]


def _is_of(partition: Any, partitions: frozenset[int], of_partitions: int) -> bool:
    """Also a document that says it is of no partition there is."""
    return partition in partitions or partition not in range(of_partitions)
