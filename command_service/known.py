"""What is known of a stream: its state after so many commits, and how the next ones change it."""

from collections.abc import Iterable
from typing import Any

import msgspec

from command_service.domain.decider import Decider
from common.codec import decode_event
from common.envelope import Commit


class Known(msgspec.Struct, frozen=True, gc=False):
    """A stream after `version` commits with `events` in them: its state, position and link of the last one.

    `partition_key` is that of the first.
    """

    state: Any
    version: int = 0
    position: int = 0
    partition_key: int | None = None
    chain: bytes | None = None
    events: int = 0

    def after(self, commit: Commit, state: Any) -> "Known":
        """With the next commit, or with the draft of one, which makes this state."""
        events = self.events + len(commit.events)
        return Known(state, commit.version, commit.position, commit.partition_key, commit.chain, events)


def fold(decider: Decider[Any, Any, Any], known: Known, commits: Iterable[Commit]) -> Known:
    """Take in commits that are in the log, in the order of their versions."""
    for commit in commits:
        events = tuple(decode_event(record) for record in commit.events)
        known = known.after(commit, advanced(decider, known, events))
    return known


def advanced(decider: Decider[Any, Any, Any], known: Known, events: tuple[Any, ...]) -> Any:
    """The state when these events are written."""
    state = known.state
    for event in events:
        state = decider.evolve(state, event)
    return state
