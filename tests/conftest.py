"""Real servers and a running system for the tests that need them; a skip that nobody agreed to is a failure."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.broker import Broker, VirtualHost, virtual_host
from tests.support.servers import shared_mongodb, shared_rabbitmq
from tests.support.system import System, last_words, running_system

LONG = ("integration", "acceptance")  # folders, the one with the longest files first
AGREED_SKIPS: dict[str, str] = {}
"""Test id (its end) → why it may be skipped."""


def pytest_configure() -> None:
    """A shell's job in the background ignores Ctrl-C, and so would all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
async def mongodb_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """One that tests share; each uses databases of its own."""
    async with shared_mongodb(tmp_path_factory.mktemp("mongodb"), os.environ) as url:
        yield url


@pytest.fixture(scope="session")
async def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    """One that tests share; each uses a virtual host of its own."""
    async with shared_rabbitmq(tmp_path_factory.mktemp("rabbitmq"), os.environ) as broker:
        yield broker


@pytest.fixture(scope="session")
async def system_host(rabbitmq: Broker) -> AsyncIterator[VirtualHost]:
    """The virtual host of `system`."""
    async with virtual_host(rabbitmq) as host:
        yield host


@pytest.fixture(scope="session")
async def system(
    mongodb_url: str, system_host: VirtualHost, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """All services, running; tests share it, so each uses users and products of its own."""
    async with running_system(mongodb_url, system_host.url, tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no worker is left alone with it at the end; otherwise as it was."""
    items.sort(key=lambda item: next((rank for rank, name in enumerate(LONG) if name in item.path.parts), len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure unless AGREED_SKIPS has it; a failure shows what the services said last."""
    report = yield
    if report.failed:
        report.sections += [(f"the end of {name}", text) for name, text in last_words()]
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and not any(item.nodeid.endswith(end) for end in AGREED_SKIPS)
    ):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and AGREED_SKIPS in {Path(__file__).name} does not allow it"
    return report
