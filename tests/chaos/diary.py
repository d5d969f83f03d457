"""What happened in a run, kept in memory for the judge and in a folder for people."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from tests.chaos.history import FaultWindow, Record


class Diary:
    """Every call and every fault, written to `history.jsonl` and `windows.jsonl` as they end."""

    def __init__(self, folder: Path) -> None:
        self.records: list[Record] = []
        self.windows: list[FaultWindow] = []
        self.earlier: dict[int, str] = {}  # position → digest of the commit when it was first looked at
        self._records_file = (folder / "history.jsonl").open("wb")
        self._windows_file = (folder / "windows.jsonl").open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._records_file.close()
        self._windows_file.close()

    def add(self, record: Record) -> None:
        self.records.append(record)
        self._records_file.write(msgspec.json.encode(record) + b"\n")

    @contextmanager
    def window(self, fault: str) -> Iterator[None]:
        began_ns = time.monotonic_ns()
        try:
            yield
        finally:
            window = FaultWindow(fault=fault, begin_ns=began_ns, end_ns=time.monotonic_ns())
            self.windows.append(window)
            self._windows_file.write(msgspec.json.encode(window) + b"\n")
            self._windows_file.flush()


def verdicts(records: list[Record]) -> Counter[str]:
    """How many were ok, fail and info."""
    return Counter(record.type for record in records)
