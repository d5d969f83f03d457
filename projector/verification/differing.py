"""What differs between a stored document and the fold of its commits; pure. Fields are named, their values are not."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from bson import decode, encode
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from msgspec.structs import replace

from common.envelope import Commit
from common.mongo import PLAIN
from common.read_models.folding import NO_SKIPS, Doc, Parked, Skips, folded
from common.read_models.shapes import ReadModel
from common.read_models.storage import STANDING
from projector.statements import stored_document

UNWRITABLE = "unwritable"  # the mark of what MongoDB would not store: nobody but it can tell (V5)
Stored = Mapping[str, Any]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A document, or sums, that are not what the log makes of them. `position` is up to where the log was folded."""

    projection: str
    collection: str
    key: str | int
    what: str  # changed, missing (the log has it), extra (the log has it not)
    fields: tuple[str, ...]
    partition: int
    position: int


def finding_of(
    model: ReadModel[Any],
    key: str | int,
    commits: Sequence[Commit],
    raw: RawBSONDocument | None,
    upto: Mapping[int, int],
    *,
    skips: Skips = NO_SKIPS,
) -> Finding | None:
    """None if the document is the fold of these commits, which are all of its own up to there."""
    if commits and raw and _is_the_fold(model, key, commits, raw, skips):
        return None
    stored = decode(raw.raw, PLAIN) if raw else None
    partition = commits[0].partition if commits else _partition_of(stored)
    doc = expected(model, commits, partition, stored, _without_what_waits(model, key, stored, skips))
    fields = differing_fields(model, key, doc, stored)
    if not fields:
        return None
    return Finding(
        projection=model.collection,
        collection=model.collection,
        key=key,
        what="missing" if stored is None else "extra" if is_nothing(doc) else "changed",
        fields=tuple(fields),
        partition=partition,
        position=upto.get(partition, 0),
    )


def _is_the_fold(
    model: ReadModel[Any], key: str | int, commits: Sequence[Commit], raw: RawBSONDocument, skips: Skips
) -> bool:
    """Byte for byte, as nearly all are; what is not may still be as it should."""
    doc = folded(model, commits, partition=commits[0].partition, skips=skips)
    try:
        return encode(stored_document((model.collection, key), doc)) == raw.raw
    except (BSONError, OverflowError):
        return False


def _partition_of(stored: Stored | None) -> int:
    partition = (stored or {}).get("partition")
    return partition if isinstance(partition, int) else 0


def expected(
    model: ReadModel[Any], commits: Sequence[Commit], partition: int, stored: Stored | None, skips: Skips = NO_SKIPS
) -> Doc:
    """Return what should be stored. A mark that only MongoDB can have caused is believed if it names a commit."""
    mark = _mark_of_the_database(stored, commits)
    if mark is None:
        return folded(model, commits, partition=partition, skips=skips)
    if stored and stored.get("position") == 0:  # it was made so beside what is shown
        return Doc(partition=partition, parked=mark)
    before = folded(
        model, [commit for commit in commits if commit.position < mark.position], partition=partition, skips=skips
    )
    return before if before.parked else replace(before, parked=mark)


def _without_what_waits(model: ReadModel[Any], key: str | int, stored: Stored | None, skips: Skips) -> Skips:
    """A document that is parked by what is to be skipped waits for its retry: it is still as it should be."""
    mark = (stored or {}).get("parked")
    return skips - {((model.collection, key), mark.get("position"))} if isinstance(mark, dict) else skips


def is_nothing(doc: Doc) -> bool:
    return not (doc.position or doc.parked)


def differing_fields(model: ReadModel[Any], key: str | int, doc: Doc, stored: Stored | None) -> list[str]:
    if is_nothing(doc):
        return [] if stored is None or _is_empty(stored) else sorted(stored.keys() - {"_id"})
    try:
        wanted = decode(encode(stored_document((model.collection, key), doc)), PLAIN)
    except (BSONError, OverflowError):  # it should have been parked
        return ["parked"]
    return differing(_comparable(wanted), _comparable(stored or {"_id": key}))


def differing(one: Any, other: Any, name: str = "") -> list[str]:
    """Dotted names of fields; a list is one field. What is of another type differs."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(one.keys() | other.keys())
        return [found for n in names for found in _at(f"{name}.{n}".lstrip("."), one, other, n)]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [name] if any(differing(a, b, name) for a, b in zip(one, other, strict=True)) else []
    return [] if type(one) is type(other) and one == other else [name]


def _at(dotted: str, one: Stored, other: Stored, name: str) -> list[str]:
    if (name in one) != (name in other):
        return [dotted]
    return differing(one[name], other[name], dotted)


def _comparable(stored: Stored) -> Stored:
    """Without the mark's detail: another version of a library may say the same in other words."""
    mark = stored.get("parked")
    if not isinstance(mark, dict):
        return stored
    return {**stored, "parked": {name: value for name, value in mark.items() if name != "detail"}}


def _is_empty(stored: Stored) -> bool:
    """As a retry leaves what the log knows nothing of: a place, and nothing in it."""
    return not (stored.keys() - STANDING or stored.get("version") or "parked" in stored)


def _mark_of_the_database(stored: Stored | None, commits: Sequence[Commit]) -> Parked | None:
    mark = (stored or {}).get("parked")
    if not isinstance(mark, dict) or mark.get("code") != UNWRITABLE:
        return None
    known = any(commit.position == mark.get("position") for commit in commits)
    return Parked(**mark) if known and mark.keys() == {"code", "detail", "position"} else None
