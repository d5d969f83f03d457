"""A stack that lives on when the shell closes: a child in its own session that reports once through a pipe."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from stack.errors import StackError, StartFailed
from stack.folder import DataFolder
from stack.plan import PROJECT
from stack.run import Ready, Wish


def start_detached(wish: Wish) -> Ready:
    """Return when the stack is ready; raise StartFailed with the child's own reason."""
    folder = DataFolder(wish.data)
    folder.create()
    read_end, write_end = os.pipe()
    with (folder.logs / "supervisor.log").open("w") as log:
        subprocess.Popen(
            _argv(wish, write_end),
            cwd=PROJECT,
            pass_fds=[write_end],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    os.close(write_end)
    with os.fdopen(read_end) as reports:
        report = reports.readline()
    if not report:
        raise StartFailed(f"the stack ended without a word; see {log.name}")
    answer = json.loads(report)
    if "refused" in answer:
        raise StartFailed(answer["refused"])
    return Ready(**answer)


@contextmanager
def report_to(descriptor: int) -> Iterator[Callable[[Ready], None]]:
    """The child's side: give the function that reports; a StackError before that is reported too."""
    with os.fdopen(descriptor, "w") as pipe:

        def report(ready: Ready) -> None:
            pipe.write(json.dumps(asdict(ready)) + "\n")
            pipe.close()

        try:
            yield report
        except (StackError, OSError) as error:
            if not pipe.closed:
                pipe.write(json.dumps({"refused": str(error)}) + "\n")
            raise


def _argv(wish: Wish, descriptor: int) -> list[str]:
    flags = ["--fresh"] * wish.is_fresh + ["--no-sample"] * (not wish.has_sample) + ["--auth"] * wish.has_auth
    return [sys.executable, "-m", "cli", "up", "--data", str(wish.data), "--report-fd", str(descriptor), *flags]
