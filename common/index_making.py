"""Indexes as they are declared, beside those that a database has."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from common.mongo import DUPLICATE_KEY, patiently

_IN_THE_WAY = frozenset({85, 86, DUPLICATE_KEY})  # IndexOptionsConflict, IndexKeySpecsConflict, documents that clash
_OPTIONS = ("unique", "partialFilterExpression", "expireAfterSeconds", "sparse", "collation")


class Standing(enum.Enum):
    """How a declared index stands in a database."""

    THERE = "there"
    MISSING = "missing"
    IN_THE_WAY = "in_the_way"  # it cannot be made while something else is there


@dataclass(frozen=True, slots=True)
class Declared:
    collection: str
    index: pymongo.IndexModel

    @property
    def name(self) -> str:
        return self.index.document["name"]


async def standing(database: AsyncDatabase, declared: Declared) -> Standing:
    """Compare only; a collection that is not there has no index."""
    there: Mapping[str, Any] = await database[declared.collection].index_information()
    wanted = _specification(declared.index.document)
    specifications = {name: _specification(found) for name, found in there.items()}
    if specifications.get(declared.name) == wanted:
        return Standing.THERE
    is_taken = declared.name in there or wanted in specifications.values()
    return Standing.IN_THE_WAY if is_taken else Standing.MISSING


async def make(database: AsyncDatabase, declared: Declared) -> bool:
    """Make it, however long that takes; False when something is in its way. Twice is once."""
    try:
        with patiently():
            await database[declared.collection].create_indexes([declared.index])
    except OperationFailure as error:
        if error.code in _IN_THE_WAY:
            return False
        raise
    return True


def _specification(document: Mapping[str, Any]) -> Any:
    key = document["key"]
    fields = list(key.items()) if isinstance(key, Mapping) else list(key)
    return fields, {name: document[name] for name in _OPTIONS if document.get(name)}
