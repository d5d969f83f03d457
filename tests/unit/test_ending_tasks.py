"""Whoever ends tasks is patient: what they do last is done, also when the one who ends them is ended, too."""

import asyncio
import gc

import pytest

from common.tasks import CANCEL_AGAIN_SECONDS, end, together
from tests.support.virtual_time import virtually

virtual = virtually()
SLOW_SECONDS = 3 * CANCEL_AGAIN_SECONDS


@virtual
async def test_what_a_task_does_last_comes_after_what_it_has_ended() -> None:
    """As a feed: its partitions may be forgotten only when nobody serves them any more."""
    done: list[str] = []

    async def serve() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await insisting(SLOW_SECONDS)
            done.append("served")
            raise

    async def feed() -> None:
        try:
            await together(serve())
        finally:
            done.append("left")

    running = asyncio.create_task(feed())
    await asyncio.sleep(0.1)
    await end(running)
    assert done == ["served", "left"]


async def insisting(seconds: float) -> None:
    """As a library that swallows cancellations."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


async def test_what_fails_with_the_first_is_not_reported_as_overlooked() -> None:
    overlooked: list[object] = []
    loop = asyncio.get_running_loop()
    gc.collect()  # what other tests overlooked
    loop.set_exception_handler(lambda _, context: overlooked.append(context))
    lost = asyncio.Event()

    async def fail() -> None:
        await lost.wait()
        raise ConnectionError("the session was lost")

    loop.call_soon(lost.set)
    try:
        with pytest.raises(ConnectionError):
            await together(fail(), fail())
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert not overlooked
