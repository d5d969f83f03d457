"""After an election nobody is told less than before (PROTOCOL Q1)."""

import asyncio
from typing import Any, cast

from common.primary import Primary
from tests.support.elections import Elections


async def test_a_new_primary_is_asked_once_whether_it_knows_everything() -> None:
    members = Elections()
    primary = Primary(cast(Any, members))
    assert [await primary.steadily(members.read) for _ in range(3)] == [0, 0, 0]
    assert members.linearizable == 1
    members.acknowledge(5)
    members.elect()
    assert [await primary.steadily(members.read) for _ in range(3)] == [5, 5, 5]
    assert members.linearizable == 2


async def test_what_was_read_while_another_was_elected_is_read_again() -> None:
    members = Elections()
    primary = Primary(cast(Any, members))
    await primary.steadily(members.read)
    members.acknowledge(5)

    async def read_late() -> int:
        if members.elections == 1:
            members.elect()  # between our first look at the election and the read
        return await members.read()

    assert await primary.steadily(read_late) == 5


async def test_an_election_while_the_primary_is_asked_is_another_one_to_ask() -> None:
    members = Elections()
    primary = Primary(cast(Any, members))
    members.acknowledge(5)
    members.elect()
    members.elect_when_asked = 2
    assert await primary.steadily(members.read) == 5
    assert members.linearizable == 3


async def test_many_who_read_at_once_ask_once() -> None:
    members = Elections()
    primary = Primary(cast(Any, members))
    await asyncio.gather(*(primary.steadily(members.read) for _ in range(20)))
    assert members.linearizable == 1


async def test_where_there_are_no_elections_reads_go_through() -> None:
    """As through a mongos."""
    members = Elections(has_elections=False)
    primary = Primary(cast(Any, members))
    assert await primary.steadily(members.read) == 0
