"""How two generations of a read model differ, document by document and sum by sum, at one moment of the database.

Both are read in one snapshot that was taken while they stood at the same commits: any difference is one of the rules,
or of what stood there before. MongoDB keeps a snapshot for five minutes by default: what takes longer goes on in a
later one, and each pair was compared in one. A report names documents and fields, never what is in them.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import structlog
from bson import decode
from bson.raw_bson import RawBSONDocument
from msgspec.structs import asdict
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from common.errors import Unavailable
from common.mongo import PLAIN, patiently
from common.read_models import READ_MODELS
from common.read_models.generations import Places
from common.read_models.storage import SUMS
from projector.views import beginning_at, is_ended_snapshot, reaching_views

PAGE_DOCUMENTS = 1_000
MOST_EXAMPLES = 10
Page = Mapping[Any, RawBSONDocument]
Pair = tuple[Any, RawBSONDocument | None, RawBSONDocument | None]
_NAMES = {"_id", "of", "partition"} | {f for model in READ_MODELS for kind in model.summaries for f in kind.fields}
"""Of a sum: which one it is."""

log = structlog.get_logger(__name__)


class Difference(msgspec.Struct, kw_only=True):
    """Between what is shown (before) and the other generation (after); documents and sums together."""

    same: int = 0
    changed: int = 0
    missing: int = 0  # only before
    extra: int = 0  # only after
    examples: list[dict[str, Any]] = []

    @property
    def is_none(self) -> bool:
        return not (self.changed or self.missing or self.extra)

    @property
    def count(self) -> int:
        return self.same + self.changed + self.missing + self.extra

    def add(self, collection: str, key: Any, before: RawBSONDocument | None, after: RawBSONDocument | None) -> None:
        """A sum that came back to nothing is as good as none."""
        if before and after and before.raw == after.raw:
            self.same += 1
            return
        tell = told_of_sum if collection == SUMS else dict
        one, other = tell(flat(before)), tell(flat(after))
        fields = _differing(one, other)
        if not fields:
            self.same += 1
            return
        what = "changed" if one and other else "missing" if one else "extra"
        setattr(self, what, getattr(self, what) + 1)
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append({"collection": collection, "key": key, "what": what, "fields": fields})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Comparison:
    """Of what is shown with the generation that stands in `after`, in as many snapshots as it takes."""

    def __init__(self, views: AsyncDatabase, after: Places) -> None:
        self.difference = Difference(examples=[])
        self._views = views
        self._after = after
        self._left = list(after)  # collections, as read models call them
        self._upto: Any = None  # the key up to which the first of them is compared

    @property
    def is_done(self) -> bool:
        return not self._left

    async def go_on(self, session: AsyncClientSession, before: Places) -> None:
        """Until it is done or the snapshot ends, in which something must have been read while both stood level."""
        try:
            while self._left:
                await self._compare(self._left[0], session, before)
                self._left.pop(0)
                self._upto = None
        except Unavailable as error:
            if not is_ended_snapshot(error):
                raise
            log.info("comparison_goes_on", collection=self._left[0], compared=self.difference.count)

    async def _compare(self, collection: str, session: AsyncClientSession, before: Places) -> None:
        places = (before[collection], self._after[collection])
        pages = [_pages(self._views, session, place, self._upto) for place in places]
        async for key, one, other in _pairs(*pages):
            self.difference.add(collection, key, one, other)
            self._upto = key


async def _pairs(befores: AsyncIterator[Page], afters: AsyncIterator[Page]) -> AsyncIterator[Pair]:
    """What has the same key, in the order of the keys."""
    before, after = await anext(befores, {}), await anext(afters, {})
    while before or after:
        upto = min(max(page) for page in (before, after) if page)
        for key in sorted(key for key in before.keys() | after.keys() if key <= upto):
            yield key, before.get(key), after.get(key)
        before = {key: d for key, d in before.items() if key > upto} or await anext(befores, {})
        after = {key: d for key, d in after.items() if key > upto} or await anext(afters, {})


async def _pages(views: AsyncDatabase, session: AsyncClientSession, place: str, upto: Any) -> AsyncIterator[Page]:
    """What comes after `upto`; all, where that is None."""
    collection = views.get_collection(place, codec_options=PLAIN.with_options(document_class=RawBSONDocument))
    cursor = collection.find({}, batch_size=PAGE_DOCUMENTS, session=session, **beginning_at(upto))
    with reaching_views(), patiently():
        while found := await cursor.to_list(PAGE_DOCUMENTS):
            if page := {document["_id"]: document for document in found if document["_id"] != upto}:
                yield page


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def flat(document: RawBSONDocument | None) -> dict[str, Any]:
    """Dotted names, and no zeros: a sum may have come back to nothing."""
    return dict(_leaves(decode(document.raw, PLAIN), "")) if document else {}


def told_of_sum(total: Mapping[str, Any]) -> dict[str, Any]:
    """Without zeros; nothing where there are only names, because all numbers came back to zero."""
    told = {name: value for name, value in total.items() if value != 0 and name != "_id"}
    return told if told.keys() - _NAMES else {}


def _leaves(values: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            leaves += _leaves(value, f"{prefix}{name}.")
        elif value != 0:
            leaves.append((prefix + name, value))
    return leaves
