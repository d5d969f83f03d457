"""The data folder of one stack: what lies in it, and who may use it."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stack.errors import FolderRefused, NotRunning
from stack.locking import try_lock
from stack.orphans import born

DEFAULT_FOLDER = Path(".leveret")
MARKER = "this-is-a-leveret-stack"  # without it a folder is not ours, and nothing in it is touched
MARKER_TEXT = "Data of a development stack; `cqrs up --fresh` deletes its databases.\n"
LOCK_SECONDS = 1.0  # a stack that is just ending lets go within this
LOCK_POLL_SECONDS = 0.05
LEAST_FREE_MEGABYTES = 500  # MongoDB and RabbitMQ need about 350 for an empty stack


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """What a running stack tells the other commands; after a crash it tells what was left behind."""

    supervisor_pid: int
    supervisor_born: str
    control_socket: str
    addresses: dict[str, str | None] = field(default_factory=dict)  # `cqrs status --json` shows them as they are
    children: list[tuple[int, str]] = field(default_factory=list)  # process id, when it was born

    def is_alive(self) -> bool:
        return born(self.supervisor_pid) == self.supervisor_born


class DataFolder:
    """Paths and small files; makes no promise about what the databases hold."""

    def __init__(self, path: Path):
        self.path = path.resolve()
        self.mongodb = self.path / "mongodb"
        self.rabbitmq = self.path / "rabbitmq"
        self.payments = self.path / "payments.sqlite"  # SQLite keeps two more files beside it
        self.logs = self.path / "logs"
        self.auth = self.path / "auth"
        self._marker = self.path / MARKER
        self._lock = self.path / "lock"
        self._state = self.path / "state.json"
        self._message_key = self.path / "message.key"

    @property
    def is_ours(self) -> bool:
        return self._marker.is_file()

    def create(self) -> None:
        """Make the folder, or recognise ours. Raise FolderRefused for anybody else's or on a full disk."""
        if self.path.exists() and not self.is_ours and (not self.path.is_dir() or any(self.path.iterdir())):
            raise FolderRefused(f"{self.path} exists and is not the data folder of a stack; name another with --data")
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self._marker.write_text(MARKER_TEXT)
        except OSError as error:
            raise FolderRefused(f"{self.path} cannot be written: {error.strerror}") from error
        free_megabytes = shutil.disk_usage(self.path).free // 1_000_000
        if free_megabytes < LEAST_FREE_MEGABYTES:
            raise FolderRefused(
                f"the disk of {self.path} is full: {free_megabytes} MB are free, {LEAST_FREE_MEGABYTES} MB are needed"
            )

    def delete_databases(self) -> None:
        """Only while no stack runs on it. The key of the messages and the logs stay."""
        for data in (self.mongodb, self.rabbitmq):
            if data.exists():
                shutil.rmtree(data)
        for file in self.path.glob(f"{self.payments.name}*"):
            file.unlink()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only stack on this folder; the kernel lets go when we die. Raise FolderRefused when one runs."""
        with self._lock.open("a") as file:
            deadline = time.monotonic() + LOCK_SECONDS
            while not try_lock(file):
                if time.monotonic() > deadline:
                    raise FolderRefused(self._who_runs())
                time.sleep(LOCK_POLL_SECONDS)
            yield

    def message_key(self) -> str:
        """The key of the messages' MAC: random, made once, readable by us alone."""
        if not self._message_key.exists():
            write_secret(self._message_key, secrets.token_urlsafe(32).encode())
        return self._message_key.read_text()

    def write_state(self, state: StackState) -> None:
        """Replace the file as a whole: a reader sees the old one or the new one."""
        draft = self._state.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(state), indent=2))
        draft.replace(self._state)

    def last_state(self) -> StackState | None:
        """The state of the stack that runs, or of one that crashed. None after a clean stop."""
        if not self._state.exists():
            return None
        stored = json.loads(self._state.read_text())
        return StackState(**stored | {"children": [(pid, born) for pid, born in stored["children"]]})

    def running_state(self) -> StackState:
        """Raise NotRunning when no stack runs on this folder."""
        state = self.last_state()
        if state is None or not state.is_alive():
            raise NotRunning(f"no stack runs on {self.path}; start one with `cqrs up`")
        return state

    def forget_state(self) -> None:
        self._state.unlink(missing_ok=True)

    def _who_runs(self) -> str:
        state = self.last_state()
        gateway = state.addresses.get("gateway") if state else None
        where = f" at {gateway}" if gateway else ""
        return f"a stack already runs on {self.path}{where}; `cqrs down` stops it, `cqrs status` shows it"


def write_secret(path: Path, content: bytes) -> None:
    """Make a file that nobody else may read. Raise FileExistsError when it is there."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
