"""From commits to changed documents, in memory: fold, park, and the differences of the sums (PROTOCOL V3-V5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from common.envelope import Commit
from common.logs import about
from common.read_models import READ_MODELS, folding
from common.read_models.folding import NO_SKIPS, Doc, DocumentId, Models, Skips, contribution_of, documents_of
from common.read_models.shapes import ReadModel, SummaryKey

log = structlog.get_logger(__name__)


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


def fold(
    batch: Mapping[int, Sequence[Commit]],
    known: Mapping[DocumentId, Doc],
    models: Models = READ_MODELS,
    skips: Skips = NO_SKIPS,
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
                change.after = applied(model, change.after, commit, skips)
        changes.last[partition] = commits[-1]
    for document_id, change in changes.documents.items():
        add_sums(changes, model_of[document_id], change)
    return changes


def applied(model: ReadModel[Any], doc: Doc, commit: Commit, skips: Skips = NO_SKIPS) -> Doc:
    """The document after one commit; that it stands still from now on is told to whoever looks after it (V5)."""
    after = folding.applied(model, doc, commit, skips)
    if after.parked and not doc.parked:
        why = after.parked
        log.error("parked", **about(commit), code=why.code, detail=why.detail)
    return after


def add_sums(changes: Changes, model: ReadModel[Any], change: Change) -> None:
    """Add the difference of what the document contributed and contributes now; zeros leave no trace."""
    partition = change.after.partition
    for doc, sign in ((change.after, 1), (change.before, -1)):
        for key, numbers in contribution_of(model, doc).items():
            sums = changes.sums.setdefault((key, partition), {})
            for name, number in numbers.items():
                sums[name] = sums.get(name, 0) + sign * number
