"""Which documents are as they were: nothing was written into their partition since they were last read."""

from dataclasses import dataclass

from aiohttp import web
from cachetools import LRUCache

from common.access.routes import known_actor
from query_service.answers import Answer
from query_service.freshness import Reading

KEPT = 20_000  # answers; the least recently used are forgotten first


@dataclass(frozen=True, slots=True)
class _Known:
    """`rev` changes with every transaction that writes into the partition's views (PROTOCOL V1)."""

    etag: str
    partition: int
    position: int
    rev: int


class Unchanged:
    """Tells who has the newest version, without a look at it."""

    def __init__(self) -> None:
        self._known: LRUCache[tuple[str, int | None], _Known] = LRUCache(KEPT)

    def etag(self, http: web.Request, reading: Reading) -> str | None:
        """The ETag of what this request would be answered, where that is certain."""
        known = self._known.get(_key(http))
        if known is None or _at(known.partition, reading) != (known.position, known.rev):
            return None
        return known.etag

    def note(self, http: web.Request, answer: Answer, reading: Reading) -> None:
        """`reading` is older than the answer: had the document changed in between, the next reading says so."""
        if answer.etag is None or answer.partition is None or answer.is_parked:
            return
        position, rev = _at(answer.partition, reading)
        self._known[_key(http)] = _Known(answer.etag, answer.partition, position, rev)


def _key(http: web.Request) -> tuple[str, int | None]:
    """What is shown to one customer may not be there for another."""
    actor = known_actor(http)
    return http.path, actor.user_id if actor and actor.sees_only_own else None


def _at(partition: int, reading: Reading) -> tuple[int, int]:
    return reading.positions.get(partition, 0), reading.revs.get(partition, -1)
