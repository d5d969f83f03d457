"""What the demo finds out about the system it is told on, without one."""

import os
from pathlib import Path

import pytest

from demo_cqrs import Control

ASKED = "compose exec -T cqrs_saga printenv PAYMENT_SECONDS"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `docker` whose container was started with PAYMENT_SECONDS=3; ours has another one."""
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\n[ "$*" = "{ASKED}" ] && echo 3\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PAYMENT_SECONDS", "7")


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize(
    ("kind", "told", "seconds"), [("compose", None, 3), ("compose", 5.0, 5), ("cqrs", None, 7), ("none", None, 7)]
)
async def test_how_long_an_order_waits_is_asked_where_it_can_be(kind: str, told: float | None, seconds: int) -> None:
    assert await Control(kind, Path(), None, told).ask_payment_seconds() == seconds
