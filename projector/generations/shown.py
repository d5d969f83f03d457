"""Projections and their generations as they are told: to HTTP, and to the command line."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypedDict

from msgspec import Meta
from pymongo.asynchronous.database import AsyncDatabase

from common.generations import Shown, places_shown, read_or_make_shown
from common.read_models import READ_MODELS
from common.read_models.shapes import ReadModel
from common.read_models.storage import CHECKPOINTS, GENERATIONS, SHOWN
from projector.generations.known import BUILDING, GROUP, generation_id, generations_of
from projector.requests.parked import IS_PARKED
from projector.verification.differences import NEVER_VERIFIED, Standing, standings
from projector.views import reaching_views

Instant = Annotated[datetime, Meta(description="RFC 3339, in UTC.")]
State = Annotated[str, Meta(examples=["building", "ready", "shown", "old"])]


class Example(TypedDict):
    """A document that differs, and in which fields; never what is in them."""

    collection: str
    key: str | int
    what: str
    fields: list[str]


class GenerationDifference(TypedDict):
    """From what was shown when the generation was ready; documents and sums together."""

    same: int
    changed: int
    missing: int
    extra: int
    examples: list[Example]
    is_none: bool


class Generation(TypedDict):
    """`lag` is how many positions of the log it stands behind what is shown."""

    generation: str
    rules: int
    state: State
    is_switched: bool
    is_verified: bool
    asked_at: Instant | None
    built_at: Instant | None
    commits: int
    total_commits: int
    events: int
    documents: int
    events_per_second: int | None
    seconds_left: int | None
    position: int
    lag: int
    difference: GenerationDifference | None


class Projection(TypedDict):
    """A read model. `rules` are those of the program that answers; `shown_rules` of what is shown.

    `shown_at` is since when, and `difference` the one from what was shown before; null for what never was built anew.
    `verified_at` is when some of its documents were last compared with the log, `differences` how many of its documents
    and sums are known to differ now.
    """

    name: str
    rules: int
    shown_rules: int
    shown: str
    shown_at: Instant | None
    difference: GenerationDifference | None
    position: int
    documents: int
    parked: int
    verified_at: Instant | None
    differences: int
    generations: list[Generation]


async def all_projections(database: AsyncDatabase) -> list[Projection]:
    with reaching_views():
        shown, positions = await read_or_make_shown(database), await _positions(database)
        verified = await standings(database)
        return [await _projection(database, model, shown, positions, verified) for model in READ_MODELS]


async def one_projection(database: AsyncDatabase, name: str) -> Projection:
    """Of a model that there is."""
    return next(told for told in await all_projections(database) if told["name"] == name)


async def one_generation(database: AsyncDatabase, generation: str) -> Generation | None:
    """None where there is none of this name: it was dropped, or never asked for."""
    with reaching_views():
        found = await database[GENERATIONS].find_one({"_id": generation})
        return _generation(found, await _positions(database)) if found else None


async def _projection(
    database: AsyncDatabase,
    model: ReadModel[Any],
    shown: Shown,
    positions: Mapping[str, int],
    verified: Mapping[str, Standing],
) -> Projection:
    name, place = model.collection, places_shown(shown)[model.collection]
    generation = generation_id(name, shown[name]["generation"])
    found = await database[GENERATIONS].find_one({"_id": generation, "state": SHOWN}) or {}
    return {
        "name": name,
        "rules": model.rules,
        "shown_rules": shown[name]["rules"],
        "shown": generation,
        "shown_at": found.get("shown_at"),
        "difference": found.get("difference"),
        "position": positions.get(GROUP, 0),
        "documents": await database[place].estimated_document_count(),
        "parked": await database[place].count_documents(IS_PARKED),
        **verified.get(name, NEVER_VERIFIED),
        "generations": [_generation(other, positions) for other in await generations_of(database, name)],
    }


def _generation(found: Mapping[str, Any], positions: Mapping[str, int]) -> Generation:
    rate = round(found["events"] / found["seconds"]) if found.get("seconds") else None
    position = positions.get(found["_id"], 0)
    return {
        "generation": found["_id"],
        "rules": found["rules"],
        "state": found["state"],
        "is_switched": found.get("is_switched", False),
        "is_verified": found.get("is_verified", False),
        "asked_at": found.get("asked_at"),
        "built_at": found.get("built_at"),
        "commits": found.get("commits", 0),
        "total_commits": found.get("total_commits", 0),
        "events": found.get("events", 0),
        "documents": found.get("documents", 0),
        "events_per_second": rate,
        "seconds_left": _seconds_left(found),
        "position": position,
        "lag": max(0, positions.get(GROUP, 0) - position),
        "difference": found.get("difference"),
    }


def _seconds_left(found: Mapping[str, Any]) -> int | None:
    """By the rate so far; None where nothing is being built."""
    if found["state"] != BUILDING or not found.get("commits"):
        return None
    return round((found["total_commits"] - found["commits"]) * found["seconds"] / found["commits"])


async def _positions(database: AsyncDatabase) -> dict[str, int]:
    """Group → the newest position of its checkpoints."""
    newest = [{"$group": {"_id": "$group", "position": {"$max": "$position"}}}]
    return {found["_id"]: found["position"] async for found in await database[CHECKPOINTS].aggregate(newest)}
