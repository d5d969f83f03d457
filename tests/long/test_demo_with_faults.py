"""The demo on a stack as a user has it, with everything that it kills."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cqrs import Cqrs
from tests.support.demo import PATIENT, PAYMENT_SECONDS, run_demo


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Cqrs]:
    """The stack as a user has it, so that there is something to kill."""
    cqrs = Cqrs(data=tmp_path / "stack", env={"PAYMENT_SECONDS": str(PAYMENT_SECONDS)})
    cqrs.does("up", "--detach")
    yield cqrs
    cqrs("down")


async def test_the_demo_kills_projector_and_broker_and_everything_is_right_afterwards(stack: Cqrs) -> None:
    gateway, data = stack.status()["gateway"], str(stack.data)
    code, printed, told = await run_demo(
        "--gateway", gateway, "--control", "cqrs", "--data", data, "--fast", "--json", *PATIENT
    )
    assert code == 0, told
    assert {guarantee["outcome"] for guarantee in json.loads(printed)["guarantees"]} == {"kept"}
    assert f"rm -r {data}/rabbitmq" in told, "RabbitMQ was wiped"
    assert {row["state"] for row in stack.status()["processes"]} == {"ready"}
