"""Small disks in memory for the servers' data, so that a full disk can be had; only root may mount them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZES_MEGABYTES = {"mongodb": 1500, "rabbitmq": 700}
BALLAST = "ballast"


def may_mount() -> bool:
    return os.geteuid() == 0


@contextmanager
def small_disks(folder: Path) -> Iterator[None]:
    mounted: list[Path] = []
    try:
        for name, megabytes in SIZES_MEGABYTES.items():
            disk = folder / name
            disk.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk], check=True)
            mounted.append(disk)
        yield
    finally:
        for disk in mounted:
            subprocess.run(["umount", "--lazy", disk], check=False)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """While inside, nothing more fits on it."""
    ballast = disk / BALLAST
    try:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize)
        yield
    finally:
        ballast.unlink(missing_ok=True)
