"""Who asks the log for a command asks until there is an answer, or the command's deadline has passed (PROTOCOL L8)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from common.errors import Unavailable

RETRY_SECONDS = 0.05  # before the log is asked again when it could not be reached
T = TypeVar("T")


async def insist(attempt: Callable[[], Awaitable[T | None]], deadline: float) -> T:
    """Attempt again after Unavailable, and at once after None, until `deadline` on the loop's clock.

    Raises Unavailable then, also if a library has swallowed the cancellation.
    """
    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            while loop.time() < deadline:
                try:
                    if (answer := await attempt()) is not None:
                        return answer
                except Unavailable:
                    await asyncio.sleep(RETRY_SECONDS)
    raise Unavailable("The outcome is not known yet; send the command again with the same Idempotency-Key.")
