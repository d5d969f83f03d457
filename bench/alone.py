"""Runs a measurement in a process of its own, so that nothing of the bench shares its interpreter."""

import asyncio
import gc
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing.synchronize import Event
from typing import ParamSpec, TypeVar

import uvloop

P = ParamSpec("P")
T = TypeVar("T")

START_SECONDS = 20.0  # a fresh interpreter on a busy machine


async def alone(measure: Callable[P, Coroutine[None, None, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Await `measure(...)` under uvloop in a fresh process; arguments and answer travel pickled."""
    with _one_process() as pool:
        return await asyncio.wrap_future(pool.submit(_under_uvloop, measure, args, kwargs))


async def alone_in_threads(measure: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for a blocking `measure`, which may start threads."""
    with _one_process() as pool:
        return await asyncio.wrap_future(pool.submit(measure, *args, **kwargs))


@asynccontextmanager
async def beside(serve: Callable[..., Coroutine[None, None, None]], *args: object) -> AsyncIterator[None]:
    """Keep `serve(*args, ready, stop)` running in a process of its own; it sets `ready` and returns on `stop`."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=_serve_under_uvloop, args=(serve, args, ready, stop), daemon=True)
    process.start()
    try:
        if not await asyncio.to_thread(ready.wait, START_SECONDS):
            raise TimeoutError(f"{serve.__name__} was not ready after {START_SECONDS:.0f} s")
        yield
    finally:
        stop.set()
        await asyncio.to_thread(process.join, START_SECONDS)
        if process.is_alive():
            process.kill()


async def until_set(event: Event) -> None:
    """Await an event of another process."""
    await asyncio.to_thread(event.wait)


def _one_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))


def _under_uvloop(measure: Callable[..., Coroutine[None, None, T]], args: tuple[object, ...], kwargs: dict) -> T:
    gc.freeze()
    return uvloop.run(measure(*args, **kwargs))


def _serve_under_uvloop(
    serve: Callable[..., Awaitable[None]], args: tuple[object, ...], ready: Event, stop: Event
) -> None:
    uvloop.run(serve(*args, ready, stop))  # pyright: ignore[reportArgumentType]
