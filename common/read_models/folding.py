"""One document of a view, made of its commits: folded one after another, parked where one cannot be understood."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from common.codec import decode_event
from common.envelope import Commit
from common.errors import Undecodable
from common.read_models import READ_MODELS
from common.read_models.shapes import Contribution, ReadModel, Told
from common.read_models.storage import to_fields

Models = tuple[ReadModel[Any], ...]
DocumentId = tuple[str, str | int]
"""Collection, as the read model calls it, and key."""
Skips = frozenset[tuple[DocumentId, int]]
"""Which documents pass over the commit at which position: somebody has decided so, for good."""
NO_SKIPS: Skips = frozenset()


class Parked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a document stands still, since which commit."""

    code: str
    detail: str
    position: int


class Doc(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document as it is known; position 0 and no view when there is none yet.

    Version 0 and a view when only further contexts have told of it.
    """

    partition: int
    position: int = 0
    version: int = 0
    view: Any = None
    parked: Parked | None = None
    fields: dict[str, Any] | None = None  # the view as it is stored, where it was made here
    contribution: Contribution | None = None  # what it adds to the sums, likewise


@functools.cache
def _told_by(context: str, models: Models) -> Models:
    return tuple(model for model in models if context in model.contexts)


def documents_of(commit: Commit, models: Models = READ_MODELS) -> Iterable[tuple[ReadModel[Any], DocumentId]]:
    """The documents that a commit changes."""
    for model in _told_by(commit.context, models):
        yield model, (model.collection, model.key(commit.subject))


def applied(model: ReadModel[Any], doc: Doc, commit: Commit, skips: Skips = NO_SKIPS) -> Doc:
    """The document after one commit; unchanged if it has seen it, parked if the commit cannot be understood (V5)."""
    if doc.position >= commit.position or doc.parked:
        return doc
    try:
        after = _after(model, doc, commit, skips)
        return doc if after is doc else _finished(model, after)
    except Undecodable as error:
        return _parked(doc, commit, error.code, error.detail)
    except Exception as error:  # noqa: BLE001 - a bug in one rule must stop one document, not the feed
        return _parked(doc, commit, "projection_failed", f"{type(error).__name__}: {error}")


def folded(model: ReadModel[Any], commits: Sequence[Commit], *, partition: int = 0, skips: Skips = NO_SKIPS) -> Doc:
    """The document after these commits of its streams, which must be in the order of the log.

    It is what `applied` makes of it one by one; what is stored of it is made once.
    """
    doc = nothing = Doc(partition=partition)
    try:
        for commit in commits:
            doc = _after(model, doc, commit, skips)
        return doc if doc is nothing else _finished(model, doc)
    except Exception:  # noqa: BLE001 - which commit is to blame is found one by one
        for commit in commits:
            nothing = applied(model, nothing, commit, skips)
        return nothing


def _after(model: ReadModel[Any], doc: Doc, commit: Commit, skips: Skips) -> Doc:
    """Without what is made of the view to be stored; the very document if nothing changes."""
    context, _, subject = commit.stream.partition("-")
    is_own = context == model.context
    is_skipped = bool(skips) and ((model.collection, model.key(subject)), commit.position) in skips
    view = doc.view if is_skipped else _project(model, doc.view, commit, subject)
    if view is doc.view and not is_own:
        return doc
    is_begun = view is not None or not is_skipped
    version = commit.version if is_own and is_begun else doc.version
    return Doc(partition=doc.partition, position=commit.position, version=version, view=view)


def _finished(model: ReadModel[Any], doc: Doc) -> Doc:
    """One whose first commits were all skipped has nothing to store yet."""
    if doc.view is None:
        return doc
    return replace(doc, fields=to_fields(doc.view), contribution=model.contribute(doc.view))


def contribution_of(model: ReadModel[Any], doc: Doc) -> Contribution:
    """What the document adds to the sums; a parked one what it added before."""
    if doc.contribution is None:
        return {} if doc.view is None else model.contribute(doc.view)
    return doc.contribution


def _project(model: ReadModel[Any], view: Any, commit: Commit, subject: str) -> Any:
    for record in commit.events:
        told = Told(
            event_type=record.type,
            subject=subject,
            position=commit.position,
            version=commit.version,
            recorded_at=commit.recorded_at,
        )
        view = model.project(view, decode_event(record), told)
    return view


def _parked(doc: Doc, commit: Commit, code: str, detail: str) -> Doc:
    return replace(doc, parked=Parked(code=code, detail=detail, position=commit.position))
