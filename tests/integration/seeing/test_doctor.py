"""`cqrs doctor` finds nothing on a healthy stack, and each fault that is made real by the check that is for it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.doctor.checks import CHECKS, examine
from cli.doctor.command import is_well
from cli.doctor.findings import Finding
from cli.doctor.gathering import gather
from tests.support.ailing import FAULTS
from tests.support.cqrs import Cqrs

SOON_SECONDS = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cqrs]:
    cqrs = Cqrs(data=tmp_path_factory.mktemp("doctor"))
    cqrs.does("up", "--detach")
    yield cqrs
    cqrs.does("down")


async def findings(stack: Cqrs) -> dict[str, Finding]:
    return examine(await gather(stack.data))


async def until_found(stack: Cqrs, check: str, verdict: str) -> Finding:
    """The management tells of queues and messages some seconds late."""
    deadline = asyncio.get_running_loop().time() + SOON_SECONDS
    while (found := (await findings(stack))[check]).verdict != verdict:
        assert asyncio.get_running_loop().time() < deadline, found
    return found


async def until_well(stack: Cqrs) -> dict[str, Finding]:
    deadline = asyncio.get_running_loop().time() + SOON_SECONDS
    while not is_well(found := await findings(stack)):
        assert asyncio.get_running_loop().time() < deadline, found
    return found


async def test_on_a_healthy_stack_every_check_is_ok(stack: Cqrs) -> None:
    found = await until_well(stack)
    assert {name: finding for name, finding in found.items() if finding.verdict != "ok"} == {}
    assert found.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_found_by_the_check_that_is_for_it_and_gone_when_it_is(stack: Cqrs, name: str) -> None:
    fault, check, said = FAULTS[name]
    await until_well(stack)
    async with fault(stack):
        found = await until_found(stack, check, "wrong")
        assert said in found.sentence
        assert found.advice
    await until_found(stack, check, "ok")


async def test_it_prints_a_table_and_a_verdict_and_ends_with_0(stack: Cqrs) -> None:
    await until_well(stack)
    said = await asyncio.to_thread(stack.does, "doctor")
    assert said.splitlines()[-1] == f"nothing is wrong ({len(CHECKS)} checks)"


def test_without_an_installation_it_says_so_and_ends_with_1(tmp_path: Path) -> None:
    nowhere = {"EVENTS_MONGODB_URL": "mongodb://127.0.0.1:1/?replicaSet=rs0", "AMQP_URL": "amqp://127.0.0.1:1/"}
    done = Cqrs(data=tmp_path, env=nowhere)("doctor", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert done.stderr == ""
    assert not said["is_well"]
    wrong = {check["name"] for check in said["checks"] if check["verdict"] == "wrong"}
    assert {"log server", "views server", "broker"} <= wrong
    assert all(check["advice"] for check in said["checks"] if check["verdict"] == "wrong")
