"""Tells a range of the log again to others: the relay's messages, marked as replays, confirmed in order (ADR 27).

A crash, or a lost broker, leaves what was sent and not yet confirmed to come twice; never a gap before
`Tally.next_position`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from common.broker import Confirmation, Refused, is_routed
from common.envelope import Commit, Message, Seal, to_messages
from common.errors import Unavailable
from common.log import MongoLog
from common.republishing_target import Outlet, Target

PAGE_COMMITS = 500  # read at once
HANDFUL_EVENTS = 500  # sent at once, and some more that belong to the same commit; so many more wait for their confirms
CONFIRM_SECONDS = 5.0
HANDFULS_PER_SECOND = 10  # at a given rate, so that it is even

Page = list[tuple[Commit, int]]
"""Commits in order, each with the position of its partition's commit before."""
Made = list[tuple[Commit, list[Message]]]
Sent = list[tuple[Commit, list[Message], list[Confirmation]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The commits `first` to `last`: all, or those of one stream; of them all events, or those of some types."""

    first: int
    last: int
    stream: str | None = None
    types: frozenset[str] = frozenset()

    def messages(self, commit: Commit, prev: int, seal: Seal) -> list[Message]:
        made = to_messages(commit, prev, seal, is_replay=True)
        return [message for message in made if not self.types or message.headers["ce-type"] in self.types]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What is confirmed: `commits` with an event that was wanted, `events` of them, all before `next_position`."""

    next_position: int
    commits: int = 0
    events: int = 0


class NotTaken(Exception):
    """The broker refused an event, or no queue is there for it; what came before is confirmed."""


class Pace:
    """A bucket that fills at so many tokens a second and holds those of one second; 0 is without a limit."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._tokens = 0.0
        self._filled_at = time.monotonic()

    async def take(self, tokens: int) -> None:
        """Wait until they are there; a commit of more than a second's worth makes a debt."""
        if not self._per_second:
            return
        now = time.monotonic()
        filled = self._tokens + (now - self._filled_at) * self._per_second
        self._tokens, self._filled_at = min(filled, self._per_second) - tokens, now
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._per_second)


async def republish(
    log: MongoLog, selection: Selection, outlet: Outlet, tally: Tally, *, seal: Seal, rate: float = 0
) -> None:
    """Send all of it; `tally` grows with the confirms. Raises NotTaken, or Unavailable when nobody can say more."""
    pace, waiting = Pace(rate), Sent()
    async for page in pages(log, selection):
        made = [(commit, selection.messages(commit, prev, seal)) for commit, prev in page]
        for handful in _handfuls(made, rate):
            await pace.take(sum(len(messages) for _, messages in handful))
            sent = await _send(outlet, handful)
            await _settle(waiting, outlet.target, tally)
            waiting = sent
    await _settle(waiting, outlet.target, tally)
    tally.next_position = max(selection.first, selection.last + 1)


async def count(log: MongoLog, selection: Selection, tally: Tally) -> None:
    """The same without sending anything."""
    async for page in pages(log, selection):
        for commit, _ in page:
            wanted = sum(not selection.types or event.type in selection.types for event in commit.events)
            tally.events += wanted
            tally.commits += wanted > 0
            tally.next_position = commit.position + 1
    tally.next_position = max(selection.first, selection.last + 1)


async def pages(log: MongoLog, selection: Selection) -> AsyncIterator[Page]:
    if selection.stream is not None:
        found = _pages_of_stream(log, selection, selection.stream)
    else:
        found = _pages_of_all(log, selection)
    async for page in found:
        yield page


async def _pages_of_all(log: MongoLog, selection: Selection) -> AsyncIterator[Page]:
    after = selection.first - 1
    last_of = await log.last_positions(after)
    while last_of is not None and after < selection.last:
        page: Page = []
        for commit in await log.read_all(after, min(PAGE_COMMITS, selection.last - after)):
            page.append((commit, last_of[commit.partition]))
            last_of[commit.partition] = after = commit.position
        if not page:
            raise Unavailable(f"The log does not have position {after + 1}; `cqrs log verify` tells more.")
        yield page


async def _pages_of_stream(log: MongoLog, selection: Selection, stream: str) -> AsyncIterator[Page]:
    """A stream is short beside the log, so what stands before each of its commits is looked up."""
    version = 0
    while commits := await log.read_stream(stream, version, PAGE_COMMITS):
        version = commits[-1].version
        wanted = [commit for commit in commits if selection.first <= commit.position <= selection.last]
        before = await asyncio.gather(*(log.last_positions(commit.position - 1) for commit in wanted))
        yield [(commit, (last_of or {})[commit.partition]) for commit, last_of in zip(wanted, before, strict=True)]


def _handfuls(made: Made, rate: float) -> Iterator[Made]:
    """Whole commits."""
    limit = min(HANDFUL_EVENTS, rate / HANDFULS_PER_SECOND) if rate else HANDFUL_EVENTS
    handful, events = Made(), 0
    for commit, messages in made:
        handful.append((commit, messages))
        events += len(messages)
        if events >= limit:
            yield handful
            handful, events = Made(), 0
    yield handful


async def _send(outlet: Outlet, made: Made) -> Sent:
    addressed = [outlet.target.address(message) for _, messages in made for message in messages]
    confirmations = iter(await outlet.publisher.publish(addressed))
    return [(commit, messages, [next(confirmations) for _ in messages]) for commit, messages in made]


async def _settle(sent: Sent, target: Target, tally: Tally) -> None:
    """Wait until the broker has said something of each, in order."""
    for commit, messages, confirmations in sent:
        if confirmations:
            _, silent = await asyncio.wait(confirmations, timeout=CONFIRM_SECONDS)
            if silent:
                raise Unavailable("RabbitMQ confirms nothing.")
        for message, confirmation in zip(messages, confirmations, strict=True):
            await _require_taken(message, confirmation, target)
        tally.commits += bool(messages)
        tally.events += len(messages)
        tally.next_position = commit.position + 1


async def _require_taken(message: Message, confirmation: Confirmation, target: Target) -> None:
    try:
        if await is_routed(confirmation):
            return
    except Refused as refused:
        raise NotTaken(f"{target} refuses event {message.id} ({message.routing_key}); is it full?") from refused
    raise NotTaken(target.no_queue_for(message))
