"""docs/configuration.md has every setting, with its type, its default and who reads it, and none that is not there."""

import re
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

from common.config import Settings
from tests.support.system import ROOT

FOLDERS = {
    "command": "command_service",
    "sagas": "command_service/sagas",
    "projector": "projector",
    "query": "query_service",
    "gateway": "gateway",
    "payments": "payments",
    "monitor": "monitor",
}
KINDS = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Path: "path"}


class Row(NamedTuple):
    name: str
    kind: str
    default: str
    readers: str


CELLS = re.compile(r"^\| `([A-Z_]+)` \| ([^|]+) \| (\S+) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
ROWS = {
    found[1].lower(): Row(*found.groups()) for found in CELLS.finditer((ROOT / "docs/configuration.md").read_text())
}


def test_the_page_has_every_setting_and_no_other() -> None:
    assert ROWS.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_type_and_default_are_those_of_the_page(name: str) -> None:
    field = Settings.model_fields[name]
    assert (ROWS[name].kind, ROWS[name].default) == (kind_of(field.annotation), shown(field.default))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_page_names_all_who_read_it(name: str) -> None:
    """What `common` reads may be for more than those in whose folders the name stands."""
    said = set(FOLDERS) if ROWS[name].readers == "all" else set(ROWS[name].readers.split(", "))
    known = {service for service in FOLDERS if is_read_in(service, name)}
    assert known <= said <= set(FOLDERS)
    assert said == known or is_read_by(ROOT / "common", name, of="settings|self")


def is_read_in(service: str, name: str) -> bool:
    return is_read_by(ROOT / FOLDERS[service], name, without="sagas" if service == "command" else "")


def is_read_by(folder: Path, name: str, *, without: str = "", of: str = "settings") -> bool:
    said = re.compile(rf"\b({of})\.{name}\b")
    return any(said.search(file.read_text()) for file in folder.rglob("*.py") if file.parent.name != without)


def kind_of(annotation: Any) -> str:
    words = get_args(annotation)
    return " or ".join(f"`{word}`" for word in words) if words else KINDS[annotation]


def shown(default: object) -> str:
    match default:
        case "":
            return "empty"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"
