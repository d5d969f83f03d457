"""Where the documents of a read model stand: in generations, of which one is shown and one other may be kept beside it.

A number is given once, and so are the collections that bear it: who comes too late with an old one meets nobody.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from common.read_models.shapes import ReadModel
from common.read_models.storage import SUMS

FIRST = 1

Numbers = Mapping[str, int]
"""Read model → the number of a generation of it."""
Places = Mapping[str, str]
"""Collection, as a read model calls it → the one in which that generation of it stands."""


def collections_of(model: ReadModel[Any]) -> tuple[str, ...]:
    """Of its documents, and of its sums if it has any: all kinds of sums stand together."""
    return (model.collection, SUMS) if model.summaries else (model.collection,)


def place_of(collection: str, generation: int) -> str:
    return collection if generation == FIRST else f"{collection}@{generation}"


def places_of(models: Iterable[ReadModel[Any]], generations: Numbers) -> Places:
    """Of documents and sums; a model that is not named is in its first generation."""
    return {
        collection: place_of(collection, generations.get(model.collection, FIRST))
        for model in models
        for collection in collections_of(model)
    }


def is_place_of(collection: str, models: Iterable[ReadModel[Any]]) -> bool:
    """Whether a collection of this name is of some generation of one of the models."""
    return collection.partition("@")[0] in {name for model in models for name in collections_of(model)}
