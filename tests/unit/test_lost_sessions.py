"""A session that is lost while it is closed or confirmed is lost, and nobody who waits for it ends of it."""

import asyncio

import pytest

from common.broker import hang_up, is_routed
from common.errors import Unavailable


class Lost:
    """As the library does it: what it waited for was cancelled, and so is whoever waits."""

    async def close(self) -> None:
        raise asyncio.CancelledError


class Silent:
    async def close(self) -> None:
        await asyncio.sleep(3600)


async def test_closing_what_is_lost_ends_nobody() -> None:
    await hang_up(Lost())  # type: ignore[arg-type]


async def test_a_confirmation_that_was_cancelled_is_none() -> None:
    confirmation: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    confirmation.cancel()
    with pytest.raises(Unavailable):
        await is_routed(confirmation)


async def test_who_is_cancelled_ends() -> None:
    closing = asyncio.create_task(hang_up(Silent()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
