"""The image has all there is to run, and nothing of it is published beyond this machine."""

import re
import tomllib
from pathlib import Path

import pytest

from common.config import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_image_gets_every_package(package: str) -> None:
    assert f"!{package}\n" in (ROOT / ".dockerignore").read_text()


def test_every_port_is_published_on_loopback_only() -> None:
    published = re.findall(r"ports: (.*)", COMPOSE)
    assert published
    assert [ports for ports in published if not re.fullmatch(r'\["127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+"\]', ports)] == []


def test_how_long_an_order_waits_for_its_payment_can_be_set_from_outside() -> None:
    saga = COMPOSE.partition("\n  cqrs_saga:\n")[2].partition("\n\n")[0]
    passed_on = re.search(r"PAYMENT_SECONDS: \$\{PAYMENT_SECONDS:-(\d+)\}", saga)
    assert passed_on
    assert float(passed_on[1]) == Settings.model_fields["payment_seconds"].default


def test_the_ports_are_those_of_the_settings() -> None:
    inside = {name: int(port) for name, port in re.findall(r"\{([A-Z]+_PORT):-\d+\}:(\d+)", COMPOSE)}
    known = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert {name: port for name, port in inside.items() if known.get(name, port) != port} == {}
