"""The stack as its user sees it: `cqrs` starts real servers and services, kills them, starts them again, stops them."""

import json
import os
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pymongo
import pytest

from stack.orphans import born
from stack.ports import LOOPBACK
from tests.support.cqrs import Cqrs, listening_addresses, process_tree

PROCESSES = ["mongodb", "rabbitmq", "payments", "command", "saga", "projector", "query", "gateway"]
LOOPBACK_IN_HEX = {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1 and ::1
READY_SECONDS = 15.0
WITHOUT_BROKER = {"AMQP_URL": ""}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cqrs]:
    """A whole one, in a folder whose name has a blank; every test leaves it running. It leaves nothing behind."""
    cqrs = Cqrs(data=tmp_path_factory.mktemp("stack") / "a folder")
    cqrs.does("up", "--detach")
    yield cqrs
    pids = {pid: born(pid) for pid in process_tree(cqrs.supervisor_pid())}
    control = Path(json.loads((cqrs.data / "state.json").read_text())["control_socket"])
    assert control.exists()
    cqrs.does("down")
    assert not [pid for pid, birth in pids.items() if born(pid) == birth]
    assert not control.parent.exists()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Cqrs]:
    """Not running yet; it has no broker and is quick."""
    cqrs = Cqrs(data=tmp_path / "data", env=WITHOUT_BROKER)
    yield cqrs
    cqrs.does("down")


def until(fact: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def get(url: str) -> object:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def test_the_status_names_all_addresses_and_processes(stack: Cqrs) -> None:
    status = stack.status()
    assert [row["name"] for row in status["processes"]] == PROCESSES
    assert {row["state"] for row in status["processes"]} == {"ready"}
    assert all(
        "://" in status[name] for name in ("gateway", "command", "query", "payments", "amqp", "management", "mongodb")
    )


def test_the_status_tells_how_far_the_views_are(stack: Cqrs) -> None:
    until(lambda: {row["name"]: row["lag"] for row in stack.status()["views"]} == {"views": 0, "sagas": 0})
    assert "views" in stack.does("status")


def test_a_new_stack_has_one_product_in_stock(stack: Cqrs) -> None:
    url = f"{stack.status()['gateway']}/cqrs/queries/inventory"
    until(lambda: "Keyboard" in json.dumps(get(url)))


def test_nothing_listens_beyond_loopback(stack: Cqrs) -> None:
    pids = process_tree(stack.supervisor_pid())
    addresses = listening_addresses(pids)
    assert len(pids) > len(PROCESSES)
    assert addresses
    assert addresses <= LOOPBACK_IN_HEX


def test_a_second_up_says_that_one_is_running(stack: Cqrs) -> None:
    assert "a stack already runs" in stack.refuses("up", "--detach")
    assert "a stack already runs" in stack.refuses("up")


def test_fresh_deletes_nothing_under_a_running_stack(stack: Cqrs) -> None:
    assert "a stack already runs" in stack.refuses("up", "--detach", "--fresh")
    assert (stack.data / "mongodb").exists()


@pytest.mark.parametrize("name", ["mongodb", "rabbitmq", "projector"])
def test_a_process_killed_stays_down_until_it_is_started(stack: Cqrs, name: str) -> None:
    victim = stack.process(name)["pid"]
    stack.does("process", "kill", name)
    assert born(victim) is None
    down = stack.process(name)
    assert (down["state"], down["pid"]) == ("killed", None)
    stack.does("process", "start", name)
    again = stack.process(name)
    assert again["state"] == "ready"
    assert again["pid"] != victim


@pytest.mark.parametrize("name", ["gateway", "rabbitmq"])
def test_a_process_that_dies_by_itself_is_started_again(stack: Cqrs, name: str) -> None:
    victim = stack.process(name)["pid"]
    os.kill(victim, signal.SIGKILL)
    until(lambda: stack.is_ready_again(name, victim), seconds=60)


def test_an_unknown_process_is_refused(stack: Cqrs) -> None:
    assert "it runs mongodb, rabbitmq" in stack.refuses("process", "kill", "relay")


def test_the_key_of_the_messages_is_for_us_alone(stack: Cqrs) -> None:
    assert (stack.data / "message.key").stat().st_mode & 0o077 == 0


def test_without_a_broker_the_stack_starts_and_after_its_crash_nothing_runs_on(small: Cqrs) -> None:
    small.does("up", "--detach")
    status = small.status()
    assert (status["amqp"], status["management"]) == (None, None)
    assert [row["name"] for row in status["processes"]] == [name for name in PROCESSES if name != "rabbitmq"]
    supervisor = small.supervisor_pid()
    pids = {pid: born(pid) for pid in process_tree(supervisor)}
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not [pid for pid, birth in pids.items() if born(pid) == birth])
    assert "no stack runs" in small.refuses("status")


def test_a_stack_is_soon_ready_keeps_its_data_and_fresh_forgets_them(small: Cqrs) -> None:
    title = re.search(r"ready \(([\d.]+) s\)", small.does("up", "--detach"))
    first = _log_id(small)
    small.does("down")
    small.does("up", "--detach")
    second = _log_id(small)
    small.does("down")
    small.does("up", "--detach", "--fresh")
    assert title
    assert float(title[1]) <= READY_SECONDS
    assert first == second != _log_id(small)


def test_what_a_crashed_stack_could_not_take_along_is_ended_by_the_next(small: Cqrs) -> None:
    small.does("up", "--detach", "--no-sample")
    supervisor = small.supervisor_pid()
    state = json.loads((small.data / "state.json").read_text())
    os.kill(supervisor, signal.SIGKILL)
    orphan = os.spawnlp(os.P_NOWAIT, "setsid", "setsid", "--fork", "sleep", "300")
    os.waitpid(orphan, 0)

    def sleepers() -> list[int]:
        return [pid for pid in process_tree(1) if _command_line(pid) == "sleep 300"]

    until(lambda: bool(sleepers()))
    (sleeper,) = sleepers()
    state["children"].append([sleeper, born(sleeper)])
    (small.data / "state.json").write_text(json.dumps(state))
    small.does("up", "--detach", "--no-sample")
    assert born(sleeper) is None


def test_a_log_that_was_replaced_is_told_and_helped_by_the_command_it_names(small: Cqrs) -> None:
    small.does("up", "--detach")
    with pymongo.MongoClient(small.status()["mongodb"]) as client:
        checkpoints, moved = client["cqrs_views"]["checkpoints"], {"position": {"$gt": 0}}
        until(lambda: checkpoints.count_documents(moved) > 0)
        small.does("process", "kill", "projector")
        checkpoints.update_many(moved, {"$set": {"command_id": "another's"}})
    small.does("down")
    small.does("up", "--detach")
    assert small.process("projector")["state"] != "ready"
    small.does("views", "rebuild")
    until(lambda: small.process("projector")["state"] == "ready", seconds=30)
    until(lambda: {row["lag"] for row in small.status()["views"]} == {0})


def test_a_taken_port_is_replaced_and_told(small: Cqrs) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        text = Cqrs(data=small.data, env=small.env | {"GATEWAY_PORT": str(taken)}).does("up", "--detach")
        assert f"port {taken} is taken: gateway listens on" in text
        assert not small.status()["gateway"].endswith(f":{taken}")


def test_a_mongodb_given_by_its_url_is_not_started(mongodb_url: str, tmp_path: Path) -> None:
    name = f"test_{uuid4().hex}"
    given = {"EVENTS_MONGODB_URL": mongodb_url, "EVENTS_DATABASE": name, "VIEWS_DATABASE": f"{name}_views"}
    stack = Cqrs(data=tmp_path / "data", env=WITHOUT_BROKER | given)
    stack.does("up", "--detach")
    names = [row["name"] for row in stack.status()["processes"]]
    stack.does("down")
    assert "mongodb" not in names


def test_a_service_that_cannot_start_is_one_sentence(small: Cqrs) -> None:
    broken = Cqrs(data=small.data, env=small.env | {"LOG_LEVEL": "loud"})
    assert "LOG_LEVEL" in broken.refuses("up", "--detach")
    nowhere = Cqrs(data=small.data, env=small.env | {"EVENTS_MONGODB_URL": "nonsense://"})
    assert "ended while starting" in nowhere.refuses("up", "--detach")


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    assert "is not the data folder of a stack" in Cqrs(data=tmp_path).refuses("up", "--fresh")
    assert (tmp_path / "thesis.txt").exists()


def test_without_a_stack_the_other_commands_say_so(tmp_path: Path) -> None:
    nothing = Cqrs(data=tmp_path / "none")
    assert "no stack runs" in nothing.refuses("status")
    assert "no stack runs" in nothing.refuses("process", "kill", "gateway")
    assert "no stack runs" in nothing.does("down")


def _log_id(stack: Cqrs) -> str:
    positions = get(f"{stack.status()['gateway']}/cqrs/ops/positions")
    assert isinstance(positions, dict)
    return positions["log_id"]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
