"""An event loop whose clock jumps: hours of pauses and time-outs pass in milliseconds, the same way every time."""

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar
from unittest.mock import patch

T = TypeVar("T")
P = ParamSpec("P")


class _NoIo:
    """A selector that never waits: nothing here comes from outside."""

    def select(self, _timeout: float | None) -> tuple[()]:
        return ()


class Stalled(AssertionError):
    """Everybody waits for somebody, and no timer is left that could end it."""


class VirtualLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._now = 1_000.0
        self._selector = _NoIo()

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            timers = [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
            if not timers:
                raise Stalled("nothing can ever happen again")
            self._now = max(self._now, min(timer.when() for timer in timers))
        super()._run_once()  # type: ignore[misc]

    def _process_events(self, _events: object) -> None: ...

    def _write_to_self(self) -> None: ...


def run_virtually(main: Coroutine[Any, Any, T], *modules: str) -> T:
    """Run to the end on a loop of its own; `modules` take their `time` from it too."""
    loop = VirtualLoop()
    with _clocks(loop, modules), contextlib.closing(loop):
        try:
            return loop.run_until_complete(main)
        finally:
            _cancel_all(loop)


def virtually(*modules: str) -> Callable[[Callable[P, Coroutine[Any, Any, None]]], Callable[P, None]]:
    """Make a test run so."""

    def decorate(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
        @functools.wraps(test)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            run_virtually(test(*args, **kwargs), *modules)

        return run

    return decorate


async def until(fact: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Wait for a fact; TimeoutError if it does not come about in so much virtual time."""
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110 - the facts of a test have no events
            await asyncio.sleep(0.0001)


@contextlib.contextmanager
def _clocks(loop: VirtualLoop, modules: tuple[str, ...]) -> Iterator[None]:
    clock = SimpleNamespace(monotonic=loop.time, time=loop.time, perf_counter=time.perf_counter)
    with contextlib.ExitStack() as patches:
        for module in modules:
            patches.enter_context(patch(f"{module}.time", clock))
        yield


def _cancel_all(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
