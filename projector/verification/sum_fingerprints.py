"""All sums against what all documents add to them, in little memory: which of them may differ; pure.

Each number of a sum is what the documents add to it; so is the number times a weight, and so is the total of many such
products, whether it is taken of the sums or of what each document adds. The weight is the hash of a text that names the
number: the kind, the key, the partition, the name. Python keys it anew in every process. One total for each of some
thousand buckets of sums says where to look more closely: sums that differ pass for right only where the products of all
that differs in a bucket happen to be nothing together, which for weights of 61 bits is as good as never.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from common.read_models.shapes import Contribution, Summary, SummaryKey
from common.read_models.storage import summary_id

BUCKETS = 4_096
COUNTED = 16  # buckets of which the ids are kept, to say how many sums there are in all
Buckets = frozenset[int]


def bucket_of(key_id: Any) -> int:
    """Of a sum of this id; somebody may have stored one under an id that is no text."""
    return hash(key_id if isinstance(key_id, str) else repr(key_id)) % BUCKETS


class Fingerprints:
    """Of the sums of these kinds; `stored` is how many of them say anything."""

    def __init__(self, kinds: Iterable[Summary]) -> None:
        self.stored = 0
        self._kinds = {kind.of: kind for kind in kinds}
        self._totals = [0] * BUCKETS  # of what documents add, less those of the sums
        self._odd = set[int]()  # buckets with a sum as nobody writes one
        self._some_ids = set[str]()

    def add(self, contribution: Contribution, partition: Any) -> None:
        """What a document adds."""
        for key, numbers in contribution.items():
            bucket = self._bucket_of(summary_id(key, partition))
            self._totals[bucket] += _weighed(key, partition, numbers)

    def subtract(self, key_id: Any, told: Mapping[str, Any]) -> None:
        """A sum as it is stored: dotted name → value, without its id and zeros; nothing where all came back to zero."""
        if not told:
            return
        self.stored += 1
        bucket = self._bucket_of(key_id)
        of, partition = told.get("of"), told.get("partition", 0)
        kind = self._kinds.get(of) if isinstance(of, str) else None
        if kind is None:
            self._odd.add(bucket)
            return
        key = SummaryKey(kind, tuple(told.get(field, 0) for field in kind.fields))
        numbers = {name: value for name, value in told.items() if name not in {"of", "partition", *kind.fields}}
        if key_id != summary_id(key, partition) or not all(map(_is_whole, numbers.values())):
            self._odd.add(bucket)
            return
        self._totals[bucket] -= _weighed(key, partition, numbers)

    def doubted(self, most: int) -> Iterator[Buckets]:
        """The buckets in which something differs, so many at a time that they have about `most` sums."""
        sums = len(self._some_ids) * BUCKETS // COUNTED
        at_a_time = max(1, most * BUCKETS // max(sums, 1))
        buckets = sorted(self._odd.union(bucket for bucket, total in enumerate(self._totals) if total))
        for start in range(0, len(buckets), at_a_time):
            yield frozenset(buckets[start : start + at_a_time])

    def _bucket_of(self, key_id: Any) -> int:
        bucket = bucket_of(key_id)
        if bucket < COUNTED:
            self._some_ids.add(str(key_id))
        return bucket


def _weighed(key: SummaryKey, partition: Any, numbers: Mapping[str, int]) -> int:
    """Parts as they are typed: an id as text is not the number that it looks like."""
    named = f"{key.summary.of} {key.parts!r} {partition!r} "
    return sum([number * hash(named + name) for name, number in numbers.items()])


def _is_whole(value: Any) -> bool:
    """Of whatever size MongoDB keeps it in."""
    return isinstance(value, int) and not isinstance(value, bool)
