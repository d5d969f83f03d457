"""What the nursery starts is as what an operator starts, and leaves nothing behind."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from stack.ports import LOOPBACK
from stack.process import Program, spawn
from tests.support.nursery import bear, can_bear, run
from tests.support.system import ROOT, System, until

DEADLINE_SECONDS = 20.0
WORKER = """\
import asyncio, os, pathlib
from tests.support.nursery import bear
child = asyncio.run(bear("payments", env=dict(os.environ), cwd=pathlib.Path.cwd(), on_line=print))
print("child", child.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@asynccontextmanager
async def started(folder: Path, *, truly: bool = False) -> AsyncIterator[tuple[System, Program]]:
    system = System("", "", folder)
    system.has_true_starts = truly
    await system.start("payments")
    try:
        yield system, system._programs["payments"]
    finally:
        await system.stop()


async def test_a_start_has_its_own_session_environment_and_output(tmp_path_factory: pytest.TempPathFactory) -> None:
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    async with started(folders[0]) as (one, its), started(folders[1]) as (other, others):
        assert os.getsid(its.pid) == its.pid
        assert os.getsid(others.pid) == others.pid
        assert one.url("payments") != other.url("payments")
        for system in (one, other):
            assert f"port={system.port('payments')}" in (system.folder / "payments.log").read_text()


@pytest.mark.parametrize(
    ("end", "code"), [(System.end, 0), (System.kill, -signal.SIGKILL)], ids=["asked to end", "killed"]
)
async def test_how_a_start_ended_is_known(
    end: Callable[[System, str], Awaitable[None]], code: int, tmp_path: Path
) -> None:
    async with started(tmp_path) as (system, program):
        assert program.exit_code is None
        await end(system, "payments")
        assert program.exit_code == code
        assert system.fallen == ["payments"]


async def test_a_refusal_is_told_as_by_a_true_start() -> None:
    env = {**os.environ, "PAYMENTS_PORT": "none"}
    told: list[tuple[int, list[str]]] = []
    for true in (True, False):
        lines: list[str] = []
        if true:
            program = await spawn([sys.executable, "-m", "payments"], env=env, cwd=ROOT, on_line=lines.append)
        else:
            program = await bear("payments", env=env, cwd=ROOT, on_line=lines.append)
        told.append((await program.exited(), lines))
    assert told[0] == told[1]
    assert told[0][0] == 1


@pytest.mark.parametrize("words", [("--version",), ("status",), ("sagas", "--help"), ("nonsense",), ()], ids=" ".join)
def test_a_command_says_what_a_true_one_says(words: tuple[str, ...], tmp_path: Path) -> None:
    env = {**os.environ, "CQRS_DATA": str(tmp_path), "COLUMNS": "100"}
    argv = [sys.executable, "-m", "cli", *words]
    true = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    done = run("cli", *words, env=env, cwd=ROOT, timeout_seconds=DEADLINE_SECONDS)
    assert (done.returncode, done.stdout, done.stderr) == (true.returncode, true.stdout, true.stderr)


async def test_a_command_that_does_not_end_in_time_is_killed() -> None:
    """It looks for a gateway at a door that opens, behind which nobody answers."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        words = ("events", "tail", "--gateway", f"http://{LOOPBACK}:{silent.getsockname()[1]}")
        with pytest.raises(TimeoutError, match="did not end") as caught:
            run("cli", *words, env=os.environ, cwd=ROOT, timeout_seconds=1)
    await until_gone(re.findall(r"\d+", str(caught.value))[0])


async def test_a_start_has_the_metrics_of_a_true_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    names: list[set[str]] = []
    for truly in (True, False):
        async with (
            started(tmp_path_factory.mktemp("one"), truly=truly) as (system, _),
            aiohttp.ClientSession() as http,
            http.get(system.url("payments") + "/metrics") as answer,
        ):
            names.append(set(re.findall(r"^# TYPE (\w+)", await answer.text(), flags=re.MULTILINE)))
    assert names[0] == names[1] != set()


async def test_starts_end_with_whoever_asked_for_them() -> None:
    said: list[str] = []
    worker = await spawn([sys.executable, "-c", WORKER], cwd=ROOT, on_line=said.append)
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await worker.exited() == -signal.SIGKILL
    [line] = [line for line in said if line.startswith("child ")]

    await until_gone(line.split()[1])


async def until_gone(pid: str) -> None:
    async def is_gone() -> bool:
        return not Path("/proc", pid).exists()  # noqa: ASYNC240 - it does not wait for a disk

    await until(is_gone, seconds=DEADLINE_SECONDS, what=f"process {pid} is gone")


def test_what_is_read_only_at_the_start_takes_a_true_one() -> None:
    assert can_bear({**os.environ, "LEASE_SECONDS": "1"})
    assert not can_bear({**os.environ, "LD_PRELOAD": "libfaketime.so"})
