"""The views as one pure pass over the log makes them, by the product's own rules and without its projector."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.codec import decode_event
from common.envelope import RecordedEvent
from common.read_models import READ_MODELS
from common.read_models.shapes import Numbers, ReadModel, SummaryKey, Told
from common.read_models.storage import summary_id, to_fields
from tests.chaos.oracle.facts import Document, subject_of

Key = str | int
Name = tuple[str, Key]
"""Collection and id."""
Contribution = Mapping[tuple[SummaryKey, int], Numbers]
"""To the sums of a partition."""


@dataclass(slots=True)
class Fold:
    """`documents` by collection and id; `sums` by id: what names them, and their numbers, dotted, without zeros.

    `touched` are the ids of all sums that anything was ever added to, `broken` says of a document why it ends early.
    """

    documents: dict[str, dict[Key, Document]] = field(default_factory=lambda: defaultdict(dict))
    sums: dict[str, Document] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    broken: dict[Name, str] = field(default_factory=dict)


def fold(commits: Sequence[Document]) -> Fold:
    folded = Fold()
    views: dict[Name, Any] = {}
    contributions: dict[Name, Contribution] = {}
    for commit in commits:
        for model in _models_of(commit):
            name = (model.collection, model.key(subject_of(commit)))
            if name in folded.broken:
                continue
            try:
                view = _project(model, views.get(name), commit)
            except Exception as error:  # noqa: BLE001 - whatever the log has, it is told and not raised
                folded.broken[name] = f"position {commit['_id']} cannot be folded: {type(error).__name__}: {error}"
                continue
            is_own = _context_of(commit) == model.context
            if view is views.get(name) and not is_own:
                continue
            before = folded.documents[name[0]].get(name[1], {})
            version = commit["version"] if is_own else before.get("version", 0)
            views[name] = view
            folded.documents[name[0]][name[1]] = _stored(view, name[1], commit, version)
            contributions[name] = {(k, commit["partition"]): numbers for k, numbers in model.contribute(view).items()}
            folded.touched.update(summary_id(*key) for key in contributions[name])
    folded.sums = _added(contributions.values())
    return folded


def _models_of(commit: Document) -> Iterable[ReadModel[Any]]:
    return (model for model in READ_MODELS if _context_of(commit) in model.contexts)


def _context_of(commit: Document) -> str:
    return commit["stream"].partition("-")[0]


def _project(model: ReadModel[Any], view: Any, commit: Document) -> Any:
    for event in commit["events"]:
        told = Told(
            event_type=event["type"],
            subject=subject_of(commit),
            position=commit["_id"],
            version=commit["version"],
            recorded_at=commit["recorded_at"],
        )
        view = model.project(view, decode_event(RecordedEvent(**event)), told)
    return view


def _stored(view: Any, key: Key, commit: Document, version: int) -> Document:
    stand = {"_id": key, "partition": commit["partition"], "position": commit["_id"], "version": version}
    return to_fields(view) | stand


def _added(contributions: Iterable[Contribution]) -> dict[str, Document]:
    sums: dict[tuple[SummaryKey, int], Counter[str]] = defaultdict(Counter)
    for contribution in contributions:
        for key, numbers in contribution.items():
            sums[key].update(numbers)
    return {
        summary_id(key, partition): _names(key, partition) | {name: n for name, n in numbers.items() if n}
        for (key, partition), numbers in sums.items()
        if any(numbers.values())
    }


def _names(key: SummaryKey, partition: int) -> Document:
    named = dict(zip(key.summary.fields, key.parts, strict=True))
    return named | {"_id": summary_id(key, partition), "of": key.summary.of, "partition": partition}
