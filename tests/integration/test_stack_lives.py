"""One stack's three lives: it is stopped, it crashes, it begins afresh; looked at from all sides on the way.

They are lived once and told as facts, for a life takes ten seconds to begin.
"""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo
import pytest

from stack.orphans import born
from stack.ports import LOOPBACK
from tests.support.cqrs import Cqrs, get, process_tree, until

WITHOUT_BROKER = {"AMQP_URL": ""}
WITHOUT_RABBITMQ = ["mongodb", "payments", "command", "saga", "projector", "query", "monitor", "gateway"]
READY_SECONDS = 15.0
REBUILT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """It finds its port taken; in the end its views are made to speak of another log, and it is stopped."""

    said: str
    status: dict[str, Any]
    log_id: str
    taken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """Its projector refuses those views until they are made anew; in the end its supervisor is killed."""

    projector: str
    rebuilt: str
    lags: set[int]
    log_id: str
    outlived: list[int]
    said_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Third:
    """It begins afresh, and finds a process that the crash has left behind."""

    log_id: str
    orphan_lives: bool


Lives = tuple[First, Second, Third]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    cqrs = Cqrs(data=tmp_path_factory.mktemp("lives") / "data", env=WITHOUT_BROKER)
    try:
        yield _first(cqrs), _second(cqrs), _third(cqrs)
    finally:
        cqrs.does("down")


def _first(cqrs: Cqrs) -> First:
    with _taken_port() as taken:
        said = Cqrs(data=cqrs.data, env=cqrs.env | {"GATEWAY_PORT": str(taken)}).does("up", "--detach")
        lived = First(said=said, status=cqrs.status(), log_id=_log_id(cqrs), taken=taken)
    with pymongo.MongoClient(cqrs.status()["mongodb"]) as client:
        checkpoints, moved = client["cqrs_views"]["checkpoints"], {"position": {"$gt": 0}}
        until(lambda: checkpoints.count_documents(moved) > 0)
        cqrs.does("process", "kill", "projector")
        checkpoints.update_many(moved, {"$set": {"command_id": "another's"}})
    cqrs.does("down")
    return lived


def _second(cqrs: Cqrs) -> Second:
    cqrs.does("up", "--detach")
    projector, log_id = cqrs.process("projector")["state"], _log_id(cqrs)
    cqrs.does("projections", "reset")
    until(lambda: cqrs.process("projector")["state"] == "ready", seconds=REBUILT_SECONDS)
    until(lambda: _lags(cqrs) == {0})
    rebuilt, lags = cqrs.process("projector")["state"], _lags(cqrs)
    outlived = _crashed(cqrs)
    said = cqrs.refuses("status")
    return Second(projector=projector, rebuilt=rebuilt, lags=lags, log_id=log_id, outlived=outlived, said_after=said)


def _third(cqrs: Cqrs) -> Third:
    orphan = _left_behind(cqrs)
    cqrs.does("up", "--detach", "--fresh", "--no-sample")
    return Third(log_id=_log_id(cqrs), orphan_lives=born(orphan) is not None)


@contextmanager
def _taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        yield other.getsockname()[1]


def _crashed(cqrs: Cqrs) -> list[int]:
    """Kill the supervisor; return whoever of its own is still there after a while."""
    supervisor = cqrs.supervisor_pid()
    pids = {pid: born(pid) for pid in process_tree(supervisor)}
    assert len(pids) > len(WITHOUT_RABBITMQ)

    def living() -> list[int]:
        return [pid for pid, birth in pids.items() if born(pid) == birth]

    os.kill(supervisor, signal.SIGKILL)
    with suppress(AssertionError):
        until(lambda: not living())
    return living()


def _left_behind(cqrs: Cqrs) -> int:
    """A process that nobody waits for, written down as if the crashed stack had started it."""
    parent = os.spawnlp(os.P_NOWAIT, "setsid", "setsid", "--fork", "sleep", "300")
    os.waitpid(parent, 0)
    until(lambda: bool(_sleepers()))
    (sleeper,) = _sleepers()
    state = json.loads((cqrs.data / "state.json").read_text())
    state["children"].append([sleeper, born(sleeper)])
    (cqrs.data / "state.json").write_text(json.dumps(state))
    return sleeper


def _sleepers() -> list[int]:
    return [pid for pid in process_tree(1) if _command_line(pid) == "sleep 300"]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _log_id(cqrs: Cqrs) -> str:
    positions = get(f"{cqrs.status()['gateway']}/cqrs/ops/positions")
    assert isinstance(positions, dict)
    return positions["log_id"]


def _lags(cqrs: Cqrs) -> set[int]:
    return {row["lag"] for row in cqrs.status()["views"]}


def test_without_a_broker_the_stack_starts(lives: Lives) -> None:
    status = lives[0].status
    assert (status["amqp"], status["management"]) == (None, None)
    assert [row["name"] for row in status["processes"]] == WITHOUT_RABBITMQ


def test_a_stack_is_soon_ready(lives: Lives) -> None:
    title = re.search(r"ready \(([\d.]+) s\)", lives[0].said)
    assert title
    assert float(title[1]) <= READY_SECONDS


def test_a_taken_port_is_replaced_and_told(lives: Lives) -> None:
    assert f"port {lives[0].taken} is taken: gateway listens on" in lives[0].said
    assert not lives[0].status["gateway"].endswith(f":{lives[0].taken}")


def test_a_log_that_was_replaced_is_told_and_helped_by_the_command_it_names(lives: Lives) -> None:
    assert lives[1].projector != "ready"
    assert (lives[1].rebuilt, lives[1].lags) == ("ready", {0})


def test_after_its_crash_nothing_runs_on(lives: Lives) -> None:
    assert lives[1].outlived == []
    assert "no stack runs" in lives[1].said_after


def test_what_a_crashed_stack_could_not_take_along_is_ended_by_the_next(lives: Lives) -> None:
    assert not lives[2].orphan_lives


def test_a_stack_keeps_its_data_and_fresh_forgets_them(lives: Lives) -> None:
    first, second, fresh = (life.log_id for life in lives)
    assert first == second != fresh
