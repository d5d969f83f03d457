"""The process that has imported a program's modules; each start of the program is a child of it (see nursery.py)."""

import ast
import gc
import importlib
import importlib.util
import json
import os
import runpy
import selectors
import socket
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from stack.process import die_with_parent

LONGEST_REQUEST_BYTES = 1024 * 1024  # an environment
STANDARD_STREAMS = (0, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    environment: dict[str, str]
    folder: str
    words: list[str]  # its arguments
    output: int
    errors: int
    answers: int  # the child writes its id there, later its parent the exit code


@dataclass(frozen=True, slots=True)
class Child:
    pid: int
    process: int  # a descriptor that is readable when it has ended
    answers: int


def main(module: str, *imported_later: str) -> None:
    exec(_imports_of(module), {})
    for name in imported_later:
        importlib.import_module(name)
    gc.freeze()  # the children share these pages
    if birth := _wait_for_births():
        _begin(birth)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _imports_of(module: str) -> CodeType:
    """Not the module itself: its metrics are made once, and by the child."""
    spec = importlib.util.find_spec(module)
    if spec and spec.submodule_search_locations:
        spec = importlib.util.find_spec(f"{module}.__main__")
    assert spec
    assert spec.origin
    lines = ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body
    imports = [line for line in lines if isinstance(line, ast.Import | ast.ImportFrom)]
    return compile(ast.Module(imports, []), spec.origin, "exec")


def _wait_for_births() -> Birth | None:
    """Return in each child what it was told; in the parent None, when whoever asks for children is gone."""
    dies_with_us = die_with_parent(os.getpid())
    assert dies_with_us
    with ExitStack() as ours:
        requests = ours.enter_context(socket.socket(fileno=os.dup(0)))
        watched = ours.enter_context(selectors.PollSelector())
        watched.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in watched.select():
                if key.data:
                    watched.unregister(key.fd)
                    _tell_the_end(key.data)
                elif not (birth := _receive(requests)):
                    return None
                elif pid := os.fork():
                    os.close(birth.output)
                    os.close(birth.errors)
                    child = Child(pid, os.pidfd_open(pid), birth.answers)
                    watched.register(child.process, selectors.EVENT_READ, child)
                else:
                    dies_with_us()
                    _forget_siblings(watched)
                    return birth


def _receive(requests: socket.socket) -> Birth | None:
    request, descriptors, _, _ = socket.recv_fds(requests, LONGEST_REQUEST_BYTES, 3)
    if not request:
        return None
    output, errors, answers = descriptors
    return Birth(**json.loads(request), output=output, errors=errors, answers=answers)


def _tell_the_end(child: Child) -> None:
    _, status = os.waitpid(child.pid, 0)
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(child.answers, b"%d\n" % os.waitstatus_to_exitcode(status))
    os.close(child.answers)
    os.close(child.process)


def _forget_siblings(watched: selectors.BaseSelector) -> None:
    """Who holds their descriptors keeps their ends from being seen."""
    for key in watched.get_map().values():
        if key.data:
            os.close(key.data.answers)
            os.close(key.data.process)


def _begin(birth: Birth) -> None:
    """Be as a process that was started anew, in a session of its own."""
    os.setsid()
    os.chdir(birth.folder)
    os.environ.clear()
    os.environ.update(birth.environment)
    sys.argv = [sys.argv[0], *birth.words]
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream, here in zip(STANDARD_STREAMS, (nothing, birth.output, birth.errors), strict=True):
        os.dup2(here, stream)
        os.close(here)
    os.write(birth.answers, b"%d\n" % os.getpid())
    os.close(birth.answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
