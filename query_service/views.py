"""The views as a query sees them: each collection by the name its read model gives it, in the generation shown now."""

from typing import Any, Protocol

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from common.read_models.generations import Places


class Views(Protocol):
    """What queries need of them; a database whose views were never built anew is one, too."""

    def __getitem__(self, name: str) -> AsyncCollection[Any]: ...


class ShownViews:
    """One is made per query, so that all that a query reads is of the same generation."""

    def __init__(self, database: AsyncDatabase, places: Places) -> None:
        self._database = database
        self._places = places

    def __getitem__(self, name: str) -> AsyncCollection[Any]:
        return self._database[self._places.get(name, name)]
