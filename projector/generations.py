"""What is known of the generations of read models: asked for, being built, shown, kept, dropped (PROTOCOL Q3).

Each is a document of `generations`, beside the one that says which are shown. Whoever asks writes it; whoever has the
rules of that generation (`projector/keeper.py`) does what it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import CommandRejected, NotFound
from common.generations import read_or_make_shown
from common.read_models import READ_MODELS
from common.read_models.generations import FIRST, Places, place_of, places_of
from common.read_models.shapes import ReadModel
from common.read_models.storage import CHECKPOINTS, GENERATIONS, PROGRESS, SHOWN

GROUP = "views"
ASKED, BUILDING, FOLLOWING, READY, OLD, DROPPING = "asked", "building", "following", "ready", "old", "dropping"
UNDER_WAY = (ASKED, BUILDING, FOLLOWING)
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Building:
    """A generation as it is written; `group` is under which its checkpoints stand."""

    model: ReadModel[Any]
    number: int

    @property
    def group(self) -> str:
        return generation_id(self.model.collection, self.number)

    @property
    def places(self) -> Places:
        return places_of((self.model,), {self.model.collection: self.number})


def generation_id(name: str, number: int) -> str:
    return f"{name}@{number}"


def model_called(name: str) -> ReadModel[Any]:
    """Raises NotFound."""
    for model in READ_MODELS:
        if model.collection == name:
            return model
    names = ", ".join(model.collection for model in READ_MODELS)
    raise NotFound("unknown_projection", f"There is no projection {name}; there are {names}.")


def building_of(found: Document) -> Building:
    return Building(model_called(found["name"]), found["generation"])


async def generations_of(database: AsyncDatabase, name: str) -> list[Document]:
    """All but what is shown, the oldest first."""
    wanted = {"name": name, "state": {"$ne": SHOWN}}
    return await database[GENERATIONS].find(wanted, sort=[("generation", 1)]).to_list()


async def ask_for_another(
    database: AsyncDatabase, log_id: str, name: str, *, is_verified: bool = False, is_switched: bool = True
) -> Document:
    """Have one more generation built by the rules of this process; one that is under way by them goes on.

    What was kept until now is dropped. `is_switched` shows it as soon as it is ready, `is_verified` only if nothing
    differs from what is shown now.
    """
    model = model_called(name)
    await read_or_make_shown(database)
    wishes = {"is_verified": is_verified, "is_switched": is_switched}
    others = await generations_of(database, name)
    for other in others:
        if other["state"] in UNDER_WAY and (other["rules"], other["log_id"]) == (model.rules, log_id):
            await database[GENERATIONS].update_one({"_id": other["_id"]}, {"$set": wishes})
            return other | wishes
    for other in others:
        await database[GENERATIONS].update_one({"_id": other["_id"]}, {"$set": {"state": DROPPING}})
    asked = described(name, await _new_number(database, name), model.rules, log_id) | wishes | {"state": ASKED}
    await database[GENERATIONS].insert_one(asked)
    return asked


async def _new_number(database: AsyncDatabase, name: str) -> int:
    """One that was never given; the first generation is there without being asked for."""
    counted: Any = await database[GENERATIONS].find_one_and_update(
        {"_id": SHOWN}, {"$inc": {f"asked_for.{name}": 1}}, return_document=pymongo.ReturnDocument.AFTER
    )
    return FIRST + counted["asked_for"][name]


def described(name: str, number: int, rules: int, log_id: str) -> Document:
    return {
        "_id": generation_id(name, number),
        "name": name,
        "generation": number,
        "rules": rules,
        "log_id": log_id,
        "rev": 0,
        "asked_at": datetime.now(UTC),
    }


async def ask_to_show(database: AsyncDatabase, log_id: str, name: str, number: int | None = None) -> Document:
    """Have a generation that is ready, or was shown before, shown; without a number the only one there is."""
    model_called(name)
    found = [g for g in await generations_of(database, name) if g["state"] in (READY, OLD)]
    wanted = next((g for g in found if number in (None, g["generation"])), None)
    if wanted is None:
        raise NotFound(
            "unknown_generation", f"No other generation of {name} can be shown; `list` tells which there are."
        )
    if wanted["log_id"] != log_id:
        raise CommandRejected("generation_of_another_log", "This generation was made from another log; drop it.")
    wishes = {"is_switched": True, "is_verified": False}
    await database[GENERATIONS].update_one({"_id": wanted["_id"], "state": wanted["state"]}, {"$set": wishes})
    return wanted | wishes


async def ask_to_drop(database: AsyncDatabase, name: str, number: int) -> None:
    """The one that is shown is not dropped, unless this program has no such read model any more."""
    shown = await read_or_make_shown(database)
    if name in shown and name not in {model.collection for model in READ_MODELS}:
        await _forget(database, name, number)
        return
    model_called(name)
    if shown[name]["generation"] == number:
        raise CommandRejected("generation_is_shown", f"Generation {number} of {name} is what queries show.")
    asked = await database[GENERATIONS].update_one(
        {"_id": generation_id(name, number)}, {"$set": {"state": DROPPING, "is_switched": False}, "$inc": {"rev": 1}}
    )
    if not asked.matched_count:
        raise NotFound("unknown_generation", f"There is no generation {number} of {name}.")


async def _forget(database: AsyncDatabase, name: str, number: int) -> None:
    """From here on nothing is shown under this name; a program that has such a read model builds it anew."""
    field = f"models.{name}"
    await database[GENERATIONS].update_one({"_id": SHOWN, f"{field}.generation": number}, {"$unset": {field: ""}})
    await database.drop_collection(place_of(name, number))


async def to_be_done(database: AsyncDatabase) -> list[Document]:
    """What this process can do: of its own rules; dropping needs none."""
    wanted = {"$or": [{"state": {"$in": [*UNDER_WAY, DROPPING]}}, {"is_switched": True}], "name": {"$exists": True}}
    found = await database[GENERATIONS].find(wanted, sort=[("asked_at", 1)]).to_list()
    rules = {model.collection: model.rules for model in READ_MODELS}
    return [g for g in found if g["state"] == DROPPING or g["rules"] == rules.get(g["name"])]


async def drop(database: AsyncDatabase, found: Mapping[str, Any]) -> None:
    """Its number is never given again, so that this may be done twice, and late."""
    model, number = model_called(found["name"]), found["generation"]
    shown = (await read_or_make_shown(database))[found["name"]]
    if shown["generation"] != number:
        for place in places_of((model,), {model.collection: number}).values():
            await database.drop_collection(place)
        for collection in (CHECKPOINTS, PROGRESS):
            await database[collection].delete_many({"group": found["_id"]})
    await database[GENERATIONS].delete_one({"_id": found["_id"], "state": DROPPING})
