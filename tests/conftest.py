"""Real servers and a running system for the tests that need them; a skip that nobody agreed to is a failure."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stack.servers import Mongod, RabbitMQ, private_mongod, private_rabbitmq
from tests.support.system import System, running_system

AGREED_SKIPS: dict[str, str] = {}
"""Test id (its end) → why it may be skipped."""


@pytest.fixture(scope="session")
async def mongod(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mongod]:
    """A mongod of the tests' own, with fail points."""
    async with private_mongod(tmp_path_factory.mktemp("mongodb"), test_commands=True) as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_url(request: pytest.FixtureRequest) -> str:
    """The server named in TEST_MONGODB_URL, else the tests' own."""
    return os.environ.get("TEST_MONGODB_URL") or request.getfixturevalue("mongod").url


@pytest.fixture(scope="session")
async def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitMQ]:
    async with private_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session")
async def system(mongod: Mongod, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """All services, running; tests share it, so each uses users and products of its own."""
    async with running_system(mongod.url, rabbitmq.url, tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure unless AGREED_SKIPS has it."""
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and not any(item.nodeid.endswith(end) for end in AGREED_SKIPS)
    ):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and AGREED_SKIPS in {Path(__file__).name} does not allow it"
    return report
