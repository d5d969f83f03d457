"""Samples as MongoDB keeps them: one a slot, thinned as asked for, gone after a day."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from common.read_models.storage import SAMPLES
from monitor.history import MOST_POINTS, History, slot_of, step_for
from tests.support.real_log import a_database
from tests.unit.monitor.scenes import NOW, a_sample


@pytest.fixture
async def history(mongodb_url: str) -> AsyncIterator[History]:
    async with a_database(mongodb_url) as (client, name):
        made = History(client[name])
        await made.prepare()
        yield made


async def test_two_monitors_fill_a_slot_once(history: History) -> None:
    await history.add(a_sample(accepted=1.0, away=("saga",)))
    await history.add(a_sample(accepted=2.0))
    assert await history.last(NOW) == [a_sample(accepted=1.0, away=("saga",))]


async def test_one_point_has_the_mean_rates_and_the_worst_lags_of_its_step(history: History) -> None:
    for seconds, accepted, lag in ((0, 1.0, 5), (5, 3.0, 1), (10, None, None), (60, 7.0, 0)):
        await history.add(a_sample(seconds, accepted=accepted, relay_lag=lag))
    first, second = await history.between(NOW, NOW + timedelta(minutes=5), 60)
    assert (first["at"], first["accepted"], first["relay_lag"], first["parked"]) == (NOW, 2.0, 5, None)
    assert (second["at"], second["accepted"]) == (NOW + timedelta(seconds=60), 7.0)


async def test_what_a_later_version_writes_beside_is_left_out(mongodb_url: str) -> None:
    async with a_database(mongodb_url) as (client, name):
        await client[name][SAMPLES].insert_one({"_id": NOW, "at": NOW, "parked": 1, "unheard_of": 7})
        assert await History(client[name]).last(NOW) == [a_sample(parked=1)]


async def test_mongodb_forgets_what_is_a_day_old(mongodb_url: str) -> None:
    async with a_database(mongodb_url) as (client, name):
        await History(client[name]).prepare()
        indexes = await client[name][SAMPLES].index_information()
        assert [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index] == [86400]


def test_a_slot_begins_at_a_multiple_of_its_length() -> None:
    assert slot_of(NOW + timedelta(seconds=7.3), 5.0) == NOW + timedelta(seconds=5)
    assert slot_of(NOW + timedelta(seconds=0.7), 0.5) == NOW + timedelta(seconds=0.5)


def test_a_step_is_as_long_as_is_needed_for_the_most_points() -> None:
    assert step_for(NOW, NOW + timedelta(minutes=15), 5) == 5
    assert step_for(NOW, NOW + timedelta(hours=24), 5) * (MOST_POINTS - 1) >= 24 * 3600
    assert step_for(NOW, NOW - timedelta(hours=1), 7) == 7
