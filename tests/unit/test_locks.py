"""The image installs what the tests were run with."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
ENTRY = r"[\w.\[\],-]+==[\w.!+]+( ; [^\n\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\\n)?)+"


def entries(lock: str) -> set[str]:
    """Each requirement with its hashes."""
    return set(re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_by_the_hashes_of_its_files(lock: str) -> None:
    """With one hash pip asks for all of them; a line without any would be taken on trust."""
    wrong = [entry for entry in entries(lock) if not re.fullmatch(ENTRY, entry)]
    assert wrong == []


def test_the_services_lock_is_a_part_of_the_whole_lock() -> None:
    assert entries("requirements-services.lock") < entries("requirements.lock")


def test_the_services_lock_has_every_dependency_of_the_project() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = {entry.partition("==")[0] for entry in entries("requirements-services.lock")}
    assert {re.split(r"[<>=\[; ]", requirement)[0] for requirement in wanted} <= locked
