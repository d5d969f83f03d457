"""Calling the `cqrs` command as a user does, and looking at what it has started."""

import asyncio
import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.status import read_status
from stack.asking import ask_processes
from stack.folder import DataFolder
from tests.support.nursery import run

PROJECT = Path(__file__).resolve().parent.parent.parent
COMMAND_SECONDS = 150.0
LISTENING = "0A"  # the state's code in /proc/net/tcp
SOCKET_LINK = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cqrs:
    """The command on one data folder; `env` is added to ours. Its imports are done once for all calls."""

    data: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"CQRS_DATA": str(self.data), "COLUMNS": "200"} | self.env
        return run("cli", *words, env=env, cwd=PROJECT, timeout_seconds=COMMAND_SECONDS)

    def does(self, *words: str) -> str:
        """What it prints; fails the test when it refuses."""
        done = self(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refuses(self, *words: str) -> str:
        """The sentence with which it says no: one line, no traceback."""
        done = self(*words)
        assert done.returncode != 0, done.stdout
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def status(self) -> dict[str, Any]:
        """What the command would show; a second sooner than it."""
        return asyncio.run(read_status(DataFolder(self.data).running_state()))

    def process(self, name: str) -> dict[str, Any]:
        """What the stack itself says of it, without the command's detour."""
        rows = asyncio.run(ask_processes(DataFolder(self.data).running_state()))
        return next(row for row in rows if row["name"] == name)

    def is_ready_again(self, name: str, former_pid: int) -> bool:
        row = self.process(name)
        return row["state"] == "ready" and row["pid"] != former_pid

    def supervisor_pid(self) -> int:
        return json.loads((self.data / "state.json").read_text())["supervisor_pid"]


def until(fact: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def get(url: str) -> object:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def process_tree(pid: int) -> set[int]:
    """The process and all it has started, by /proc."""
    parents = {child: parent for child, parent in _parents() if parent}
    tree = {pid}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree


def listening_addresses(pids: set[int]) -> set[str]:
    """The local addresses, in the kernel's hexadecimal form, on which these processes accept connections."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    lines = [line.split() for table in ("tcp", "tcp6") for line in _net_table(table)]
    return {words[1].split(":")[0] for words in lines if words[3] == LISTENING and words[9] in inodes}


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            yield int(stat.parent.name), int(fields[1])


def _sockets(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            match = SOCKET_LINK.fullmatch(str(link.readlink()))
        except (FileNotFoundError, ProcessLookupError):
            continue
        if match:
            yield match[1]


def _net_table(name: str) -> list[str]:
    return Path(f"/proc/net/{name}").read_text().splitlines()[1:]
