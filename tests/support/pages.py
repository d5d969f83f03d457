"""What the pages of the documentation show: their blocks of code, their commands, and what these print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.system import ROOT

PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(r"`([\w/.]+\.\w+)`[^\n`]*:\n\n$")
_PROMPT = "$ "
_CHANGING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # ids
    r"|\b[0-9a-f]{32}\b"  # traces
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"  # instants
    r'|(?<="token":")[\w-]+'
)


@dataclass(frozen=True, slots=True)
class Block:
    """`file` is the file that the line above the block names, None where it names none."""

    page: Path
    language: str
    text: str
    file: str | None

    @property
    def name(self) -> str:
        """`README.md: docker compose up`."""
        return f"{self.page.relative_to(ROOT).as_posix()}: {self.text.partition(chr(10))[0].strip()}"


@dataclass(frozen=True, slots=True)
class Call:
    """A command, and what the page shows that it prints."""

    command: str
    printed: str


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in _FENCE.finditer(text):
        named = _NAMED.search(text, 0, found.start())
        yield Block(page, found[1], found[2], named[1] if named else None)


def calls_in(block: Block) -> list[Call]:
    """Of a `console` block: each line behind a prompt, with those it goes on in, and what follows it."""
    calls: list[Call] = []
    for told in ("\n" + block.text).split("\n" + _PROMPT)[1:]:
        lines = told.splitlines()
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
        calls.append(Call("\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :]).strip()))
    return calls


def is_as_shown(shown: str, printed: str) -> bool:
    """Whether it is what the page shows; ids, instants and tokens may differ, `…` stands for anything."""
    parts = (re.escape(_settled(part)) for part in shown.split("…"))
    return re.fullmatch(".*".join(parts), _settled(printed), re.DOTALL) is not None


def _settled(text: str) -> str:
    return re.sub(r"\s+", "", _CHANGING.sub("_", text))
