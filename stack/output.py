"""What the processes say: on the terminal behind a coloured name, and in files of bounded size."""

import json
import logging
import re
from collections.abc import Callable
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rich.console import Console
from rich.text import Text

from stack.process import OnLine

FILE_BYTES = 5_000_000  # then it becomes NAME.log.1 and a new one is begun
NAME_WIDTH = 10
COLOURS = {
    "stack": "bold",
    "mongodb": "green",
    "rabbitmq": "yellow",
    "command": "cyan",
    "projector": "magenta",
    "query": "blue",
    "gateway": "bright_white",
    "payments": "bright_green",
    "monitor": "bright_blue",
}
RABBITMQ_TROUBLE = re.compile(r"^\S+ \S+ \[(error|critical|alert|emergency)\] <\S+> \S")  # not its further lines
MONGODB_TROUBLE = ("E", "F")  # its severities error and fatal

Shorten = Callable[[str], str | None]  # a line as the terminal shows it; None: only the file has it


class Output:
    """One place for every line; `console` None keeps the terminal quiet."""

    def __init__(self, logs: Path, console: Console | None):
        self._logs = logs
        self._console = console
        self._own = self.of("stack")

    def say(self, text: str) -> None:
        """A line of the supervisor itself."""
        self._own(f"{datetime.now():%H:%M:%S} {text}")

    def of(self, name: str, shorten: Shorten = lambda line: line) -> OnLine:
        """Where the lines of process `name` go."""
        file = _LogFile(self._logs / f"{name}.log", maxBytes=FILE_BYTES, backupCount=1, encoding="utf-8", delay=True)

        def write(line: str) -> None:
            file.emit(logging.makeLogRecord({"msg": line}))
            shown = shorten(line)
            if shown is not None:
                self._show(name, shown)

        return write

    def _show(self, name: str, line: str) -> None:
        if self._console:
            prefix = (f"{name:<{NAME_WIDTH}}", COLOURS.get(name, ""))
            self._console.print(Text.assemble(prefix, "│ ", line), soft_wrap=True)


def mongodb_trouble(line: str) -> str | None:
    """mongod writes JSON, most of it for its makers: the message and the attributes of an error."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if entry.get("s") not in MONGODB_TROUBLE:
        return None
    return f"{entry['msg']} {json.dumps(entry.get('attr', {}))}"


def rabbitmq_trouble(line: str) -> str | None:
    return line if RABBITMQ_TROUBLE.match(line) else None


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk loses the line; it must not end the stack."""
