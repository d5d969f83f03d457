"""The commands that one batch sends to MongoDB, built as plain data."""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import asdict

from common.read_models import IN_THE_FIRST
from common.read_models.generations import Places
from common.read_models.shapes import SummaryKey
from common.read_models.storage import SUMS, summary_id, to_fields
from common.transaction import Guarded, Statement
from projector.batch import Change, Changes, Doc, DocumentId

STATEMENT_DOCUMENTS = 500  # at most, so that each has its answer within the time of one call, however slow the server
STATEMENT_SUMS = 2_000  # which are small
KEPT_LAYOUTS = 1_000  # sums of a kind have the same names again and again


def document_statements(changes: Changes, places: Places = IN_THE_FIRST) -> Iterable[Guarded]:
    """Insert what is new, replace or delete what is there by its old position (V3)."""
    inserts: dict[str, list[Statement]] = defaultdict(list)
    updates: dict[str, list[Statement]] = defaultdict(list)
    deletes: dict[str, list[Statement]] = defaultdict(list)
    for document_id, change in changes.documents.items():
        if change.after == change.before:
            continue
        if not _exists(change.after):
            deletes[document_id[0]].append({"q": _filter(document_id, change), "limit": 1})
            continue
        stored = stored_document(document_id, change.after)
        if _exists(change.before):
            updates[document_id[0]].append({"q": _filter(document_id, change), "u": stored})
        else:
            inserts[document_id[0]].append(stored)
    for collection, documents in inserts.items():
        yield from insert_statements(places[collection], documents)
    for collection, replacements in updates.items():
        for some in _parts(replacements, STATEMENT_DOCUMENTS):
            yield Guarded({"update": places[collection], "updates": some}, must_match=len(some))
    for collection, gone in deletes.items():
        for some in _parts(gone, STATEMENT_DOCUMENTS):
            yield Guarded({"delete": places[collection], "deletes": some}, must_match=len(some))


def insert_statements(place: str, documents: list[Statement], most: int = STATEMENT_DOCUMENTS) -> Iterable[Guarded]:
    for some in _parts(documents, most):
        yield Guarded({"insert": place, "documents": some, "ordered": True})


def summary_statements(
    sums: Mapping[tuple[SummaryKey, int], Mapping[str, int]],
    places: Places = IN_THE_FIRST,
    is_new: Callable[[str], bool] = lambda _: False,
) -> Iterable[Guarded]:
    """Add to what may be there; insert what `is_new` says is not. It is asked once for each id."""
    inserts: list[Statement] = []
    updates: list[Statement] = []
    for (key, partition), numbers in sums.items():
        increments = {name: number for name, number in numbers.items() if number}
        if not increments:
            continue
        sum_id = summary_id(key, partition)
        named = dict(zip(key.summary.fields, key.parts, strict=True)) | {"of": key.summary.of, "partition": partition}
        if is_new(sum_id):
            inserts.append({"_id": sum_id} | _in_order(named | increments))
        else:
            change = {"$inc": increments, "$setOnInsert": named}
            updates.append({"q": {"_id": sum_id}, "u": change, "upsert": True})
    if inserts:
        yield from insert_statements(places[SUMS], inserts, STATEMENT_SUMS)
    for some in _parts(updates, STATEMENT_SUMS):
        yield Guarded({"update": places[SUMS], "updates": some, "ordered": True})


def _in_order(fields: Mapping[str, int | str]) -> Statement:
    """As MongoDB makes them of an upsert: by name, dotted ones as documents. Who compares two compares their bytes."""
    document: Statement = {}
    for name, outer, inner in _layout(tuple(fields)):
        if inner:
            document.setdefault(outer, {})[inner] = fields[name]
        else:
            document[name] = fields[name]
    return document


@functools.lru_cache(KEPT_LAYOUTS)
def _layout(names: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """The names in their order, each with what stands before and behind its dot."""
    return tuple((name, outer, inner) for name in sorted(names) for outer, _, inner in [name.partition(".")])


def stored_document(document_id: DocumentId, doc: Doc) -> Statement:
    fields = doc.fields if doc.fields is not None else {} if doc.view is None else to_fields(doc.view)
    stored = fields | {
        "_id": document_id[1],
        "partition": doc.partition,
        "position": doc.position,
        "version": doc.version,
    }
    if doc.parked:
        stored["parked"] = asdict(doc.parked)
    return stored


def _exists(doc: Doc) -> bool:
    return doc.position > 0 or doc.parked is not None


def _filter(document_id: DocumentId, change: Change) -> Statement:
    return {"_id": document_id[1], "position": change.before.position}


def _parts(statements: list[Statement], most: int) -> list[list[Statement]]:
    return [statements[start : start + most] for start in range(0, len(statements), most)]
