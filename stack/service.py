"""One of the project's own services as a process of the stack."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from stack.ports import LOOPBACK
from stack.process import OnLine, Program, spawn, until_ready

READY_SECONDS = 60.0
PROBE_SECONDS = 2.0
STOP_SECONDS = 15.0  # it finishes what it has accepted


class Service:
    """Runs `argv`, which answers `GET /readyz` with 200 on `port` when it is ready."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        port: int,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_line: OnLine = lambda _line: None,
    ):
        self.name = name
        self.port = port
        self._argv = argv
        self._env = env
        self._cwd = cwd
        self._on_line = on_line
        self._program: Program | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._program.pid if self._program and self._program.exit_code is None else None

    async def start(self) -> None:
        self._program = await spawn(self._argv, env=self._env, cwd=self._cwd, on_line=self._on_line)

    async def wait_ready(self) -> None:
        """Raise StartFailed when it ends or keeps silent."""
        await until_ready(self.name, self._started(), self._answers, timeout_seconds=READY_SECONDS)

    async def stop(self) -> None:
        if self._program:
            await self._program.stop(timeout_seconds=STOP_SECONDS)

    async def kill(self) -> None:
        if self._program:
            await self._program.kill()

    async def exited(self) -> int:
        return await self._started().exited()

    def _started(self) -> Program:
        assert self._program is not None, "start() comes first"
        return self._program

    async def _answers(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
        with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        return False
