"""The lines of a text file, plain or gzip, numbered, however long or damaged the file is."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.errors import ImportFailed

LONGEST_LINE_BYTES = 16_384  # what is longer is cut there; such a line is no order
GZIP_MAGIC = b"\x1f\x8b"


class TextLines:
    """Iterate once: `(line number, line without its end)`, from `first` on."""

    def __init__(self, path: Path, first: int = 1) -> None:
        self._path = path
        self._first = first
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._raw = self._closing.enter_context(self._path.open("rb"))
        self._size_bytes = os.fstat(self._raw.fileno()).st_size
        self._lines: io.BufferedIOBase = self._raw
        if self._raw.peek(2)[:2] == GZIP_MAGIC:
            plain = self._closing.enter_context(gzip.GzipFile(fileobj=self._raw))
            self._lines = self._closing.enter_context(io.BufferedReader(plain))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def share_read(self) -> float:
        """How much of the file is read, from 0 to 1; 1 for what has no size, like a pipe."""
        return min(1.0, self._raw.tell() / self._size_bytes) if self._size_bytes and self._raw.seekable() else 1.0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """The first line always comes, since it may be a heading. Raises ImportFailed where the file is damaged."""
        number = 0
        while line := self._read(number):
            number += 1
            while not line.endswith(b"\n") and len(line) >= LONGEST_LINE_BYTES and (rest := self._read(number)):
                line = line[: LONGEST_LINE_BYTES - 1] + rest[-1:]
            if number == 1 or number >= self._first:
                yield number, line.rstrip(b"\r\n")

    def _read(self, number: int) -> bytes:
        try:
            return self._lines.readline(LONGEST_LINE_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImportFailed(f"{self._path} is damaged after line {number}: {error}") from error
