"""`cqrs` starts at once: what a command needs is imported when it is called."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from cli.__main__ import application
from cli.table import COMMANDS, GROUPS

HEAVY = ("aio_pika", "aiohttp", "cryptography", "pymongo", "structlog")
WORDS = [[name] for name in COMMANDS] + [[group, name] for group, (_, rows) in GROUPS.items() for name in rows]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_command_that_is_not_called_costs_nothing() -> None:
    loaded = python("import cli.__main__, sys; cli.__main__.application(); print(*sys.modules)").split()
    assert not set(HEAVY) & set(loaded)
    assert "rich" not in loaded


def test_help_needs_nothing_of_what_the_commands_need() -> None:
    said = python(
        "import cli.__main__, sys\n"
        "for words in (['--help'], ['sagas', '--help']):\n"
        "    try: cli.__main__.application()(words)\n"
        "    except SystemExit: pass\n"
        f"print('heavy:', set({HEAVY}) & set(sys.modules))"
    )
    assert said.endswith("heavy: set()\n")
    assert all(name in said for name in (*COMMANDS, *GROUPS, *GROUPS["sagas"][1]))


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_row_leads_to_a_command_that_tells_its_options(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        application()([*words, "--help"])
    assert "--help" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        application()(["--version"])
    assert capsys.readouterr().out == f"leveret {version('leveret')}\n"


def test_a_wrong_name_is_told_as_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        application()(["sagas", "lst"])
    assert "Did you mean" in capsys.readouterr().err
