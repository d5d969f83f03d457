"""The supervisor's rules, on processes that live in memory."""

import asyncio
from collections.abc import Callable

import pytest

from stack import supervisor as rules
from stack.errors import Refused, StackError, StartFailed
from stack.supervisor import Planned, Supervisor
from tests.support.imagined_process import ImaginedProcess


class Case:
    """A database, a service that needs it, and a door that needs the service."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.said: list[str] = []
        self.database, self.service, self.door = (
            ImaginedProcess(name, self.journal) for name in ("database", "service", "door")
        )
        table = (
            Planned(process=self.database),
            Planned(process=self.service, after=("database",)),
            Planned(process=self.door, after=("service",)),
        )
        self.supervisor = Supervisor(table, say=self.said.append)

    def state_of(self, name: str) -> str:
        return next(str(row["state"]) for row in self.supervisor.processes() if row["name"] == name)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not fact():  # noqa: ASYNC110 - the facts are in memory, nobody signals them
            await asyncio.sleep(0)


@pytest.fixture
async def case(monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(rules, "FIRST_DELAY_SECONDS", 0.001)
    return Case()


async def test_a_process_waits_until_those_it_needs_are_ready(case: Case) -> None:
    await case.supervisor.start()
    assert case.journal == [
        *("start database", "ready database"),
        *("start service", "ready service"),
        *("start door", "ready door"),
    ]


async def test_all_are_stopped_in_reverse_order(case: Case) -> None:
    await case.supervisor.start()
    case.journal.clear()
    await case.supervisor.stop()
    assert case.journal == ["stop door", "stop service", "stop database"]
    assert case.state_of("database") == "stopped"


async def test_the_first_that_cannot_start_is_the_reason_and_nobody_waits_for_it(case: Case) -> None:
    case.service.refusals = 1
    with pytest.raises(StartFailed, match="service ended while starting"):
        await case.supervisor.start()
    assert "start door" not in case.journal


async def test_a_process_that_dies_is_started_again(case: Case) -> None:
    await case.supervisor.start()
    case.service.die(1)
    await until(lambda: case.service.starts == 2 and case.state_of("service") == "ready")
    assert any(line.startswith("service ended (exit code 1)") for line in case.said)


async def test_the_delay_doubles_while_it_cannot_be_started_and_has_a_limit(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "LONGEST_DELAY_SECONDS", 0.004)
    delays: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds:
            delays.append(seconds)
        await sleep(0)

    await case.supervisor.start()
    monkeypatch.setattr(asyncio, "sleep", note)
    case.service.refusals = 4
    case.service.die(1)
    await until(lambda: case.service.starts == 6)
    assert delays == [0.001, 0.002, 0.004, 0.004, 0.004]


async def test_a_killed_process_stays_down_until_it_is_started(case: Case) -> None:
    await case.supervisor.start()
    await case.supervisor.kill_process("service")
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert (case.service.starts, case.state_of("service")) == (1, "killed")
    await case.supervisor.start_process("service")
    assert (case.service.starts, case.state_of("service")) == (2, "ready")


async def test_a_process_that_was_killed_and_started_is_watched_again(case: Case) -> None:
    await case.supervisor.start()
    await case.supervisor.kill_process("service")
    await case.supervisor.start_process("service")
    case.service.die(1)
    await until(lambda: case.service.starts == 3)


async def test_killing_the_dead_and_starting_the_living_stay_quiet(case: Case) -> None:
    await case.supervisor.start()
    await case.supervisor.start_process("service")
    assert case.service.starts == 1
    await case.supervisor.kill_process("service")
    await case.supervisor.kill_process("service")
    assert case.state_of("service") == "killed"


async def test_a_start_that_fails_is_told_and_leaves_it_down(case: Case) -> None:
    await case.supervisor.start()
    await case.supervisor.kill_process("service")
    case.service.refusals = 1
    with pytest.raises(StartFailed):
        await case.supervisor.start_process("service")
    assert (case.state_of("service"), case.service.pid) == ("killed", None)


async def test_a_process_killed_while_its_delay_runs_is_not_started(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "FIRST_DELAY_SECONDS", 60)
    await case.supervisor.start()
    case.service.die(1)
    await until(lambda: case.state_of("service") == "restarting")
    await case.supervisor.kill_process("service")
    assert (case.state_of("service"), case.service.starts) == ("killed", 1)


async def test_an_unknown_process_is_refused_with_the_names_there_are(case: Case) -> None:
    with pytest.raises(StackError, match="it runs database, service, door"):
        await case.supervisor.kill_process("relay")


async def test_one_that_refuses_is_tried_again_while_the_others_run(case: Case) -> None:
    case.door.refusals, case.door.refusal = 2, Refused
    await case.supervisor.start()
    assert case.state_of("service") == "ready"
    assert "door ended while starting" in case.said
    await until(lambda: case.state_of("door") == "ready")
    await case.supervisor.stop()
