"""Documents that stand still: found in what is shown, counted, and grouped by what is wrong with them (PROTOCOL V5)."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import CommandRejected, NotFound
from common.generations import places_shown, read_shown
from common.read_models import READ_MODELS
from common.read_models.shapes import ReadModel
from common.values import is_number_id
from projector.generations.known import model_called

LONGEST_KEY = 100
MOST_GROUPS = 100  # of one read model
ERROR_CHARACTERS = 200  # of a detail's first line
Stored = dict[str, Any]
IS_PARKED: Mapping[str, Any] = {"parked.position": {"$exists": True}}
"""As its index has it."""
ORDER = [("parked.position", 1), ("_id", 1)]


class Place(NamedTuple):
    """Of a parked document in the list of those of its read model."""

    position: int
    key: str | int


def models_called(name: str | None) -> tuple[ReadModel[Any], ...]:
    """All without a name; NotFound where there is none."""
    return READ_MODELS if name is None else (model_called(name),)


def key_called(model: ReadModel[Any], text: str) -> str | int:
    """As the documents have it; NotFound where none can have it."""
    is_text = text.isascii() and text.isprintable() and len(text) <= LONGEST_KEY
    if not is_text or (model.key is int and not is_number_id(text)):
        raise _unknown(model, text)
    return model.key(text)


async def place_shown(database: AsyncDatabase, model: ReadModel[Any]) -> AsyncCollection[Any]:
    """Where the documents stand that queries show."""
    return database[places_shown(await read_shown(database))[model.collection]]


async def find_parked(
    collection: AsyncCollection[Any], limit: int, after: Place | None = None, **also: Any
) -> list[Stored]:
    """Those that have stood still for longest, behind `after` if it is given; `also` is a filter."""
    wanted: dict[str, Any] = {**IS_PARKED, **also}
    if after:
        at, key = after
        wanted["$or"] = [{"parked.position": {"$gt": at}}, {"parked.position": at, "_id": {"$gt": key}}]
    return await collection.find(wanted, sort=ORDER, limit=limit).to_list()


async def parked_document(database: AsyncDatabase, model: ReadModel[Any], key: str | int) -> Stored:
    """Raises NotFound where there is no such document, CommandRejected where it is not parked."""
    document = await (await place_shown(database, model)).find_one({"_id": key})
    if document is None:
        raise _unknown(model, key)
    if "parked" not in document:
        raise CommandRejected("not_parked", f"{key} of {model.collection} is not parked; it moves.")
    return document


def place_of(document: Stored) -> Place:
    return Place(document["parked"]["position"], document["_id"])


def with_code(code: str | None) -> dict[str, Any]:
    return {} if code is None else {"parked.code": code}


async def count_parked(database: AsyncDatabase, model: ReadModel[Any], code: str | None = None) -> int:
    return await (await place_shown(database, model)).count_documents({**IS_PARKED, **with_code(code)})


async def keys_parked(
    database: AsyncDatabase, models: Iterable[ReadModel[Any]], code: str | None = None
) -> dict[tuple[str, str | int], str]:
    """Read model and key → code."""
    return {
        (model.collection, document["_id"]): document["parked"]["code"]
        for model in models
        async for document in (await place_shown(database, model)).find(
            {**IS_PARKED, **with_code(code)}, {"parked.code": 1}
        )
    }


async def groups_of(database: AsyncDatabase, model: ReadModel[Any], code: str | None = None) -> list[Stored]:
    """What is the same: `{_id: {code, detail}, count, position, key}`, the last two of the one that was first."""
    first_line = {"$arrayElemAt": [{"$split": ["$parked.detail", "\n"]}, 0]}
    same = {"code": "$parked.code", "detail": {"$substrCP": [first_line, 0, ERROR_CHARACTERS]}}
    group = {"_id": same, "count": {"$sum": 1}, "position": {"$first": "$parked.position"}, "key": {"$first": "$_id"}}
    stages: list[Mapping[str, Any]] = [
        {"$match": {**IS_PARKED, **with_code(code)}},
        {"$sort": dict(ORDER)},
        {"$group": group},
        {"$sort": {"count": -1, "position": 1}},
        {"$limit": MOST_GROUPS},
    ]
    return await (await (await place_shown(database, model)).aggregate(stages)).to_list()


def _unknown(model: ReadModel[Any], key: str | int) -> NotFound:
    return NotFound("unknown_document", f"{model.collection} has no document {str(key)[:LONGEST_KEY]!r}.")
