"""Leases: what is not seen from outside."""

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from common.leases import Leases
from tests.support.real_log import a_database


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    async with a_database(mongodb_url) as (client, name):
        yield client[name]


async def test_what_is_held_is_held_on_while_a_slow_server_answers_the_rest(
    database: AsyncDatabase[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = Leases(database, group="group", parts=2, holder="somebody", seconds=60)
    assert not await leases.renew()
    leases._renewed_at = -math.inf  # its time has run out by its own clock
    assert leases.held == frozenset()
    count, held_then = leases._count_members, list[frozenset[int]]()

    async def slowly() -> int:
        held_then.append(leases.held)
        return await count()

    monkeypatch.setattr(leases, "_count_members", slowly)
    await leases.renew()
    assert held_then == [frozenset({0, 1})]
    assert leases.held == frozenset({0, 1})
