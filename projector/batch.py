"""From commits to changed documents, in memory: fold, park, and the differences of the sums (PROTOCOL V3-V5)."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from common.codec import decode_event
from common.envelope import Commit
from common.errors import Undecodable
from common.read_models import READ_MODELS
from common.read_models.shapes import Contribution, ReadModel, SummaryKey, Told
from common.read_models.storage import to_fields

log = structlog.get_logger(__name__)
Models = tuple[ReadModel[Any], ...]
DocumentId = tuple[str, str | int]
"""Collection, as the read model calls it, and key."""


class Parked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a document stands still, since which commit."""

    code: str
    detail: str
    position: int


class Doc(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document as the projector knows it; position 0 and no view when there is none yet.

    Version 0 and a view when only further contexts have told of it.
    """

    partition: int
    position: int = 0
    version: int = 0
    view: Any = None
    parked: Parked | None = None
    fields: dict[str, Any] | None = None  # the view as it is stored, where it was made here
    contribution: Contribution | None = None  # what it adds to the sums, likewise


@dataclass(slots=True)
class Change:
    before: Doc
    after: Doc


@dataclass(slots=True)
class Changes:
    """What a batch makes of the views. `sums` are per summary document and partition."""

    documents: dict[DocumentId, Change] = field(default_factory=dict)
    sums: dict[tuple[SummaryKey, int], dict[str, int]] = field(default_factory=dict)
    last: dict[int, Commit] = field(default_factory=dict)  # the commit at which each partition's checkpoint will stand


@functools.cache
def _told_by(context: str, models: Models) -> Models:
    return tuple(model for model in models if context in model.contexts)


def documents_of(commit: Commit, models: Models = READ_MODELS) -> Iterable[tuple[ReadModel[Any], DocumentId]]:
    """The documents that a commit changes."""
    for model in _told_by(commit.context, models):
        yield model, (model.collection, model.key(commit.subject))


def fold(
    batch: Mapping[int, Sequence[Commit]], known: Mapping[DocumentId, Doc], models: Models = READ_MODELS
) -> Changes:
    """Apply the commits to the documents, which must all be in `known` unless there are none yet."""
    changes = Changes()
    model_of: dict[DocumentId, ReadModel[Any]] = {}
    for partition, commits in batch.items():
        for commit in commits:
            for model, document_id in documents_of(commit, models):
                model_of[document_id] = model
                before = known.get(document_id) or Doc(partition=partition)
                change = changes.documents.setdefault(document_id, Change(before, before))
                change.after = applied(model, change.after, commit)
        changes.last[partition] = commits[-1]
    for document_id, change in changes.documents.items():
        add_sums(changes, model_of[document_id], change)
    return changes


def applied(model: ReadModel[Any], doc: Doc, commit: Commit) -> Doc:
    """The document after one commit; unchanged if it has seen it, parked if the commit cannot be understood (V5)."""
    if doc.position >= commit.position or doc.parked:
        return doc
    try:
        after = _after(model, doc, commit)
        return doc if after is doc else _finished(model, after)
    except Undecodable as error:
        return _parked(doc, commit, error.code, error.detail)
    except Exception as error:  # noqa: BLE001 - a bug in one rule must stop one document, not the feed
        return _parked(doc, commit, "projection_failed", f"{type(error).__name__}: {error}")


def folded(model: ReadModel[Any], partition: int, commits: Sequence[Commit]) -> Doc:
    """The document after all of its commits, as `applied` makes it one by one; what is stored is made once."""
    doc = nothing = Doc(partition=partition)
    try:
        for commit in commits:
            doc = _after(model, doc, commit)
        return doc if doc is nothing else _finished(model, doc)
    except Exception:  # noqa: BLE001 - which commit is to blame is found one by one
        for commit in commits:
            nothing = applied(model, nothing, commit)
        return nothing


def _after(model: ReadModel[Any], doc: Doc, commit: Commit) -> Doc:
    """Without what is made of the view to be stored; the very document if nothing changes."""
    is_own = commit.context == model.context
    view = _project(model, doc.view, commit)
    if view is doc.view and not is_own:
        return doc
    version = commit.version if is_own else doc.version
    return Doc(partition=doc.partition, position=commit.position, version=version, view=view)


def _finished(model: ReadModel[Any], doc: Doc) -> Doc:
    return replace(doc, fields=to_fields(doc.view), contribution=model.contribute(doc.view))


def _project(model: ReadModel[Any], view: Any, commit: Commit) -> Any:
    for record in commit.events:
        told = Told(
            event_type=record.type,
            subject=commit.subject,
            position=commit.position,
            version=commit.version,
            recorded_at=commit.recorded_at,
        )
        view = model.project(view, decode_event(record), told)
    return view


def _parked(doc: Doc, commit: Commit, code: str, detail: str) -> Doc:
    log.error("parked", stream=commit.stream, position=commit.position, code=code, detail=detail)
    return replace(doc, parked=Parked(code=code, detail=detail, position=commit.position))


def add_sums(changes: Changes, model: ReadModel[Any], change: Change) -> None:
    """Add the difference of what the document contributed and contributes now; zeros leave no trace."""
    partition = change.after.partition
    for doc, sign in ((change.after, 1), (change.before, -1)):
        for key, numbers in _contribution(model, doc).items():
            sums = changes.sums.setdefault((key, partition), {})
            for name, number in numbers.items():
                sums[name] = sums.get(name, 0) + sign * number


def _contribution(model: ReadModel[Any], doc: Doc) -> Contribution:
    if doc.contribution is None:
        return {} if doc.view is None else model.contribute(doc.view)
    return doc.contribution
