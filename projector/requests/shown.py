"""Parked documents as they are told: to HTTP, and to the command line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypedDict

from msgspec import Meta
from pymongo.asynchronous.database import AsyncDatabase

from common.chain import PERSONAL
from common.envelope import Commit
from common.log import Log
from common.read_models import READ_MODELS
from common.read_models.shapes import ReadModel
from projector.requests.parked import Place, Stored, find_parked, groups_of, parked_document, place_shown, with_code
from projector.requests.retrying import commits_of
from projector.requests.skipping import Skip, skips_of

MOST_WAITING = 20  # commits that are named of those that wait
Instant = Annotated[datetime, Meta(description="RFC 3339, in UTC.")]


class ParkedDocument(TypedDict):
    """`position` is of the commit that parks it; `version` and `good_position` are of what is shown of it until then,
    0 where there is nothing."""

    projection: str
    key: str | int
    code: str
    detail: str
    position: int
    partition: int
    version: int
    good_position: int


class ParkedError(TypedDict):
    """What parks `count` documents; `example_key` is of the first of them, which is parked by `first_position`."""

    projection: str
    code: str
    detail: str
    count: int
    first_position: int
    example_key: str | int


class ParkedErrors(TypedDict):
    data: list[ParkedError]


class ParkingEvent(TypedDict):
    event: str
    schema: int
    data: dict[str, Any]


class ParkingCommit(TypedDict):
    position: int
    stream: str
    version: int
    recorded_at: Instant
    command_id: str
    actor: str
    events: list[ParkingEvent]


class WaitingCommit(TypedDict):
    position: int
    stream: str
    version: int
    events: list[str]


class DecidedSkip(TypedDict):
    projection: str
    key: str | int
    position: int
    code: str
    reason: str
    actor: str
    at: Instant


class InspectedDocument(TypedDict):
    """`commit` is the one that parks it, null where the log has none there; `waiting` are the first of those that came
    after it."""

    document: ParkedDocument
    commit: ParkingCommit | None
    waiting_commits: int
    waiting: list[WaitingCommit]
    skips: list[DecidedSkip]


async def all_parked(
    database: AsyncDatabase,
    models: Sequence[ReadModel[Any]],
    limit: int,
    after: tuple[ReadModel[Any], Place] | None = None,
    *,
    code: str | None = None,
) -> list[ParkedDocument]:
    """At most so many of these models, one after another; with `after` what comes behind it."""
    rows: list[ParkedDocument] = []
    begins = models.index(after[0]) if after else 0
    for model in models[begins:]:
        if len(rows) < limit:
            behind = after[1] if after and model is after[0] else None
            place = await place_shown(database, model)
            found = await find_parked(place, limit - len(rows), behind, **with_code(code))
            rows += [show_parked(model, document) for document in found]
    return rows


async def parked_errors(
    database: AsyncDatabase, models: Sequence[ReadModel[Any]] = READ_MODELS, code: str | None = None
) -> list[ParkedError]:
    """The most frequent first."""
    errors = [_error(model, group) for model in models for group in await groups_of(database, model, code)]
    return sorted(errors, key=lambda error: -error["count"])


async def inspect(database: AsyncDatabase, log: Log, model: ReadModel[Any], key: str | int) -> InspectedDocument:
    """Raises as `parked_document`."""
    document = show_parked(model, await parked_document(database, model, key))
    commits = await commits_of(model, key, log)
    waiting = [commit for commit in commits if commit.position > document["position"]]
    return {
        "document": document,
        "commit": next((_raw(commit) for commit in commits if commit.position == document["position"]), None),
        "waiting_commits": len(waiting),
        "waiting": [_waiting(commit) for commit in waiting[:MOST_WAITING]],
        "skips": [show_skip(skip) for skip in await skips_of(database, model, key)],
    }


def show_parked(model: ReadModel[Any], document: Stored) -> ParkedDocument:
    why = document["parked"]
    return {
        "projection": model.collection,
        "key": document["_id"],
        "code": why["code"],
        "detail": why["detail"],
        "position": why["position"],
        "partition": document["partition"],
        "version": document["version"],
        "good_position": document["position"],
    }


def show_skip(skip: Skip) -> DecidedSkip:
    return {
        "projection": skip["projection"],
        "key": skip["key"],
        "position": skip["position"],
        "code": skip["code"],
        "reason": skip["reason"],
        "actor": skip["actor"],
        "at": skip["at"],
    }


def _error(model: ReadModel[Any], group: Stored) -> ParkedError:
    return {
        "projection": model.collection,
        "code": group["_id"]["code"],
        "detail": group["_id"]["detail"],
        "count": group["count"],
        "first_position": group["position"],
        "example_key": group["key"],
    }


def _raw(commit: Commit) -> ParkingCommit:
    return {
        "position": commit.position,
        "stream": commit.stream,
        "version": commit.version,
        "recorded_at": commit.recorded_at,
        "command_id": commit.command_id,
        "actor": commit.actor,
        "events": [
            {"event": event.type, "schema": event.schema, "data": _not_personal(event.data)} for event in commit.events
        ],
    }


def _not_personal(value: Any) -> Any:
    """As it is stored, but for what identifies a person or a card."""
    match value:
        case dict():
            return {name: _not_personal(inner) for name, inner in value.items() if name != PERSONAL}
        case list() | tuple():
            return [_not_personal(inner) for inner in value]
    return value


def _waiting(commit: Commit) -> WaitingCommit:
    return {
        "position": commit.position,
        "stream": commit.stream,
        "version": commit.version,
        "events": [event.type for event in commit.events],
    }
