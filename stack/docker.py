"""Servers as containers, for machines where they can neither be found nor installed.

The client `docker run` is our child. When we are killed the container outlives it, until the next start of the same
stack removes it by its name.
"""

import asyncio
import contextlib
import hashlib
import os
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.ports import LOOPBACK
from stack.process import OnLine, Program, spawn

CLIENT_SECONDS = 30.0
PULL_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Image:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a container is run; `volume` is where it sees our `data`, `ports` are ours by its own."""

    image: Image
    data: Path
    volume: str
    ports: Mapping[int, int]
    env: Mapping[str, str]
    command: Sequence[str] = ()

    @property
    def container_name(self) -> str:
        """The same for every run on the same data."""
        return f"leveret-{hashlib.sha256(str(self.data).encode()).hexdigest()[:12]}"


class Container:
    """One run of one container; it has the face of a `Program`."""

    def __init__(self, name: str, client: Program):
        self._name = name
        self._client = client

    @property
    def pid(self) -> int:
        return self._client.pid

    @property
    def exit_code(self) -> int | None:
        return self._client.exit_code

    @property
    def last_lines(self) -> deque[str]:
        return self._client.last_lines

    async def exited(self) -> int:
        return await self._client.exited()

    async def stop(self, *, timeout_seconds: float) -> None:
        await _docker("stop", "--time", str(int(timeout_seconds)), self._name)
        await self.kill()

    async def kill(self) -> None:
        await _docker("rm", "--force", "--volumes", self._name)
        await self._client.kill()


async def spawn_container(recipe: Recipe, on_line: OnLine) -> Container:
    """Start it, published on loopback only, as the user we are; what an earlier run left is removed first."""
    await _docker("rm", "--force", "--volumes", recipe.container_name)
    argv = ["docker", "run", "--rm", "--name", recipe.container_name, "--hostname", "leveret"]
    argv += ["--user", f"{os.getuid()}:{os.getgid()}"]
    argv += ["--mount", f"type=bind,source={recipe.data},target={recipe.volume}"]
    argv += [word for ours, its in recipe.ports.items() for word in ("--publish", f"{LOOPBACK}:{ours}:{its}")]
    argv += [word for key, value in recipe.env.items() for word in ("--env", f"{key}={value}")]
    client = await spawn([*argv, recipe.image.name, *recipe.command], on_line=on_line)
    return Container(recipe.container_name, client)


def is_usable() -> bool:
    """True when there is a Docker engine that we may use."""
    return _succeeds(["docker", "info"], CLIENT_SECONDS)


def has_image(image: Image) -> bool:
    return _succeeds(["docker", "image", "inspect", image.name], CLIENT_SECONDS)


def pull(image: Image) -> bool:
    """Download it; False when that fails."""
    return _succeeds(["docker", "pull", "--quiet", image.name], PULL_SECONDS)


def _succeeds(argv: list[str], timeout_seconds: float) -> bool:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


async def _docker(*words: str) -> None:
    """Run the client and wait; its failure (mostly: no such container) is no news."""
    client = await spawn(["docker", *words])
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(client.exited(), CLIENT_SECONDS)
    await client.kill()
