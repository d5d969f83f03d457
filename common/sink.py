"""What a consumer group gives to its feed: where to begin, and what to do with the commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.envelope import Commit
from common.partition_state import Progress

Batch = Mapping[int, Sequence[Commit]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a group has come in a partition; `command_id` is that of the commit at `position`, 0 is the beginning."""

    position: int = 0
    command_id: str | None = None


class Fenced(Exception):
    """The batch was not applied, or nobody knows whether it was: begin again from the checkpoints."""


class Superseded(Exception):
    """What is served now is made by rules that this process does not have: leave it to those that do."""


class Sink(Protocol):
    """What a group does with the commits. `apply` changes its documents and checkpoints together, or raises Fenced.

    `begin` and `apply` raise Superseded where `may_serve` would say no.
    """

    async def may_serve(self) -> bool:
        """Whether this process has the rules by which the group's documents are made."""
        ...

    async def begin(self, partitions: frozenset[int]) -> Mapping[int, Checkpoint]: ...
    async def apply(self, batch: Batch) -> None: ...
    async def note(self, progress: Mapping[int, Progress]) -> None: ...
    async def settle(self) -> bool:
        """Do, between batches, what has come from elsewhere; True if there was anything."""
        ...

    async def serve_requests(self, held: frozenset[int]) -> bool:
        """Do what was asked for meanwhile (V2); True if checkpoints were changed by it."""
        ...
