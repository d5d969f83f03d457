"""Sums and what documents add to them are weighed against each other: whatever differs is doubted, nothing else is."""

import itertools
import random
from collections.abc import Mapping
from typing import Any

import pytest
from bson import Int64

from common.read_models.shapes import Contribution, Summary, SummaryKey
from common.read_models.storage import summary_id
from projector.verification.sum_fingerprints import BUCKETS, Fingerprints, bucket_of

USERS = Summary(of="users", fields=("user_id",))
DAYS = Summary(of="days", fields=("day",), is_shared=True)
PARTITIONS = range(4)
MANY = 500
Told = dict[str, dict[str, Any]]


def contributions(chance: random.Random) -> list[tuple[Contribution, int]]:
    """Of documents of some users, on some days."""
    made: list[tuple[Contribution, int]] = []
    for _ in range(MANY):
        user_id, paid = chance.randrange(1, 60), chance.randrange(0, 3)
        numbers = {"total_orders": 1, "spent.EUR": paid}
        user, day = SummaryKey(USERS, (user_id,)), SummaryKey(DAYS, (f"2026-01-0{chance.randrange(1, 8)}",))
        made.append(({user: numbers, day: {"statuses.PAID": 1}}, user_id % len(PARTITIONS)))
    return made


def sums_of(added: list[tuple[Contribution, int]]) -> Told:
    """As they are told of what is stored: no zeros."""
    sums: Told = {}
    for contribution, partition in added:
        for key, numbers in contribution.items():
            names = dict(zip(key.summary.fields, key.parts, strict=True)) | {"of": key.summary.of}
            total = sums.setdefault(summary_id(key, partition), names | {"partition": partition})
            for name, number in numbers.items():
                total[name] = total.get(name, 0) + number
    return {key: {name: value for name, value in total.items() if value != 0} for key, total in sums.items()}


def doubted(added: list[tuple[Contribution, int]], stored: Mapping[Any, dict[str, Any]], most: int = MANY) -> set[int]:
    fingerprints = Fingerprints((USERS, DAYS))
    for contribution, partition in added:
        fingerprints.add(contribution, partition)
    for key, told in stored.items():
        fingerprints.subtract(key, told)
    return {bucket for buckets in fingerprints.doubted(most) for bucket in buckets}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_right_is_not_doubted_in_whatever_order_it_comes(seed: int) -> None:
    chance = random.Random(seed)
    added = contributions(chance)
    stored = list(sums_of(added).items())
    chance.shuffle(added)
    chance.shuffle(stored)
    assert doubted(added, dict(stored)) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"total_orders": 10**6},
        {"total_orders": None},
        {"total_orders": "7"},
        {"total_orders": 7.0},
        {"total_items": 1},
        {"statuses.PAID": 1},
        {"spent.USD": 5},
        {"note": "tampered"},
        {"partition": 9},
        {"user_id": 7_000},
        {"user_id": "as text"},
        {"partition": [3]},
        {"of": ["users"]},
        {"of": "days"},
        {"of": "nothing"},
        {"of": None},
    ],
    ids=str,
)
def test_a_sum_that_differs_is_doubted(changes: dict[str, Any]) -> None:
    added = contributions(random.Random(7))
    stored = sums_of(added)
    key = next(key for key, told in stored.items() if told["of"] == "users")
    if changes.get("user_id") == "as text":
        changes = {"user_id": str(stored[key]["user_id"])}
    told = stored[key] | changes
    stored[key] = {name: value for name, value in told.items() if value is not None}
    assert doubted(added, stored) == {bucket_of(key)}


def test_two_that_were_exchanged_are_doubted() -> None:
    added = contributions(random.Random(8))
    stored = sums_of(added)
    one, other = [key for key, told in stored.items() if told["of"] == "users"][:2]
    numbers = {key: (stored[key]["total_orders"], stored[key].get("spent.EUR", 0)) for key in (one, other)}
    assert numbers[one] != numbers[other]
    for key, from_key in ((one, other), (other, one)):
        orders, spent = numbers[from_key]
        stored[key] = stored[key] | {"total_orders": orders, "spent.EUR": spent}
    assert doubted(added, stored) == {bucket_of(one), bucket_of(other)}


def test_one_that_is_missing_and_one_too_many_are_doubted_and_one_that_says_nothing_is_not() -> None:
    added = contributions(random.Random(9))
    stored: dict[Any, dict[str, Any]] = dict(sums_of(added))
    missing = next(iter(stored))
    del stored[missing]
    stored["users/9999"] = {"of": "users", "user_id": 9999, "partition": 3, "total_orders": 1}
    stored[12] = {"of": "users", "user_id": 12, "partition": 3, "total_orders": 1}
    stored["users/8888"] = {}
    assert doubted(added, stored) == {bucket_of(missing), bucket_of("users/9999"), bucket_of(12)}


def test_a_number_is_right_in_whatever_size_it_is_stored() -> None:
    added = contributions(random.Random(10))
    stored = sums_of(added)
    for told in stored.values():
        told.update({name: Int64(value) for name, value in told.items() if isinstance(value, int)})
    assert doubted(added, stored) == set()


def test_moves_of_two_sums_in_one_bucket_that_make_up_for_each_other_are_doubted() -> None:
    """As when what one order changed was told of another user: the same numbers, with the opposite sign."""
    keys = [key for key in range(40 * BUCKETS) if bucket_of(f"users/{key}") == 0]
    pairs = itertools.combinations(keys, 2)
    moves: Mapping[str, int] = {"statuses.PAID": 1, "statuses.PENDING": -1}
    for one, other in pairs:
        fingerprints = Fingerprints((USERS,))
        for user_id, sign in ((one, 1), (other, -1)):
            fingerprints.add({SummaryKey(USERS, (user_id,)): {name: sign * by for name, by in moves.items()}}, 0)
        assert list(fingerprints.doubted(MANY)) == [{0}]


def test_only_so_many_are_looked_at_together_as_fit_into_memory() -> None:
    fingerprints = Fingerprints((USERS,))
    for user_id in range(20_000):
        fingerprints.add({SummaryKey(USERS, (user_id,)): {"total_orders": 1}}, 0)
    groups = list(fingerprints.doubted(1_000))
    about = 1_000 * BUCKETS / 20_000
    assert all(about / 2 < len(group) < about * 2 for group in groups[:-1])
    assert len({bucket for group in groups for bucket in group}) == sum(map(len, groups)) > BUCKETS * 0.9
