"""One moment of the views' database: what was shown then, up to which commits; and documents as they stood then.

All of it is read in one snapshot. A document and its partition's checkpoint change in one transaction (V1): so whatever
goes on meanwhile, what stands there is the fold of the log up to that checkpoint, or it is wrong.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from common.generations import made_by_others, places_shown, read_shown
from common.mongo import PLAIN
from common.read_models.generations import Places
from common.read_models.storage import CHECKPOINTS
from projector.generations.known import GROUP
from projector.views import reaching_views

RAW = PLAIN.with_options(document_class=RawBSONDocument)


class NotNow(Exception):
    """The views cannot be verified at this moment; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`upto` is where each partition stands. Nothing can be said of those that are just being `emptied`."""

    views: AsyncDatabase
    session: AsyncClientSession
    places: Places
    upto: Mapping[int, int]
    commands: Mapping[int, str]  # position of a checkpoint → the id of the command of the commit there
    emptied: Sequence[int]

    @property
    def position(self) -> int:
        return max(self.upto.values(), default=0)

    def collection(self, name: str) -> AsyncCollection[RawBSONDocument]:
        """As a read model calls it; its documents come as they are stored."""
        return self.views.get_collection(self.places[name], codec_options=RAW)

    async def documents(self, name: str, keys: Iterable[Any]) -> dict[Any, RawBSONDocument]:
        """By key; those that are not there are not in it."""
        with reaching_views():
            found = self.collection(name).find({"_id": {"$in": list(keys)}}, session=self.session)
            return {document["_id"]: document async for document in found}


@asynccontextmanager
async def moment_of(views: AsyncDatabase) -> AsyncIterator[Moment]:
    """Now; NotNow if what is shown is made by rules of another program, or by none yet."""
    async with views.client.start_session(snapshot=True) as session:
        with reaching_views():
            stands = await views[CHECKPOINTS].find({"group": GROUP}, session=session).to_list()
            shown = await read_shown(views, session)
        if not shown:
            raise NotNow("There are no views yet; the first projector makes them.")
        if others := made_by_others(shown):
            raise NotNow(f"What is shown of {', '.join(others)} is made by the rules of another version than this one.")
        yield Moment(
            views=views,
            session=session,
            places=places_shown(shown),
            upto={stand["partition"]: stand["position"] for stand in stands},
            commands={stand["position"]: stand["command_id"] for stand in stands if stand["position"]},
            emptied=[stand["partition"] for stand in stands if stand.get("clearing")],
        )
