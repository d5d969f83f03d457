"""The pauses between two attempts, in virtual time."""

import asyncio

from common.tasks import BackOff
from tests.support.virtual_time import virtually


async def seconds_of(back_off: BackOff) -> float:
    began = asyncio.get_running_loop().time()
    await back_off.pause()
    return round(asyncio.get_running_loop().time() - began, 3)


@virtually()
async def test_pauses_double_up_to_the_longest() -> None:
    back_off = BackOff()
    assert [await seconds_of(back_off) for _ in range(7)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


@virtually()
async def test_after_a_reset_the_first_pause_comes_again() -> None:
    back_off = BackOff(0.05)
    assert [await seconds_of(back_off) for _ in range(2)] == [0.05, 0.1]
    back_off.reset()
    assert await seconds_of(back_off) == 0.05
