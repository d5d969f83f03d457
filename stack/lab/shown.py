"""What the lab shows, and what may stand in the bodies that it takes."""

from typing import Annotated, TypedDict

from pydantic import Field

from common.values import Message, with_example

MOST_PER_SECOND = 500


class LabProcess(TypedDict):
    """`pid` is null while it is down."""

    name: str
    state: str
    pid: int | None


class LabState(TypedDict):
    """`load_per_second` is how many orders are sent; `is_slow` whether the projector is held up again and again."""

    processes: list[LabProcess]
    load_per_second: int
    is_slow: bool


class Planted(TypedDict):
    """The commit that nobody can read."""

    stream: str
    position: int


class Mended(TypedDict):
    """`commits` can be read again; their documents move once they are retried."""

    commits: int


class SetLoad(Message):
    """So many orders a second from now on; 0 ends it. They are sent in the name of who asks."""

    model_config = with_example(per_second=20)

    per_second: Annotated[int, Field(ge=0, le=MOST_PER_SECOND)]


class SetSlow(Message):
    """Hold the projector up, or let it go."""

    model_config = with_example(is_slow=True)

    is_slow: bool
