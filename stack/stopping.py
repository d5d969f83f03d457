"""Ending a stack from outside."""

import contextlib
import os
import signal
import time
from pathlib import Path

from stack.control import remove_socket
from stack.errors import StackError
from stack.folder import DataFolder, StackState
from stack.orphans import kill_orphans

STOP_SECONDS = 90.0
POLL_SECONDS = 0.05


def stop_stack(folder: DataFolder) -> bool:
    """Stop the stack on this folder and wait for its end; also what a crashed one left. False when there was none."""
    state = folder.last_state()
    if state is None:
        return False
    if not state.is_alive():
        clean_up_after_crash(folder)
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(state.supervisor_pid, signal.SIGTERM)
    _wait_for_end(state)
    return True


def clean_up_after_crash(folder: DataFolder) -> None:
    """Only when no stack runs on it: whatever the last one recorded is nobody's then."""
    state = folder.last_state()
    if state:
        kill_orphans(state.children)
        remove_socket(Path(state.control_socket))
        folder.forget_state()


def _wait_for_end(state: StackState) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while state.is_alive():
        if time.monotonic() > deadline:
            raise StackError(f"the stack (process {state.supervisor_pid}) has not stopped within {STOP_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
