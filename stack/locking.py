"""The lock on a file: it ends when the file is closed, or with the process."""

import fcntl
from typing import IO


def try_lock(file: IO[str]) -> bool:
    """False when another process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
