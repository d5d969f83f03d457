"""O3: the views as they stand, beside two folds of the log that know nothing of each other."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten
from typing import Any

from common.leases import LEASES
from common.read_models import READ_MODELS, SUMMARIES
from common.read_models.storage import CHECKPOINTS, GENERATIONS, PROGRESS, REQUESTS, SAMPLES, SKIPS, SUMS, VERIFIED
from tests.chaos.oracle.facts import Document, Facts, Finding, canonical
from tests.chaos.oracle.folds import Fold, fold
from tests.support import naive

KEPT_BESIDE = frozenset({CHECKPOINTS, GENERATIONS, PROGRESS, REQUESTS, SAMPLES, SKIPS, VERIFIED, LEASES})
"""Collections of the views' database that are no views. Of differences the projector is to have found none."""
SHOWN_CHARACTERS = 100  # of a value that is not as it should be
_NAMES = frozenset({"_id", "of", "partition", *(name for kind in SUMMARIES for name in kind.fields)})


def o3_views_are_folds_of_the_log(facts: Facts) -> Iterator[Finding]:
    """Every read model equals a pure fold of the log: same ids, same canonical JSON, nothing extra.

    And the same once more with a naive program that imports nothing of ours.
    """
    folded = fold(facts.commits)
    yield from _by_our_fold(facts, folded)
    yield from _by_the_naive_one(facts)
    known = {model.collection for model in READ_MODELS} | {SUMS} | KEPT_BESIDE
    for collection in facts.views.keys() - known:
        if facts.views[collection]:
            yield collection, "no read model stands in this collection"


def _by_our_fold(facts: Facts, folded: Fold) -> Iterator[Finding]:
    for (collection, key), reason in folded.broken.items():
        yield f"{collection}/{key}", reason
    for model in READ_MODELS:
        stored = by_id(facts.views.get(model.collection, ()))
        for key, detail in differences(folded.documents[model.collection], stored):
            if (model.collection, key) not in folded.broken:
                yield f"{model.collection}/{key}", detail
    stored_sums = {sum_id: flat_sum(document) for sum_id, document in by_id(facts.views.get(SUMS, ())).items()}
    zeros = {sum_id for sum_id, document in stored_sums.items() if document.keys() <= _NAMES} & folded.touched
    for key, detail in differences(folded.sums, {k: d for k, d in stored_sums.items() if k not in zeros}):
        yield f"{SUMS}/{key}", detail


def _by_the_naive_one(facts: Facts) -> Iterator[Finding]:
    try:
        expected = naive.expected_views(list(facts.commits))
    except Exception as error:  # noqa: BLE001 - it asserts what it knows of a log, and trips over what it does not
        yield "log", f"the naive program cannot fold it: {type(error).__name__}: {error}"
        return
    for collection, documents in expected.items():
        stored = naive.normal(collection, by_id(facts.views.get(collection, ())))
        for key, detail in differences(naive.normal(collection, documents), stored):
            yield f"{collection}/{key}", f"by the naive fold: {detail}"


def differences(expected: Mapping[Any, Document], stored: Mapping[Any, Document]) -> Iterator[tuple[Any, str]]:
    """Id and what is wrong, of every document that is missing, extra or not as it should be."""
    for key in expected.keys() | stored.keys():
        if key not in stored:
            yield key, "it is missing"
        elif key not in expected:
            yield key, "it should not be there"
        elif canonical(expected[key]) != canonical(stored[key]):
            yield key, _in_what(expected[key], stored[key])


def _in_what(expected: Document, stored: Document) -> str:
    names = sorted(expected.keys() | stored.keys())
    differing = [name for name in names if canonical(expected.get(name)) != canonical(stored.get(name))]
    shown = ", ".join(
        f"{name} is {_shown(stored.get(name))}, not {_shown(expected.get(name))}" for name in differing[:3]
    )
    return shown or f"its fields are {sorted(stored)}, not {sorted(expected)}"


def _shown(value: Any) -> str:
    return shorten(repr(value), SHOWN_CHARACTERS)


def by_id(documents: Sequence[Document]) -> dict[Any, Document]:
    return {document["_id"]: document for document in documents}


def flat_sum(document: Document) -> Document:
    """What names it, and its numbers under dotted names, without zeros: a sum may return to nothing."""
    flat: Document = {}
    for name, value in document.items():
        inner = {f"{name}.{key}": number for key, number in value.items()} if isinstance(value, dict) else {name: value}
        flat |= {key: number for key, number in inner.items() if number != 0 or key in _NAMES}
    return flat
