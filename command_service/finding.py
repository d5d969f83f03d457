"""Finds what a command is about where its path names something else: of a payment that is refunded, it is the order."""

from typing import Any

from command_service.insisting import insist
from command_service.known import Known, fold
from command_service.requests import require_id
from command_service.routes import Through
from common.errors import Contradiction, NotFound
from common.log import Log
from common.values import Message


async def find_subject(log: Log, through: Through, given: str, deadline: float) -> str:
    """Ask the log, past every cache: what was not there a moment ago may be there now."""
    decider = through.decider
    require_id(decider, given)
    commits = await insist(lambda: log.read_stream(f"{decider.context}-{given}"), deadline)
    known = fold(decider, Known(decider.initial), commits)
    if not known.version:
        raise NotFound(f"unknown_{decider.context}", f"There is no {decider.context} {given}.")
    return through.subject(known.state)


def told_through(through: Through, given: str, command: Message) -> Message:
    """The command, which now knows through what it was found."""
    name: str = through.decider.id_field
    said: Any = getattr(command, name)
    if said not in (None, given):
        context = through.decider.context
        raise Contradiction(f"another_{context}", f"This is {context} {given}, not {said}.")
    return command.model_copy(update={name: given})
