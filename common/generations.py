"""Which generation of each read model is shown: one document, that changes only together with all checkpoints (Q3)."""

from collections.abc import Mapping
from typing import Any

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from common.read_models import READ_MODELS
from common.read_models.generations import FIRST, Places, places_of
from common.read_models.storage import GENERATIONS, SHOWN

Shown = Mapping[str, Mapping[str, int]]
"""Read model → `{"generation", "rules"}`."""


def places_shown(shown: Shown) -> Places:
    return places_of(READ_MODELS, {name: told["generation"] for name, told in shown.items()})


async def read_shown(database: AsyncDatabase, session: AsyncClientSession | None = None) -> Shown:
    """Empty as long as no projector has begun here."""
    found: Any = await database[GENERATIONS].find_one({"_id": SHOWN}, session=session)
    return found["models"] if found else {}


async def read_or_make_shown(database: AsyncDatabase) -> Shown:
    """What is not there yet is begun by the rules of this process."""
    shown = await read_shown(database)
    while missing := [model for model in READ_MODELS if model.collection not in shown]:
        for model in missing:
            field = f"models.{model.collection}"
            await database[GENERATIONS].update_one(
                {"_id": SHOWN, field: {"$exists": False}},
                {"$set": {field: {"generation": FIRST, "rules": model.rules}}},
            )
        found: Any = await database[GENERATIONS].find_one_and_update(
            {"_id": SHOWN},
            {"$setOnInsert": {"models": {}}},
            upsert=True,
            return_document=pymongo.ReturnDocument.AFTER,
        )
        shown = found["models"]
    return shown


def made_by_others(shown: Shown) -> list[str]:
    """The read models whose shown documents are made by rules other than this process's."""
    rules = {model.collection: model.rules for model in READ_MODELS}
    return [name for name, told in shown.items() if name in rules and told["rules"] != rules[name]]
