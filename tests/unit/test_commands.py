"""Every command is a value: closed to what it does not know, and never changed."""

import pytest
from pydantic import ValidationError

from command_service.routes import ROUTES
from common.values import Message

COMMANDS = sorted({route.command for route in ROUTES}, key=lambda command: command.__name__)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_is_never_changed(command: type[Message]) -> None:
    asked = command.model_construct(reason="too slow")
    with pytest.raises(ValidationError, match="frozen"):
        asked.reason = "another"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_refuses_a_field_that_it_does_not_know(command: type[Message]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        command.model_validate({"colour": "black"})
