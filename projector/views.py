"""The views' database: its indexes, and its documents as the projector knows them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pymongo
import structlog
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from common.errors import Unavailable
from common.mongo import reaching
from common.read_models import IN_THE_FIRST, READ_MODELS
from common.read_models.folding import Doc, DocumentId, Models, Parked
from common.read_models.generations import Places
from common.read_models.shapes import Index
from common.read_models.storage import STANDING, SUMS, to_view

BY_PARKING = Index(
    fields=(("parked.position", 1), ("_id", 1), ("partition", 1)), where={"parked.position": {"$exists": True}}
)
"""Of every read model; empty as long as nothing is parked."""
SNAPSHOT_ENDED = frozenset({239, 246})  # SnapshotTooOld, SnapshotUnavailable

log = structlog.get_logger(__name__)


def reaching_views() -> reaching:
    return reaching("The read store cannot be reached.")


def is_ended_snapshot(error: Unavailable) -> bool:
    """MongoDB keeps one for five minutes by default (`minSnapshotHistoryWindowInSeconds`)."""
    return isinstance(error.__cause__, OperationFailure) and error.__cause__.code in SNAPSHOT_ENDED


def beginning_at(key: Any) -> dict[str, Any]:
    """What makes `find` begin at this key, of whatever type the next ones are; at the first where it is None."""
    by_id = [("_id", 1)]
    return {"sort": by_id, "hint": by_id} | ({} if key is None else {"min": {"_id": key}})


async def make_indexes(database: AsyncDatabase, models: Models = READ_MODELS, places: Places = IN_THE_FIRST) -> None:
    """Make every declared index that is not there yet."""
    with reaching_views():
        for collection, indexes in declared_indexes(models, places).items():
            await database[collection].create_indexes(indexes)


def declared_indexes(
    models: Models = READ_MODELS, places: Places = IN_THE_FIRST
) -> dict[str, list[pymongo.IndexModel]]:
    """By collection."""
    declared: dict[str, list[pymongo.IndexModel]] = {}
    for model in models:
        of_sums = [replace(index, where={"of": kind.of}) for kind in model.summaries for index in kind.indexes]
        for collection, indexes in ((model.collection, (*model.indexes, BY_PARKING)), (SUMS, of_sums)):
            if indexes:
                declared[places[collection]] = [_index(index) for index in indexes]
    return declared


def _index(index: Index) -> pymongo.IndexModel:
    return pymongo.IndexModel(
        list(index.fields), **({"partialFilterExpression": dict(index.where)} if index.where else {})
    )


async def load(
    database: AsyncDatabase, wanted: Iterable[DocumentId], places: Places = IN_THE_FIRST
) -> dict[DocumentId, Doc]:
    """Read documents as they stand; those that do not exist are not in the answer."""
    docs: dict[DocumentId, Doc] = {}
    by_collection: dict[str, list[Any]] = {}
    for collection, key in wanted:
        by_collection.setdefault(collection, []).append(key)
    views = {model.collection: model.view for model in READ_MODELS}
    with reaching_views():
        for collection, keys in by_collection.items():
            async for document in database[places[collection]].find({"_id": {"$in": keys}}):
                docs[(collection, document["_id"])] = _doc(views[collection], document)
    return docs


def _doc(view: type[Any], document: Mapping[str, Any]) -> Doc:
    """Read a document; one that nobody can read stands still as if it were parked, until a rebuild makes it anew."""
    parked = document.get("parked")
    doc = Doc(
        partition=document["partition"],
        position=document["position"],
        version=document["version"],
        parked=Parked(**parked) if parked else None,
    )
    try:
        return replace(doc, view=to_view(view, document) if document.keys() - STANDING else None)
    except msgspec.ValidationError as error:
        log.warning("unreadable_view", key=document["_id"], position=doc.position, reason=str(error))
        return replace(doc, parked=Parked(code="unreadable_view", detail=str(error), position=doc.position))
