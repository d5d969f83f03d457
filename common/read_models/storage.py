"""How views and summaries stand in MongoDB; the projector writes this form and the query service reads it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from common.read_models.shapes import Summary, SummaryKey
from common.values import Money

V = TypeVar("V")
CHECKPOINTS = "checkpoints"
PROGRESS = "progress"
REQUESTS = "requests"
SAMPLES = "samples"  # how the whole system did, every few seconds of the last day
SKIPS = "skips"
SUMS = "sums"
GENERATIONS = "generations"
DIFFERENCES = "differences"  # documents and sums that were found not to be what the log makes of them
VERIFIED = "verified"  # read model → when documents of it were last compared with the log
SHOWN = "shown"  # there: which of them queries show
STANDING = frozenset({"_id", "partition", "position", "version", "parked"})  # beside the fields of a view
SAGAS = "sagas"  # in the log's database, as the next two
SAGA_REQUESTS = "saga_requests"
A_SAGA = {"saga": {"$exists": True}}  # the marks of the partitions stand in the same collection
SAGA_TROUBLES = "saga_troubles"  # command id → how often a want could not be done yet, and why


def to_fields(view: object) -> dict[str, Any]:
    """Return the view's fields as stored; beside them stand those of STANDING."""
    return msgspec.to_builtins(view, builtin_types=(datetime,), enc_hook=_encode)


def to_view(view: type[V], document: Mapping[str, Any]) -> V:
    return msgspec.convert(document, view, dec_hook=_decode, builtin_types=(datetime,))


def summary_id(key: SummaryKey, partition: int) -> str:
    """`users/7`, `days/2026-01-31/p3`."""
    parts = (*key.parts, f"p{partition}") if key.summary.is_shared else key.parts
    return "/".join(map(str, (key.summary.of, *parts)))


def all_of(summary: Summary, *parts: int | str) -> dict[str, Any]:
    """The filter that finds all documents of a kind of sums, or those whose key begins with these parts."""
    prefix = "/".join(map(str, (summary.of, *parts)))
    return {"_id": {"$gte": prefix + "/", "$lt": prefix + "0"}}  # "0" comes next after "/"


def checkpoint_id(group: str, partition: int) -> str:
    return f"{group}/{partition}"


def _encode(value: object) -> object:
    if isinstance(value, Money):
        return {"amount": value.amount, "currency": value.currency}
    raise NotImplementedError(type(value).__name__)


def _decode(kind: type, value: Any) -> object:
    if kind is Money:  # what is stored was checked before; to check it again costs a third of a page of orders
        if value.keys() != Money.model_fields.keys():
            raise ValueError("an amount and its currency")
        return Money.model_construct(**value)
    raise NotImplementedError(kind.__name__)
