"""docs/tutorial.md does what it says: its files and changes are made to a copy of the project, and its commands run."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stack.sample import stock_sample
from tests.support.broker import Broker, virtual_host
from tests.support.pages import Block, Call, blocks_of, calls_in, is_as_shown
from tests.support.system import ROOT, System, running_system

PAGE = ROOT / "docs/tutorial.md"
BLOCKS = tuple(blocks_of(PAGE))
NEEDED = ("common", "command_service", "projector", "query_service", "gateway", "payments", "monitor", "stack", "tests")
COMMAND_SECONDS = 150.0
DEFAULT_GATEWAY = "http://localhost:8000"
NOT_RUN = (".venv/bin/cqrs ", "git ")  # the test starts services of its own; what a reader looks at is no matter here


def in_language(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def calls_to(program: str) -> list[Call]:
    return [call for block in in_language("console") for call in calls_in(block) if call.command.startswith(program)]


def changed() -> list[str]:
    return [line[6:] for block in in_language("diff") for line in block.text.splitlines() if line.startswith("+++ b/")]


async def printed_by(command: str, folder: Path) -> str:
    """What a shell prints in this folder, whose programs are its own."""
    shell = command.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    child = await asyncio.create_subprocess_shell(
        shell,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTEST_ADDOPTS": "-p no:randomly -p no:cacheprovider"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(COMMAND_SECONDS):
        printed, _ = await child.communicate()
    return printed.decode()


async def patch(folder: Path, changes: str) -> None:
    """As `git apply` does it, which wants the lines to be where the page says, or near."""
    child = await asyncio.create_subprocess_exec(
        "git", "apply", "-", cwd=folder, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, said = await child.communicate(changes.encode())
    assert child.returncode == 0, said.decode()


@pytest.fixture(scope="module")
async def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with everything in it that the page has its reader write."""
    folder = tmp_path_factory.mktemp("tutorial")
    for name in NEEDED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for block in in_language("python", "json"):
        assert block.file, f"the line above says which file this is: {block.name}"
        assert not (folder / block.file).exists()
        (folder / block.file).write_text(block.text)
    for block in in_language("diff"):
        await patch(folder, block.text)
    return folder


@pytest.fixture(scope="module")
async def rated(
    copy: Path, mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """A system of that copy, with its first product."""
    async with virtual_host(rabbitmq) as host:
        folder = tmp_path_factory.mktemp("logs")
        async with running_system(mongodb_url, host.url, folder, home=copy) as system:
            assert await stock_sample(system.gateway) is None
            await system.settled()
            yield system


async def test_its_python_is_what_formatter_and_linter_want(copy: Path) -> None:
    touched = " ".join((*(block.file or "" for block in in_language("python")), *changed()))
    for command in (".venv/bin/ruff check", ".venv/bin/ruff format --check"):
        printed = await printed_by(f"{command} {touched} && echo fine", copy)
        assert printed.endswith("fine\n"), printed


async def test_its_tools_print_what_it_shows(copy: Path) -> None:
    for call in (*calls_to(".venv/bin/python"), *calls_to(".venv/bin/pytest")):
        printed = await printed_by(call.command, copy)
        assert is_as_shown(call.printed, printed), f"{call.command}\n{printed}"


async def test_its_requests_are_answered_as_it_shows(rated: System) -> None:
    """One after another: each sees what those before it have done."""
    calls = calls_to("curl")
    assert calls
    for call in calls:
        printed = await printed_by(call.command.replace(DEFAULT_GATEWAY, rated.gateway), rated.home)
        assert is_as_shown(call.printed, printed), f"{call.command}\n{printed}"


def test_nothing_of_it_is_left_out() -> None:
    """Each block is a file, a change, or commands that run here or stand in NOT_RUN."""
    run = {call.command for program in (".venv/bin/python", ".venv/bin/pytest", "curl") for call in calls_to(program)}
    for block in in_language("console"):
        assert all(call.command in run or call.command.startswith(NOT_RUN) for call in calls_in(block)), block.name
    for block in in_language("sh"):
        assert all(line.startswith(NOT_RUN) for line in block.text.splitlines()), block.name
    assert {block.language for block in BLOCKS} <= {"python", "json", "diff", "console", "sh"}
