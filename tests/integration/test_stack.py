"""The stack as its user sees it: `cqrs` starts real servers and services, kills them, starts them again, stops them."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from stack.orphans import born
from tests.support.cqrs import Cqrs, get, listening_addresses, process_tree, until

PROCESSES = ["mongodb", "rabbitmq", "payments", "command", "saga", "projector", "query", "monitor", "gateway"]
LOOPBACK_IN_HEX = {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1 and ::1
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


def test_the_status_names_all_addresses_and_processes(stack: Cqrs) -> None:
    status = json.loads(stack.does("status", "--json"))
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
