"""What has arrived of one partition, and which commit comes next (PROTOCOL F4, F5, F7); pure, to be modelled."""

import heapq
from dataclasses import dataclass

from common.envelope import Commit, Part, whole


@dataclass(slots=True)
class _Arriving:
    """A commit of which some parts are here."""

    prev: int
    parts: list[Part | None]

    @property
    def is_here(self) -> bool:
        return all(part is not None and part.complete for part in self.parts)

    @property
    def lacks_body(self) -> bool:
        return any(part is not None and not part.complete for part in self.parts)


class Inbox:
    """Orders the messages of one partition behind `position`, the last commit that was taken.

    A message may come twice, late, early or never. `take` returns only what follows without a gap.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        self._arriving: dict[int, _Arriving] = {}
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._arriving)

    def offer(self, part: Part) -> bool:
        """Take a message in; False if it tells nothing new."""
        position = part.commit.position
        if position <= self.position:
            return False
        arriving = self._arriving.get(position)
        if arriving is None:
            arriving = self._arriving[position] = _Arriving(part.prev, [None] * part.count)
            heapq.heappush(self._order, position)
        is_new = arriving.parts[part.index] is None
        arriving.parts[part.index] = part
        return is_new

    def take(self, limit_commits: int) -> list[Commit]:
        """Return the commits that come next, as far as they are here whole."""
        taken: list[Commit] = []
        while len(taken) < limit_commits and (first := self._first()) and first.prev <= self.position and first.is_here:
            commit = whole([part for part in first.parts if part])
            self.advance(commit.position)
            taken.append(commit)
        return taken

    def gap(self) -> int | None:
        """Return the position up to which the log must be read because something before it, or of it, is missing."""
        first = self._first()
        if first is None:
            return None
        is_overtaken = not first.is_here and len(self._arriving) > 1
        return self._order[0] if first.prev > self.position or first.lacks_body or is_overtaken else None

    def advance(self, position: int) -> None:
        """The log was read up to here, or the commit there was taken."""
        self.position = max(self.position, position)
        while self._order and self._order[0] <= self.position:
            del self._arriving[heapq.heappop(self._order)]

    def forget_beyond(self, head: int) -> int:
        """Drop arrivals behind this position; return how many there were."""
        beyond = [position for position in self._order if position > head]
        for position in beyond:
            del self._arriving[position]
        self._order = sorted(self._arriving)
        return len(beyond)

    def _first(self) -> _Arriving | None:
        return self._arriving[self._order[0]] if self._order else None
