"""What takes long is shown meanwhile: bars that are redrawn on a terminal, else a line now and then."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

REDRAW_SECONDS = 0.25
PLAIN_SECONDS = 5.0  # between two lines where there is no terminal


@asynccontextmanager
async def shown_by(show: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """While inside, this goes on."""
    drawing = asyncio.create_task(show)
    try:
        yield
    finally:
        drawing.cancel()
        await asyncio.wait((drawing,))


async def redraw(draw: Callable[[], None]) -> None:
    """Until cancelled; the end is drawn, too."""
    try:
        while True:
            draw()
            await asyncio.sleep(REDRAW_SECONDS)
    finally:
        draw()
