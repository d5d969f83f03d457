"""The README's configuration table has every setting, with its default, and none that is not there."""

import re
from pathlib import Path

import pytest

from common.config import Settings

README = Path(__file__).parents[2] / "README.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (\S+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def described() -> dict[str, str]:
    """Variable → default, as the README has them."""
    section = README.read_text().partition("## Configuration")[2].partition("\n## ")[0]
    return dict(ROW.findall(section))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_readme_has_the_setting_and_its_default(described: dict[str, str], name: str) -> None:
    assert described.get(name.upper()) == shown(Settings.model_fields[name].default)


def test_the_readme_has_no_setting_that_is_not_there(described: dict[str, str]) -> None:
    assert not described.keys() - {name.upper() for name in Settings.model_fields}


def shown(default: object) -> str:
    match default:
        case "":
            return "empty"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"
