"""Documents are folded again from the log: one, or many that are parked, a few of them at a time (PROTOCOL V2, V5)."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from common.checkpoints import Checkpoints
from common.envelope import Commit
from common.log import Log
from common.read_models import READ_MODELS
from common.read_models.folding import Doc, DocumentId, Skips
from common.read_models.generations import Places
from common.read_models.shapes import ReadModel
from common.transaction import Guarded, Unwritable, transact
from projector.batch import Change, Changes, add_sums, applied
from projector.requests.asking import RETRY, RETRY_PARKED, Request, ask, done, goes_on
from projector.requests.parked import IS_PARKED, Place, find_parked, parked_document, place_of, place_shown, with_code
from projector.statements import document_statements, summary_statements
from projector.views import load, reaching_views

READ_AT_ONCE = 10  # documents

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of who holds a partition: what it may write where, by its checkpoint, whose `rev` moves with each step."""

    database: AsyncDatabase
    log: Log
    checkpoints: Checkpoints
    partition: int
    places: Places
    skips: Skips


def retry_id(model: ReadModel[Any], key: str | int) -> str:
    return f"retry/{model.collection}/{key}"


async def request_retry(database: AsyncDatabase, model: ReadModel[Any], key: str | int) -> str:
    """Ask for one parked document; return the request's id. Raises as `parked_document`."""
    document = await parked_document(database, model, key)
    wanted = {"kind": RETRY, "partition": document["partition"], "collection": model.collection, "key": key}
    return await ask(database, retry_id(model, key), wanted)


async def request_retries(
    database: AsyncDatabase, models: Iterable[ReadModel[Any]], code: str | None = None
) -> list[str]:
    """Ask for all that are parked, or those with this code; return the requests' ids. Asking again begins anew."""
    asked: list[str] = []
    for model in models:
        wanted = {"kind": RETRY_PARKED, "collection": model.collection, "code": code, "after": None}
        for partition in await (await place_shown(database, model)).distinct(
            "partition", {**IS_PARKED, **with_code(code)}
        ):
            name = f"retry_parked/{model.collection}/{code or ''}/{partition}"
            asked.append(await ask(database, name, wanted | {"partition": partition}))
    return asked


async def retry(at: Standing, request: Request, most: int) -> Sequence[DocumentId]:
    """Do what was asked, or the next so many documents of it; return those that are to be read again."""
    model = next((model for model in READ_MODELS if model.collection == request.get("collection")), None)
    if model is None:
        keys, then = [], done(request)
    elif request["kind"] == RETRY:
        keys, then = [request["key"]], done(request)
    else:
        keys, then = await _next(at, model, request, most)
    if model and keys:
        await _fold_each(at, model, keys, then)
    else:
        await transact(at.database, [then])
    return [(model.collection, key) for key in keys] if model else []


async def _next(at: Standing, model: ReadModel[Any], request: Request, most: int) -> tuple[list[str | int], Guarded]:
    """The keys of a round, and what becomes of the request with it."""
    after = Place(*request["after"]) if request.get("after") else None
    wanted = {"partition": at.partition, **with_code(request.get("code"))}
    with reaching_views():
        found = await find_parked(at.database[at.places[model.collection]], most, after, **wanted)
    keys = [document["_id"] for document in found]
    if len(found) < most:
        return keys, done(request)
    return keys, goes_on(request, {"after": list(place_of(found[-1]))})


async def _fold_each(at: Standing, model: ReadModel[Any], keys: Sequence[str | int], then: Guarded) -> None:
    """All in one step; where one of them cannot be written, one by one, and that one stays as it is."""
    try:
        await fold_again(at, model, keys, then)
    except Unwritable:
        for key in keys:
            try:
                await fold_again(at, model, [key])
            except Unwritable as error:
                log.warning("retry_failed", collection=model.collection, key=key, reason=str(error))
        await transact(at.database, [then])


async def fold_again(at: Standing, model: ReadModel[Any], keys: Sequence[str | int], *also: Guarded) -> None:
    """Fold documents from their streams, up to the checkpoint, and correct the sums by the difference.

    One transaction, with `also` in it; keys without a document are left out. Raises Fenced, or Unwritable.
    """
    known = await load(at.database, [(model.collection, key) for key in keys], at.places)
    upto, changes = await at.checkpoints.position(at.partition), Changes()
    folded = await _all_folded(at, model, known, upto)
    for document_id, before in known.items():
        change = Change(before, folded[document_id])
        changes.documents[document_id] = change
        add_sums(changes, model, change)
    await transact(
        at.database,
        [
            at.checkpoints.step(at.partition),
            *document_statements(changes, at.places),
            *summary_statements(changes.sums, at.places),
            *also,
        ],
    )
    at.checkpoints.moved([at.partition])
    parked = sum(change.after.parked is not None for change in changes.documents.values())
    log.info("retried", collection=model.collection, documents=len(known), still_parked=parked)


async def _all_folded(
    at: Standing, model: ReadModel[Any], known: Mapping[DocumentId, Doc], upto: int
) -> dict[DocumentId, Doc]:
    ids, docs = list(known), dict[DocumentId, Doc]()
    for start in range(0, len(ids), READ_AT_ONCE):
        some = ids[start : start + READ_AT_ONCE]
        reading = (_folded(at, model, i[1], known[i].partition, upto) for i in some)
        docs |= zip(some, await asyncio.gather(*reading), strict=True)
    return docs


async def _folded(at: Standing, model: ReadModel[Any], key: str | int, partition: int, upto: int) -> Doc:
    doc = Doc(partition=partition)
    for commit in await commits_of(model, key, at.log):
        if commit.position <= upto:
            doc = applied(model, doc, commit, at.skips)
    return doc


async def commits_of(model: ReadModel[Any], key: str | int, log_: Log) -> list[Commit]:
    """Of all the streams that a document is made of, in the order of the log."""
    streams = [await log_.read_stream(f"{context}-{key}") for context in model.contexts]
    return sorted((commit for stream in streams for commit in stream), key=lambda commit: commit.position)
