"""What is known of the generations of read models: asked for, being built, shown, kept, dropped (PROTOCOL Q3).

Each is a document of `generations`, beside the one that says which are shown. Whoever asks writes it; whoever has the
rules of that generation (`projector/generations/keeper.py`) does what it says.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from common.errors import CommandRejected, NotFound, Unavailable
from common.generations import read_or_make_shown
from common.read_models import READ_MODELS
from common.read_models.generations import FIRST, Places, place_of, places_of
from common.read_models.shapes import ReadModel
from common.read_models.storage import CHECKPOINTS, GENERATIONS, PROGRESS, SHOWN
from common.sink import Fenced
from common.transaction import Guarded, transact

GROUP = "views"
ASKED, BUILDING, FOLLOWING, READY, OLD, DROPPING = "asked", "building", "following", "ready", "old", "dropping"
UNDER_WAY = (ASKED, BUILDING, FOLLOWING)
TRIES = 20  # to ask alone
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
    differs from what is shown now. Who asks at the same time as others gets the same one.
    """
    wishes = {"is_verified": is_verified, "is_switched": is_switched}
    for _ in range(TRIES):
        with suppress(Fenced):  # somebody else has asked, or has dropped it
            return await _ask(database, log_id, model_called(name), wishes)
    raise Unavailable("Too many ask for this at once; ask again in a moment.")


async def _ask(database: AsyncDatabase, log_id: str, model: ReadModel[Any], wishes: Document) -> Document:
    """Raises Fenced if this was done at the same time as another's."""
    name = model.collection
    asked_for = await _asked_for(database, name)
    others = await generations_of(database, name)
    for other in others:
        if other["state"] in UNDER_WAY and (other["rules"], other["log_id"]) == (model.rules, log_id):
            going_on = _as_read(other) | {"state": {"$in": UNDER_WAY}}
            if (await database[GENERATIONS].update_one(going_on, {"$set": wishes})).matched_count:
                return other | wishes
            raise Fenced
    asked = described(name, FIRST + (asked_for or 0) + 1, model.rules, log_id) | wishes | {"state": ASKED}
    field = f"asked_for.{name}"
    count = {"q": {"_id": SHOWN, field: asked_for}, "u": {"$inc": {field: 1}}}
    updates = [count, *({"q": _as_read(other), "u": {"$set": {"state": DROPPING}}} for other in others)]
    changed = Guarded({"update": GENERATIONS, "updates": updates}, must_match=len(updates))
    await transact(database, [changed, Guarded({"insert": GENERATIONS, "documents": [asked]})])
    return asked


def _as_read(found: Document) -> Document:
    """What has been shown or dropped since is not meant."""
    return {"_id": found["_id"], "state": found["state"]}


async def _asked_for(database: AsyncDatabase, name: str) -> int | None:
    """How many; no number is given twice. The first generation is there without being asked for."""
    await read_or_make_shown(database)
    pointers: Any = await database[GENERATIONS].find_one({"_id": SHOWN})
    return pointers.get("asked_for", {}).get(name)


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
