"""A process for the supervisor that lives in memory: it dies and refuses when the test says so."""

import asyncio

from stack.errors import StartFailed


class ImaginedProcess:
    """`journal` is shared, so that a test can read the order in which several were started and stopped."""

    def __init__(self, name: str, journal: list[str], *, port: int = 1):
        self.name = name
        self.port = port
        self.pid: int | None = None
        self.refusals = 0  # so many starts will fail,
        self.refusal: type[StartFailed] = StartFailed  # with this
        self.starts = 0
        self.readiness = asyncio.Event()
        self.readiness.set()
        self._journal = journal
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        self.starts += 1
        self.pid = 1000 + self.starts
        self._end = asyncio.get_running_loop().create_future()
        self._journal.append(f"start {self.name}")

    async def wait_ready(self) -> None:
        await self.readiness.wait()
        if self.refusals:
            self.refusals -= 1
            self.die(3)
            raise self.refusal(f"{self.name} ended while starting")
        self._journal.append(f"ready {self.name}")

    async def stop(self) -> None:
        self._journal.append(f"stop {self.name}")
        self.die(0)

    async def kill(self) -> None:
        self.die(-9)

    async def exited(self) -> int:
        return await asyncio.shield(self._end)

    def die(self, code: int) -> None:
        self.pid = None
        if not self._end.done():
            self._end.set_result(code)
