"""What `cqrs events republish` is told: where to, and what part of the log."""

import pytest

from cli.__main__ import application
from command_service.sagas import runner
from common.envelope import EXCHANGE
from common.errors import LeveretError
from common.republishing_target import GROUPS, Target
from projector import writer


@pytest.mark.parametrize("is_queue", [True, False], ids=["queue", "exchange"])
@pytest.mark.parametrize(
    "name",
    [EXCHANGE, "domain.commands", "views.p0", "views.p12", "views.p3.old", "sagas.p7", "commands", "commands.dead"],
)
def test_what_is_ours_is_no_target(name: str, is_queue: bool) -> None:
    with pytest.raises(LeveretError, match="own"):
        Target(name, is_queue=is_queue)


def test_every_group_of_ours_is_known() -> None:
    assert set(GROUPS) == {writer.GROUP, runner.GROUP}


@pytest.mark.parametrize("name", ["", "x" * 256, "ä" * 128])
def test_a_name_without_letters_or_without_end_is_no_target(name: str) -> None:
    with pytest.raises(LeveretError, match="1 to 255"):
        Target(name, is_queue=True)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--to-queue", "a", "--to-exchange", "b"],
        ["--to-queue", "a", "--from-time", "yesterday"],
        ["--to-queue", "a", "--from-time", "2026-01-31T08:30:00"],
        ["--to-queue", "a", "--from-position", "1", "--from-time", "2026-01-31T08:30:00Z"],
        ["--to-queue", "a", "--type", "OrderEaten"],
        ["--to-queue", "a", "--rate", "-1"],
    ],
)
def test_what_cannot_be_meant_is_told_as_wrong_use(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        application()(["events", "republish", *words])
