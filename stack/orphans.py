"""Finding and ending what a stack that was killed has left behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

GONE_SECONDS = 10.0
POLL_SECONDS = 0.02
START_TIME_FIELD = 19  # of /proc/PID/stat behind the program's name: field 22 in proc(5)


def born(pid: int) -> str | None:
    """When the process started, as text to compare; None when there is none. A process id alone is used again."""
    if Path("/proc/self/stat").exists():
        return _born_by_proc(pid)
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def kill_orphans(children: Iterable[tuple[int, str]]) -> None:
    """SIGKILL the process groups of those that still live, and wait until they are gone."""
    for pid, birth in children:
        if born(pid) == birth:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            _wait_until_gone(pid, birth)


def _born_by_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else fields[START_TIME_FIELD - 1]


def _wait_until_gone(pid: int, birth: str) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while born(pid) == birth and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
