"""How two generations of a read model differ, document by document and sum by sum, at one moment of the database.

Both are read in one snapshot that was taken while they stood at the same commits: any difference is one of the rules,
or of what stood there before. A report names documents and fields, never what is in them.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from bson import decode
from bson.raw_bson import RawBSONDocument
from msgspec.structs import asdict
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from common.mongo import PLAIN, patiently
from common.read_models import READ_MODELS
from common.read_models.generations import Places
from common.read_models.storage import SUMS
from projector.views import reaching_views

PAGE_DOCUMENTS = 1_000
MOST_EXAMPLES = 10
Page = Mapping[Any, RawBSONDocument]
Pair = tuple[Any, RawBSONDocument | None, RawBSONDocument | None]
_NAMES = {"_id", "of", "partition"} | {f for model in READ_MODELS for kind in model.summaries for f in kind.fields}
"""Of a sum: which one it is."""


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

    def count(self, collection: str, key: Any, before: RawBSONDocument | None, after: RawBSONDocument | None) -> None:
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


async def compare(views: AsyncDatabase, session: AsyncClientSession, before: Places, after: Places) -> Difference:
    """`session` is of a snapshot; it must have read something while both stood at the same commits."""
    difference = Difference(examples=[])
    for collection, place in after.items():
        pages = (_pages(views, session, before[collection]), _pages(views, session, place))
        async for key, one, other in _pairs(*pages):
            difference.count(collection, key, one, other)
    return difference


async def _pairs(befores: AsyncIterator[Page], afters: AsyncIterator[Page]) -> AsyncIterator[Pair]:
    """What has the same key, in the order of the keys."""
    before, after = await anext(befores, {}), await anext(afters, {})
    while before or after:
        upto = min(max(page) for page in (before, after) if page)
        for key in sorted(key for key in before.keys() | after.keys() if key <= upto):
            yield key, before.get(key), after.get(key)
        before = {key: d for key, d in before.items() if key > upto} or await anext(befores, {})
        after = {key: d for key, d in after.items() if key > upto} or await anext(afters, {})


async def _pages(views: AsyncDatabase, session: AsyncClientSession, place: str) -> AsyncIterator[Page]:
    collection = views.get_collection(place, codec_options=PLAIN.with_options(document_class=RawBSONDocument))
    cursor = collection.find({}, sort=[("_id", 1)], batch_size=PAGE_DOCUMENTS, session=session)
    with reaching_views(), patiently():
        while page := await cursor.to_list(PAGE_DOCUMENTS):
            yield {document["_id"]: document for document in page}


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
