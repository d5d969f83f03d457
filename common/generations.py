"""Which generation of each read model is shown: one document, that changes only together with all checkpoints (Q3)."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4
from zlib import crc32

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from common.read_models import READ_MODELS
from common.read_models.generations import FIRST, Places, places_of
from common.read_models.storage import CHECKPOINTS, GENERATIONS, SHOWN

NO_RULES = 0
Shown = Mapping[str, Mapping[str, int]]
"""Read model → `{"generation", "rules"}`."""


def places_shown(shown: Shown) -> Places:
    return places_of(READ_MODELS, {name: told["generation"] for name, told in shown.items()})


async def read_shown(database: AsyncDatabase, session: AsyncClientSession | None = None) -> Shown:
    """Empty as long as no projector has begun here."""
    return (await read_shown_of(database, session))[0]


async def read_shown_of(database: AsyncDatabase, session: AsyncClientSession | None = None) -> tuple[Shown, str]:
    """With the id that these views got when they began; empty for views of an earlier version."""
    found: Any = await database[GENERATIONS].find_one({"_id": SHOWN}, session=session) or {}
    return found.get("models", {}), found.get("views_id", "")


def mark_of(shown: Shown, views_id: str) -> str:
    """Another one for other views, and for other generations or rules of these: eight hexadecimal digits.

    The same version of the same document may look otherwise in each.
    """
    told = f"{views_id}{sorted((name, *model.values()) for name, model in shown.items())}"
    return f"{crc32(told.encode()):08x}"


async def read_or_make_shown(database: AsyncDatabase) -> Shown:
    """What is not there yet is begun by the rules of this process, or, where the views are past the beginning, by none.

    What no rules have made yet is built first (`projector/generations/keeper.py`).
    """
    shown = await read_shown(database)
    while missing := [model for model in READ_MODELS if model.collection not in shown]:
        begun = {"$setOnInsert": {"models": {}, "views_id": uuid4().hex}}
        await database[GENERATIONS].update_one({"_id": SHOWN}, begun, upsert=True)
        has_begun = await database[CHECKPOINTS].find_one({"group": "views", "position": {"$gt": 0}}, {"_id": 1})
        for model in missing:
            field = f"models.{model.collection}"
            first = {"generation": FIRST, "rules": NO_RULES if has_begun else model.rules}
            await database[GENERATIONS].update_one({"_id": SHOWN, field: {"$exists": False}}, {"$set": {field: first}})
        shown = await read_shown(database)
    return shown


def made_by_others(shown: Shown) -> list[str]:
    """The read models that are shown and that this process cannot write: it has other rules for them, or none."""
    rules = {model.collection: model.rules for model in READ_MODELS}
    return [name for name, told in shown.items() if told["rules"] != rules.get(name)]
