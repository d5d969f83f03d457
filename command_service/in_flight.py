"""What the relay has in its hands: commits that need not be read, and messages that are not confirmed yet."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from common.broker import Confirmation
from common.envelope import Commit, Message

READ_COMMITS = 500  # at once
MOST_HANDED = 2000  # commits kept for the relay in memory; one that is further behind reads the log
MOST_OUTSTANDING = 1000  # commits published and not yet confirmed


@dataclass(frozen=True, slots=True)
class Sent:
    commit: Commit
    messages: tuple[Message, ...]
    confirmations: list[Confirmation]


class Handed:
    """The newest commits of this process, as long as the relay is near enough to want them."""

    def __init__(self) -> None:
        self._commits: deque[Commit] = deque(maxlen=MOST_HANDED)

    def add(self, commits: Sequence[Commit]) -> None:
        self._commits.extend(commits)

    def clear(self) -> None:
        self._commits.clear()

    def after(self, position: int) -> list[Commit]:
        """Return the commits that follow this position without a hole, at most READ_COMMITS."""
        following: list[Commit] = []
        while self._commits and self._commits[0].position <= position:
            self._commits.popleft()
        while self._commits and self._commits[0].position == position + 1 and len(following) < READ_COMMITS:
            following.append(self._commits.popleft())
            position += 1
        return following


class Outstanding:
    """What is published and not yet confirmed, in order; `confirmed` is the last contiguous position that is."""

    def __init__(self) -> None:
        self.confirmed = 0
        self._sent: deque[Sent] = deque()
        self._added = asyncio.Event()
        self._removed = asyncio.Event()

    def add(self, sent: Sent) -> None:
        self._sent.append(sent)
        self._added.set()

    async def first(self) -> Sent:
        while not self._sent:
            self._added.clear()
            await self._added.wait()
        return self._sent[0]

    def confirm(self, position: int) -> None:
        self._sent.popleft()
        self.confirmed = position
        self._removed.set()

    async def room(self) -> None:
        """Wait until another page of commits may be published."""
        while len(self._sent) > MOST_OUTSTANDING - READ_COMMITS:
            self._removed.clear()
            await self._removed.wait()
