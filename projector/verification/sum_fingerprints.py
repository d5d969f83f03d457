"""All sums against what all documents add to them, in little memory: which of them may differ; pure.

Each number of a sum is what the documents add to it; so is the number times a weight, and so is the total of many such
products, whether it is taken of the sums or of what each document adds. The weight is a hash of the sum's id, its
partition and the number's name. One total for each of some thousand buckets of sums says where to look more closely;
that a sum differs and the total of its bucket does not has a chance of one in 2^60.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from common.read_models.shapes import Contribution, Summary, SummaryKey
from common.read_models.storage import summary_id

BUCKETS = 4_096
Buckets = frozenset[int]


def bucket_of(key_id: str) -> int:
    return hash(key_id) % BUCKETS


class Fingerprints:
    """Of the sums of these kinds; `stored` is how many of them say anything."""

    def __init__(self, kinds: Iterable[Summary]) -> None:
        self.stored = 0
        self._kinds = {kind.of: kind for kind in kinds}
        self._totals = [0] * BUCKETS  # of what documents add, less those of the sums
        self._odd = set[int]()  # buckets with a sum as nobody writes one
        self._added = 0

    def add(self, contribution: Contribution, partition: int) -> None:
        """What a document adds."""
        for key, numbers in contribution.items():
            key_id = summary_id(key, partition)
            weighed = [number * hash((key_id, partition, name)) for name, number in numbers.items()]
            self._totals[bucket_of(key_id)] += sum(weighed)
            self._added += 1

    def subtract(self, key_id: Any, told: Mapping[str, Any]) -> None:
        """A sum as it is stored: dotted name → value, without its id and zeros; nothing where all came back to zero."""
        if not told:
            return
        self.stored += 1
        kind, partition = self._kinds.get(told.get("of", "")), told.get("partition", 0)
        names = {"of", "partition", *kind.fields} if kind else set[str]()
        numbers = {name: value for name, value in told.items() if name not in names}
        if not (kind and key_id == _id_of(kind, told) and all(type(number) is int for number in numbers.values())):
            self._odd.add(bucket_of(key_id))
            return
        weighed = [number * hash((key_id, partition, name)) for name, number in numbers.items()]
        self._totals[bucket_of(key_id)] -= sum(weighed)

    def doubted(self, most: int) -> Iterator[Buckets]:
        """The buckets in which something differs, so many at a time that they have at most about `most` sums."""
        at_a_time = max(1, most * BUCKETS // max(self._added, self.stored, 1))
        buckets = sorted(self._odd.union(bucket for bucket, total in enumerate(self._totals) if total))
        for start in range(0, len(buckets), at_a_time):
            yield frozenset(buckets[start : start + at_a_time])


def _id_of(kind: Summary, told: Mapping[str, Any]) -> str:
    """The id that a sum of these names has; partition 0, like every zero, is left out of what is told."""
    return summary_id(SummaryKey(kind, tuple(told.get(field, 0) for field in kind.fields)), told.get("partition", 0))
