"""Every command and snippet of the pages is run by a test, or stands here with the reason why not."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stack.sample import stock_sample
from tests.support.broker import Broker, virtual_host
from tests.support.pages import PAGES, Block, blocks_of, calls_in, is_as_shown
from tests.support.system import ROOT, SERVICES, System, running_system, until

DEFAULT_GATEWAYS = ("http://localhost:8000", "http://127.0.0.1:8000")
ANSWER_SECONDS = 20.0
TEST_FILE = re.compile(r"tests/[\w/]+\.py")
SHOWN = frozenset({"sh", "python", "json", "console"})
RUN_ELSEWHERE = {
    "docs/tutorial.md": "tests/acceptance/test_tutorial.py",
    "docs/writing-a-saga.md": "tests/unit/test_writing_a_saga.py",
    "docs/using-common.md": "tests/integration/test_using_common.py",
}
"""Page → the test that runs all of it."""
DOCKER = "it needs Docker, which a test machine may lack; tests/unit/test_compose*.py look at the files"
INSTALLS = "it changes the machine; what it installs is what the tests run with"
NOT_RUN: dict[str, dict[str, str]] = {
    "README.md": {
        "make demo": "tests/long/test_demo_with_faults.py, tests/integration/test_stack.py",
    },
    "CONTRIBUTING.md": {
        "sudo apt-get": INSTALLS,
        ".venv/bin/pytest": "it would run the tests within themselves",
    },
    "docs/compose.md": {
        "docker compose": DOCKER,
        "PAYMENT_SECONDS=8 docker": DOCKER,
        "cqrs secrets make": "tests/integration/test_secure_system.py makes secrets, and starts services with them",
    },
    "docs/events.md": {"$ .venv/bin/pytest": "it shows a test that fails"},
    "docs/guarantees.md": {
        ".venv/bin/python -c": "it looks at a stack on the default ports; tests/contract/test_log.py has the rule",
        "curl -u admin:admin": "the same; tests/integration/test_feed_rules.py sends such messages",
    },
    "docs/messages.md": {
        "import asyncio, json, uuid": "tests/integration/test_commands_by_message.py sends it with other names",
        "rabbitmqadmin": "a tool of RabbitMQ that is not installed here; the same test sends the same properties",
    },
    "docs/operations.md": {
        "$ cqrs doctor": "tests/integration/seeing/test_doctor.py",
        "docker compose": DOCKER,
        "$ cqrs sagas": "tests/integration/test_saga_repair.py and test_fulfilment.py ask it of stuck sagas",
        ".venv/bin/python -c": "it drops a collection; tests/integration/test_lost_sagas.py",
        "$ cqrs events republish": "tests/integration/test_republishing.py",
        "cqrs migrate": "tests/integration/test_migrate.py",
        "$ cqrs migrate": "tests/integration/test_migrate.py",
        "$ cqrs events": "tests/integration/test_log_search.py and tests/acceptance/test_stream.py",
        "$ curl http://localhost:8000/cqrs/ops/correlations": "tests/acceptance/test_log_operations.py",
        "$ cqrs state": "tests/integration/test_state_command.py",
        "cqrs projections reset": "tests/integration/test_generations.py and test_stack.py",
        "$ cqrs projections parked": "tests/integration/test_parked_documents.py",
        "$ cqrs projections retry": "tests/integration/test_parked_documents.py",
        "$ cqrs projections skip": "tests/integration/test_parked_documents.py",
        "$ cqrs projections verify": "tests/integration/test_full_verification.py",
        "$ cqrs snapshot": "tests/integration/test_snapshots.py",
    },
    "docs/production.md": {"mongodump": "tools of MongoDB that are not installed here"},
    "docs/projections.md": {
        "$ cqrs projections": "tests/integration/test_generations.py",
        "different:": "it is what a rebuild prints; tests/integration/test_generations.py",
    },
    "docs/queries.md": {
        "$ curl 'http://localhost:8000/cqrs/queries/orders/57410cad-…": "tests/acceptance/test_the_past.py",
        "$ curl -N": "it does not end; tests/acceptance/test_stream.py",
    },
    "docs/running.md": {
        "sudo apt-get": INSTALLS,
        "make demo": "tests/long/test_demo_with_faults.py; what `make test` runs is this",
        ".venv/bin/cqrs up": "tests/integration/test_stack.py",
        ".venv/bin/cqrs import": "tests/long/test_cdnow.py and tests/acceptance/test_import.py",
    },
    "docs/security.md": {
        "cqrs up --auth": "tests/acceptance/test_demo_auth.py and tests/integration/test_stack.py",
        "$ cqrs log verify": "tests/integration/test_log_verification.py",
    },
    "docs/tracing.md": {"pip install": INSTALLS},
}
"""Page → how blocks begin that this test does not run, and why."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


BLOCKS = [block for page in PAGES for block in blocks_of(page) if block.language in SHOWN]


def is_listed(block: Block) -> bool:
    return any(block.text.startswith(beginning) for beginning in NOT_RUN.get(name_of(block.page), {}))


def commands_of(block: Block) -> list[tuple[str, str]]:
    """Each command with what is shown of its answer; of `sh` that is anything."""
    if block.language == "console":
        return [(call.command, call.printed) for call in calls_in(block)]
    return [(line, "…") for line in block.text.splitlines()]


RUN_HERE = [block for block in BLOCKS if not is_listed(block) and name_of(block.page) not in RUN_ELSEWHERE]


@pytest.fixture(scope="module")
async def fresh(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """As `cqrs up --fresh` leaves it: all services, and the first product in stock."""
    async with virtual_host(rabbitmq) as host:
        folder = tmp_path_factory.mktemp("documented")
        async with running_system(mongodb_url, host.url, folder, services=SERVICES) as system:
            assert await stock_sample(system.gateway) is None
            await system.settled()
            yield system


async def test_every_other_command_is_answered_as_the_page_shows(fresh: System) -> None:
    """One after another: each sees what those before it have done, as soon as the sagas have done their part."""
    for block in RUN_HERE:
        for command, shown in commands_of(block):
            assert command.startswith("curl "), f"{block.name}: run it, or say in NOT_RUN why not"
            assert await answers_so(fresh, command, shown) == ""


async def answers_so(system: System, command: str, shown: str) -> str:
    """What is answered instead, when the time is up."""
    for gateway in DEFAULT_GATEWAYS:
        command = command.replace(gateway, system.gateway)
    command, answers = command.replace("python3", sys.executable).replace("| less", ""), [""]

    async def is_shown() -> bool:
        answers.append(await asyncio.to_thread(printed_by, command))
        return is_as_shown(shown, answers[-1])

    try:
        await until(is_shown, seconds=ANSWER_SECONDS, what=command)
    except AssertionError:
        return f"{command}\n{answers[-1]}"
    return ""


def printed_by(command: str) -> str:
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True)
    return done.stdout


def test_pages_and_reasons_fit() -> None:
    """Each reason is for a block that is there, and names only tests that are there."""
    for page, reasons in NOT_RUN.items():
        blocks = [block for block in BLOCKS if name_of(block.page) == page]
        for beginning, reason in reasons.items():
            assert any(block.text.startswith(beginning) for block in blocks), f"{page}: {beginning} is there no more"
            assert all((ROOT / test).exists() for test in TEST_FILE.findall(reason)), reason
    for page, test in RUN_ELSEWHERE.items():
        assert (ROOT / page).exists()
        assert (ROOT / test).exists()
