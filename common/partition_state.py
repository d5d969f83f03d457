"""One partition as the feed serves it: what has come, what is applied, what the log was seen to have; pure."""

from collections import deque
from dataclasses import dataclass, field

from common.inbox import Inbox

KEPT_LOOKS = 600


@dataclass(frozen=True, slots=True)
class Progress:
    """What a holder knows of a partition: nothing of it lies between its checkpoint and `seen`.

    `lag_commits` are the positions of the log beyond, where one is known to be of this partition.
    """

    seen: int
    lag_seconds: float
    lag_commits: int = 0


@dataclass(slots=True)
class PartitionState:
    """`is_behind` says that the log has what did not come as messages.

    `applied` is the checkpoint: what is taken from the inbox is not done before it is here. Nothing of the partition
    lies between `applied` and `seen`.
    """

    inbox: Inbox
    applied: int
    heard_at: float  # when a message of ours last came, be it an old one
    has_missed: bool = False  # the log was read since then, because something had not come
    seen: int = 0
    newest: int = 0  # what the looks have found of this partition
    is_behind: bool = True
    unacked: list[tuple[int, int]] = field(default_factory=list)  # (delivery tag, position), as they came
    _looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=KEPT_LOOKS))

    def look(self, now: float, newest: int, last: int, *, patience_seconds: float) -> None:
        """Note that the looks until now saw the log up to `last`, and this one `newest` of this partition (0: nothing).

        What was there a while ago and still is not taken will not come: then the log must be read.
        """
        self._forget_passed()
        self.newest = max(self.newest, newest)
        if self.newest > self.applied:
            self._looks.append((now, self.newest))
        else:
            self.seen = max(self.seen, last)
        if self._looks and now - self._looks[0][0] >= patience_seconds and self._looks[0][1] > self.inbox.position:
            self.is_behind = True

    def hear(self, now: float) -> None:
        self.heard_at, self.has_missed = now, False

    def forget_beyond(self, head: int) -> int:
        """Drop what claims positions that the log does not have (R2: no true message does); return how many."""
        forgotten = self.inbox.forget_beyond(head)
        if forgotten:
            self.unacked = [(tag, 0 if position > head else position) for tag, position in self.unacked]
        return forgotten

    def lag_seconds(self, now: float) -> float:
        """How long ago the oldest commit that is not applied was seen in the log."""
        self._forget_passed()
        return now - self._looks[0][0] if self._looks else 0.0

    def progress(self, now: float, head: int) -> Progress:
        """`head` is the log's, as far as it was seen."""
        lag_seconds = self.lag_seconds(now)
        return Progress(self.seen, lag_seconds, max(0, head - max(self.seen, self.applied)) if lag_seconds else 0)

    def _forget_passed(self) -> None:
        while self._looks and self._looks[0][1] <= self.applied:
            self._looks.popleft()
