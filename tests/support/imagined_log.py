"""A log in memory, filled by the real rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from command_service.domain.decider import Context, Decider
from common.access.actors import ANYBODY
from common.codec import encode_event
from common.envelope import Commit
from common.errors import Refusal
from common.values import Message

BEGUN_AT = datetime(2026, 1, 31, 22, tzinfo=UTC)
PARTITIONS = 4


class ImaginedLog:
    """`commits` are as the log would have them, one a minute; `states` what they have made of their streams."""

    def __init__(self, known_streams: frozenset[str] = frozenset()) -> None:
        """`known_streams` are there for the rules beside those of the commits."""
        self.commits: list[Commit] = []
        self.states: dict[str, Any] = {}
        self._versions: dict[str, int] = {}
        self._known_streams = known_streams

    def decide(
        self, decider: Decider[Any, Any, Any], subject: str, command: Message, *, partition_key: int, command_id: str
    ) -> None:
        """Append what the command comes to; what is refused, or changes nothing, leaves no trace."""
        stream = f"{decider.context}-{subject}"
        at = BEGUN_AT + timedelta(minutes=len(self.commits))
        known = self._known_streams | self._versions.keys()
        state = self.states.get(stream, decider.initial)
        try:
            events = decider.decide(
                command, state, Context(subject=subject, now=at, actor=ANYBODY, known_streams=known)
            )
        except Refusal:
            return
        if not events:
            return
        for event in events:
            state = decider.evolve(state, event)
        self.states[stream] = state
        self._versions[stream] = self._versions.get(stream, 0) + 1
        self.commits.append(
            Commit(
                position=len(self.commits) + 1,
                stream=stream,
                version=self._versions[stream],
                partition_key=partition_key,
                partition=partition_key % PARTITIONS,
                events=tuple(encode_event(event) for event in events),
                command_id=command_id,
                fingerprint="fingerprint",
                recorded_at=at,
            )
        )
