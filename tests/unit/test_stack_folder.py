"""Whose a data folder is, and what of it is deleted."""

import os
import shutil
import stat
from pathlib import Path
from typing import NamedTuple

import pytest

from stack import folder as rules
from stack.errors import FolderRefused, NotRunning
from stack.folder import DataFolder, StackState
from stack.orphans import born


def state_of(pid: int, birth: str) -> StackState:
    return StackState(supervisor_pid=pid, supervisor_born=birth, control_socket="/tmp/leveret-x/s")


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.create()
    return made


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FolderRefused, match="is not the data folder of a stack"):
        DataFolder(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_of_ours_is_taken_again(folder: DataFolder) -> None:
    folder.create()
    assert folder.is_ours


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(free=12_000_000))
    with pytest.raises(FolderRefused, match=r"is full: 12 MB are free, 500 MB are needed"):
        DataFolder(tmp_path / "data").create()


def test_only_one_stack_has_the_folder(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LOCK_SECONDS", 0.1)
    with folder.locked(), pytest.raises(FolderRefused, match="a stack already runs"), folder.locked():
        pass
    with folder.locked():
        pass


def test_the_message_key_is_made_once_and_for_us_alone(folder: DataFolder) -> None:
    key = folder.message_key()
    assert len(key) >= 32
    assert folder.message_key() == key
    assert stat.S_IMODE((folder.path / "message.key").stat().st_mode) == 0o600


def test_fresh_deletes_the_databases_and_nothing_else(folder: DataFolder) -> None:
    key = folder.message_key()
    for data in (folder.mongodb, folder.rabbitmq):
        data.mkdir()
        (data / "file").write_text("x")
    books = [folder.payments.with_name(folder.payments.name + end) for end in ("", "-wal", "-shm")]
    for file in books:
        file.write_text("x")
    folder.delete_databases()
    assert not [path for path in (folder.mongodb, folder.rabbitmq, *books) if path.exists()]
    assert folder.message_key() == key


def test_the_state_of_a_living_stack_is_found(folder: DataFolder) -> None:
    state = state_of(os.getpid(), born(os.getpid()) or "")
    folder.write_state(state)
    assert folder.running_state() == state


def test_a_state_whose_process_id_was_taken_by_another_is_stale(folder: DataFolder) -> None:
    folder.write_state(state_of(os.getpid(), "another time"))
    with pytest.raises(NotRunning, match="no stack runs"):
        folder.running_state()
