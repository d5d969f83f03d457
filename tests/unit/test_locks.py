"""The image installs what the tests were run with."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def entries(lock: str) -> set[str]:
    """Each requirement with its hashes."""
    return set(re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()))


def test_the_services_lock_is_a_part_of_the_whole_lock() -> None:
    assert entries("requirements-services.lock") < entries("requirements.lock")


def test_the_services_lock_has_every_dependency_of_the_project() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = {entry.partition("==")[0] for entry in entries("requirements-services.lock")}
    assert {re.split(r"[<>=\[; ]", requirement)[0] for requirement in wanted} <= locked
