"""What the feed makes of messages, and of their absence (PROTOCOL F), rule by rule and in random schedules."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.broker import PREFETCH
from common.envelope import Part
from common.errors import ForeignLog
from common.feed import TAIL_CHECK_SECONDS
from common.inbox import Inbox
from common.log import MAX_EVENTS
from tests.support.commits import a_commit, an_event
from tests.support.feeding import Consumers, Fate, Trouble, in_memory
from tests.support.schedules import some_schedules
from tests.support.virtual_time import run_virtually, until, virtually

virtual = virtually("common.feed")
SCHEDULES = 80
FEWEST_STEPS = 15_000  # deliveries and calls of the log, in all schedules together
FEWEST_ZOMBIES = 10  # batches of a process that lost its lease, or died, meanwhile
FORGERIES = ("another key", "another log", "wrong partition", "altered", "rubbish")


def a_part(position: int, prev: int = 0, index: int = 0, count: int = 1, *, complete: bool = True) -> Part:
    commit = a_commit(position, events=(an_event(f"{position}.{index}"),))
    return Part(commit=commit, index=index, count=count, prev=prev, complete=complete)


def taken(inbox: Inbox, limit_commits: int = 100) -> list[int]:
    return [commit.position for commit in inbox.take(limit_commits)]


@asynccontextmanager
async def a_group(**rest: Any) -> AsyncIterator[Consumers]:
    """Consumers that serve everything, while their sessions are up."""
    consumers = Consumers(random=Random(0), **rest)
    with in_memory(consumers):
        await until(lambda: consumers.failure() or all(feed.is_connected and feed.held for feed in consumers.feeds))
        await asyncio.sleep(0.2)
        try:
            yield consumers
        finally:
            await consumers.end()


# --- F2, F3


@virtual
async def test_F2_a_message_is_acked_after_the_transaction_and_not_before() -> None:
    async with a_group(processes=1) as group:
        group.sinks[0].troubles.append("slow")
        group.publish(group.append(0, events=2))
        await until(lambda: group.broker.deliveries == 2)
        assert group.broker.waiting() == 2
        await until(group.is_caught_up)
        assert group.broker.deliveries == 2
        await until(lambda: group.broker.waiting() == 0)


@virtual
async def test_F2_an_unapplied_message_in_front_holds_the_acks_back() -> None:
    async with a_group(processes=1) as group:
        first, second = group.append(0), group.append(0)
        group.sinks[0].troubles.append("slow")
        group.publish(first)
        await until(lambda: group.broker.deliveries == 1)
        group.forge("another key", 0)
        group.publish(first)
        await until(lambda: group.broker.deliveries == 3)
        group.publish(second)
        await until(lambda: group.broker.deliveries == 4)
        assert group.broker.waiting() == 4
        await until(group.is_caught_up)
        await until(lambda: group.broker.waiting() == 0)


@pytest.mark.parametrize("position", [1, 7])
@virtual
async def test_F3_a_checkpoint_of_another_log_is_refused(position: int) -> None:
    """At a position where the log has another commit, and at one that the log does not have."""
    consumers = Consumers(processes=1, random=Random(0))
    consumers.append(0)
    consumers.views.applied[0].append(a_commit(position))
    with in_memory(consumers):
        await until(consumers.failure)
        assert isinstance(consumers.failure(), ForeignLog)


# --- F4


@pytest.mark.parametrize("kind", FORGERIES)
@virtual
async def test_F4_what_is_not_ours_is_acked_and_changes_nothing(kind: str) -> None:
    async with a_group(processes=1) as group:
        group.publish(group.append(0))
        await until(group.is_caught_up)
        for _ in range(3):
            group.forge(kind, 0)
        await until(lambda: group.broker.deliveries == 4)
        await until(lambda: group.broker.waiting() == 0, seconds=0.5)
        group.publish(group.append(0))
        await until(group.is_caught_up, seconds=0.1)


def test_F4_what_is_not_beyond_the_checkpoint_is_a_duplicate() -> None:
    inbox = Inbox(5)
    assert not inbox.offer(a_part(5, prev=3))
    assert not inbox.offer(a_part(2, prev=1))
    assert taken(inbox) == []
    assert len(inbox) == 0


def test_F4_a_message_that_came_already_is_a_duplicate() -> None:
    inbox = Inbox(0)
    assert inbox.offer(a_part(5, prev=3))
    assert not inbox.offer(a_part(5, prev=3))


@pytest.mark.parametrize("prev", [0, 2, 3])
def test_F4_a_whole_commit_whose_predecessor_is_done_is_next(prev: int) -> None:
    inbox = Inbox(3)
    inbox.offer(a_part(7, prev=prev))
    assert inbox.gap() is None
    assert taken(inbox) == [7]
    assert inbox.position == 7


def test_F4_a_commit_whose_predecessor_is_missing_is_a_gap() -> None:
    inbox = Inbox(3)
    inbox.offer(a_part(7, prev=5))
    assert taken(inbox) == []
    assert inbox.gap() == 7


def test_F4_what_comes_out_of_order_is_taken_in_order() -> None:
    inbox = Inbox(0)
    for position, prev in ((9, 4), (2, 0), (4, 2)):
        inbox.offer(a_part(position, prev=prev))
    assert taken(inbox, 2) == [2, 4]
    assert taken(inbox, 2) == [9]


def test_F4_an_overtaken_commit_that_is_not_whole_is_a_gap() -> None:
    inbox = Inbox(0)
    inbox.offer(a_part(2, index=1, count=2))
    assert inbox.gap() is None, "the rest may be on its way"
    inbox.offer(a_part(3, prev=2))
    assert taken(inbox) == []
    assert inbox.gap() == 2


def test_F4_a_message_without_a_body_is_read_from_the_log() -> None:
    inbox = Inbox(0)
    inbox.offer(a_part(2, complete=False))
    assert taken(inbox) == []
    assert inbox.gap() == 2


# --- F5


def test_F5_a_gap_stays_until_the_log_has_filled_it() -> None:
    inbox = Inbox(3)
    inbox.offer(a_part(9, prev=7))
    inbox.advance(5)  # what the log showed ends before the commit that caused the gap
    assert inbox.gap() == 9
    assert taken(inbox) == []
    inbox.advance(7)
    assert inbox.gap() is None
    assert taken(inbox) == [9]


def test_F5_what_was_read_from_the_log_is_not_taken_again() -> None:
    inbox = Inbox(0)
    for position in (2, 4, 6):
        inbox.offer(a_part(position, prev=position - 2))
    inbox.advance(4)
    assert taken(inbox) == [6]
    assert not inbox.offer(a_part(4, prev=2))


@virtual
async def test_F5_a_gap_that_the_log_does_not_show_yet_is_read_again() -> None:
    async with a_group(processes=1) as group:
        group.append(0)
        group.publish(group.append(0))
        group.store.majority = 0  # the log shows a snapshot from before
        await until(lambda: group.broker.deliveries == 1)
        await asyncio.sleep(0.1)
        assert not group.views.applied[0]
        group.store.replicate()
        await until(group.is_caught_up, seconds=TAIL_CHECK_SECONDS + 0.3)


@virtual
async def test_F5_a_checkpoint_is_always_a_commit_of_its_partition_and_seen_stands_beside_it() -> None:
    async with a_group(processes=1) as group:
        group.publish(group.append(0))
        for _ in range(20):
            group.publish(group.append(1))
        await until(group.is_caught_up)
        await until(lambda: group.sinks[0].notes[-1][0].seen == 21)
        assert [group.views.checkpoint(partition).position for partition in range(3)] == [1, 21, 0]


@virtual
async def test_F5_seen_says_nothing_that_a_page_did_not_show() -> None:
    """More commits than a page has, none of them announced; the sink checks every note."""
    async with a_group(processes=1, batch_commits=2) as group:
        for number in range(30):
            group.append(number % 2)
        await until(group.is_caught_up, seconds=5)
        await until(lambda: group.sinks[0].notes[-1][2].seen == 30)


# --- F6, F7


@virtual
async def test_F6_what_never_arrives_is_found_in_the_log_soon() -> None:
    async with a_group(processes=1) as group:
        group.publish(group.append(0), "lost")
        await until(group.is_caught_up, seconds=TAIL_CHECK_SECONDS + 0.3)


@virtual
async def test_F6_the_last_part_of_a_commit_that_never_arrives_is_found_in_the_log_soon() -> None:
    async with a_group(processes=1) as group:
        group.publish(group.append(0, events=3), "part lost")
        await until(group.is_caught_up, seconds=TAIL_CHECK_SECONDS + 0.3)


@virtual
async def test_F6_what_is_far_behind_is_read_page_after_page() -> None:
    async with a_group(processes=1, batch_commits=4) as group:
        for _ in range(400):
            group.append(0)
        await until(group.is_caught_up, seconds=TAIL_CHECK_SECONDS + 2)


@virtual
async def test_F6_without_a_broker_the_log_is_enough_and_at_once() -> None:
    async with a_group(processes=1) as group:
        group.broker.stop()
        await until(lambda: not group.feeds[0].is_connected)
        for _ in range(3):
            group.append(0)
            await until(group.is_caught_up, seconds=0.1)


def test_F7_only_whole_commits_are_taken() -> None:
    inbox = Inbox(0)
    for index in (2, 0):
        inbox.offer(a_part(4, index=index, count=3))
        assert taken(inbox) == []
    inbox.offer(a_part(4, index=1, count=3))
    (commit,) = inbox.take(1)
    assert [event.data["product_name"] for event in commit.events] == ["4.0", "4.1", "4.2"]


def test_F7_a_part_that_came_twice_does_not_make_a_commit_whole() -> None:
    inbox = Inbox(0)
    for _ in range(2):
        inbox.offer(a_part(4, index=1, count=2))
    assert taken(inbox) == []


def test_F7_the_window_holds_two_of_the_largest_commits() -> None:
    assert PREFETCH >= 2 * MAX_EVENTS


def test_a_page_is_no_larger_than_was_asked_for() -> None:
    inbox = Inbox(0)
    for position in range(1, 6):
        inbox.offer(a_part(position, prev=position - 1))
    assert taken(inbox, 2) == [1, 2]
    assert len(inbox) == 3


# --- schedules of the inbox alone: messages in any order, any number of times, or not at all


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.data())
def test_whatever_comes_the_inbox_gives_the_log_in_order(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=12))
    positions = [2 * number for number in range(1, len(sizes) + 1)]
    parts = [
        a_part(position, position - 2, index, size)
        for position, size in zip(positions, sizes, strict=True)
        for index in range(size)
    ]
    inbox, out = Inbox(0), list[int]()
    for part in data.draw(st.lists(st.sampled_from(parts), max_size=40)):
        inbox.offer(part)
        if data.draw(st.booleans()):
            out += taken(inbox, data.draw(st.integers(1, 3)))
        if (gap := inbox.gap()) and data.draw(st.booleans()):
            upto = data.draw(st.sampled_from([p for p in [*positions, gap] if p <= gap]))
            out += [position for position in positions if inbox.position < position <= upto]
            inbox.advance(upto)
    assert out == positions[: len(out)]
    for part in parts:
        inbox.offer(part)
    assert out + taken(inbox) == positions


# --- schedules of whole feeds


@dataclass(frozen=True, slots=True)
class Append:
    partition: int
    events: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Do:
    """Something happens to one process or partition, for some seconds where it lasts."""

    what: str
    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Troubled:
    number: int
    trouble: Trouble


Step = Append | Do | Troubled
FATES: tuple[Fate, ...] = ("lost", "doubled", "late", "part lost", "part doubled", "backwards", "no body")
appends = st.builds(
    Append,
    st.integers(0, 2),
    st.integers(1, 3),
    st.sampled_from([*["fine"] * 10, *FATES]),  # type: ignore[arg-type]
)
deeds = st.builds(
    Do,
    st.sampled_from(
        [
            "move",
            "move",
            "freeze",
            "kill",
            "wipe",
            "broker down",
            "cut off",
            "stale",
            "republish",
            "rebuild",
            *FORGERIES,
        ]
    ),
    st.integers(0, 2),
    st.sampled_from([0.02, 0.2, 1.5]),
)
troubles = st.builds(Troubled, st.integers(0, 1), st.sampled_from(["fenced", "unknown", "unavailable", "slow", "slow"]))
passes = st.builds(Do, st.just("pass"), st.just(0), st.sampled_from([0.002, 0.01, 0.05, 0.5]))
steps = st.sampled_from([*[appends] * 12, *[passes] * 4, *[deeds] * 4, troubles, troubles]).flatmap(lambda kind: kind)
schedules = st.tuples(st.integers(0, 2**32), st.lists(steps, min_size=30, max_size=100))


class World:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.group = Consumers(random=self._random)

    async def play(self, schedule: list[Step]) -> None:
        with in_memory(self.group):
            for step in schedule:
                await self._play(step)
                if failure := self.group.failure():
                    raise failure
            await self._come_to_rest()
            await self.group.end()

    async def _play(self, step: Step) -> None:
        group = self.group
        match step:
            case Append():
                group.publish(group.append(step.partition, step.events), step.fate)
            case Troubled():
                group.sinks[step.number].troubles.append(step.trouble)
            case Do(what="pass"):
                await asyncio.sleep(step.seconds)
            case Do(what="kill"):
                await group.kill(step.number % 2)
            case Do(what="move"):
                group.owners[step.number] = 1 - group.owners[step.number]
            case Do(what="wipe"):
                group.broker.wipe()
            case Do(what="rebuild"):
                for sink in group.sinks:
                    sink.to_rebuild.add(step.number)
            case Do(what="republish"):  # a relay whose cursor was lost begins again
                for commit in group.store.visible[-15:]:
                    group.publish(commit)
            case Do(what=kind) if kind in FORGERIES:
                group.forge(kind, step.number)
            case Do():
                begin, end = self._lasting(step)
                begin()
                asyncio.get_running_loop().call_later(step.seconds, end)

    def _lasting(self, step: Do) -> tuple[Callable[[], None], Callable[[], None]]:
        """What begins something that lasts, and what ends it."""
        group, log, leases = self.group, self.group.logs[step.number % 2], self.group.leases[step.number % 2]
        match step.what:
            case "freeze":
                return lambda: setattr(leases, "is_frozen", True), lambda: setattr(leases, "is_frozen", False)
            case "broker down":
                return group.broker.stop, lambda: setattr(group.broker, "is_up", True)
            case "cut off":
                return lambda: setattr(log, "is_cut", True), lambda: setattr(log, "is_cut", False)
            case "stale":
                return lambda: setattr(log, "staleness", 8), lambda: setattr(log, "staleness", 0)
        raise AssertionError(step.what)

    async def _come_to_rest(self) -> None:
        await asyncio.sleep(5)  # of virtual time: all that lasts has ended, all that was late has come
        for sink in self.group.sinks:
            sink.troubles.clear()
        await until(lambda: self.group.failure() or self.group.is_caught_up(), seconds=20)
        if failure := self.group.failure():
            raise failure


def test_whatever_the_schedule_the_views_get_exactly_the_log() -> None:
    tally: Counter[str] = Counter()

    @some_schedules(SCHEDULES)
    @given(schedules)
    def play(schedule: tuple[int, list[Step]]) -> None:
        async def main() -> World:
            world = World(schedule[0])
            await world.play(schedule[1])
            return world

        group = run_virtually(main(), "common.feed").group
        tally["calls of the log"] += group.store.operations
        tally["deliveries"] += group.broker.deliveries
        tally["commits"] += len(group.store.visible)
        tally["zombies"] += group.views.zombies

    play()
    print(dict(tally))
    assert tally["calls of the log"] + tally["deliveries"] >= FEWEST_STEPS
    assert tally["zombies"] >= FEWEST_ZOMBIES, "the fence was hardly needed"
