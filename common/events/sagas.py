"""The facts of a saga that no other stream tells."""

from typing import Annotated, ClassVar

from pydantic import Field

from common.values import Code, Message, Name

Round = Annotated[int, Field(ge=0)]
Detail = Annotated[str, Field(max_length=2000)]


class CommandRefused(Message):
    """A rule said no to a command of the saga; it was that of this step, in this round."""

    schema_version: ClassVar[int] = 1

    step: Name
    round: Round
    code: Code
    detail: Detail


SagaEvent = CommandRefused
