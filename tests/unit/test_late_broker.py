"""A broker that is late and not silent: what it brings is old, and its queues are left alone (PROTOCOL F6)."""

import asyncio
from random import Random

from common.feed import SILENCE_SECONDS
from tests.support.feeding import Consumers, in_memory
from tests.support.virtual_time import until, virtually

virtual = virtually("common.feed")


@virtual
async def test_F6_a_queue_that_brings_what_the_log_told_before_is_not_made_anew() -> None:
    """A relay that begins again far back sends such messages for minutes; deleting its queues would hold it up."""
    group = Consumers(random=Random(0), partitions=1, processes=1)
    with in_memory(group):
        await until(lambda: group.feeds[0].is_connected)
        first = group.append(0)
        group.publish(first)
        await until(group.is_caught_up)
        for _ in range(3 * int(SILENCE_SECONDS)):
            group.append(0)
            group.publish(first)
            await asyncio.sleep(1)
        assert group.broker.sessions == 1
        await group.end()
