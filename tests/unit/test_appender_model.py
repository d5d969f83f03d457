"""Two and three command services write to one log at once, and everything goes wrong that can (PROTOCOL L)."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.support.appending import History, Service, Wish, a_request, check
from tests.support.memory_log import Cut, Fault, Late, Lost, MemoryLog, RolledBack, Slow, Store, Unreplicated
from tests.support.memory_snapshots import MemorySnapshots
from tests.support.schedules import some_schedules
from tests.support.virtual_time import run_virtually

SCHEDULES = 100
FEWEST_STEPS = 20_000  # calls of the log, in all schedules together
LONGEST_DELAY_SECONDS = 0.4
TRIES = 4  # of a client that gets no answer

seconds = st.integers(1, int(LONGEST_DELAY_SECONDS * 1000)).map(lambda milliseconds: milliseconds / 1000)
services = st.integers(0, 2)


@dataclass(frozen=True, slots=True)
class Send:
    service: int
    stream: int
    wish: Wish
    key: int | None
    stale_by: int | None  # If-Match, so many versions behind
    times: int  # at once, where there is no key
    patience_seconds: float
    is_other: bool  # what was sent under this key before is something else


@dataclass(frozen=True, slots=True)
class Break:
    service: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class CutOff:
    service: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Kill:
    service: int


@dataclass(frozen=True, slots=True)
class ForgetHead:
    service: int


@dataclass(frozen=True, slots=True)
class Pass:
    seconds: float


Step = Send | Break | CutOff | Kill | ForgetHead | Pass

sends = st.builds(
    Send,
    service=services,
    stream=st.sampled_from([0, 0, 0, 1, 2]),
    wish=st.sampled_from(["add", "add", "add_if_open", "open", "close"]),
    key=st.none() | st.integers(0, 9),
    stale_by=st.sampled_from([None] * 8 + [0, 0, 1, -1]),
    times=st.integers(1, 5),
    patience_seconds=st.sampled_from([2.0, 2.0, 0.1]),
    is_other=st.sampled_from([False] * 9 + [True]),
)
faults = st.one_of(
    st.builds(Lost),
    st.builds(Slow, seconds),
    st.builds(Cut, st.integers(0, 6)),
    st.builds(Late, seconds),
    st.builds(Unreplicated, seconds),
    st.builds(RolledBack, seconds),
)
pauses = st.builds(Pass, st.integers(0, 40).map(lambda milliseconds: milliseconds / 1000))
breaks = st.builds(Break, services, faults)
rarities = st.one_of(st.builds(CutOff, services, seconds), st.builds(Kill, services), st.builds(ForgetHead, services))
steps = st.sampled_from([*[sends] * 20, *[pauses] * 9, *[breaks] * 5, rarities]).flatmap(lambda kind: kind)
schedules = st.tuples(st.integers(0, 2**32), st.integers(2, 3), st.lists(steps, min_size=40, max_size=120))


class World:
    """Some services on one log, and the clients that the schedule sends to them."""

    def __init__(self, seed: int, services: int) -> None:
        self.store = Store()
        self.snapshots = MemorySnapshots()
        self.history = History(lambda stream: len(self.store.stream(stream)))
        self._random = Random(seed)
        self._services = [self._start(slowness) for slowness in (0.3, 1.0, 3.0)[:services]]
        self._clients: list[asyncio.Task[None]] = []
        self._keyed: dict[int, Send] = {}

    async def play(self, schedule: list[Step]) -> None:
        for step in schedule:
            await self._play(step)
        await self._come_to_rest()

    async def _play(self, step: Step) -> None:
        match step:
            case Send():
                for _ in range(step.times if step.key is None else 1):
                    self._clients.append(asyncio.create_task(self._insist(step)))
                await asyncio.sleep(0)
            case Pass():
                await asyncio.sleep(step.seconds)
            case Break():
                self._log(step.service).faults.append(step.fault)
            case CutOff():
                log = self._log(step.service)
                log.is_cut = True
                asyncio.get_running_loop().call_later(step.seconds, setattr, log, "is_cut", False)
            case Kill():
                number = step.service % len(self._services)
                await self._services[number].end()
                self._services[number] = self._start((0.3, 1.0, 3.0)[number])
            case ForgetHead():
                self._service(step.service).appender.forget_head()

    async def _insist(self, send: Send) -> None:
        """Send until there is an answer, to whoever is alive; an unkeyed command is sent once."""
        if send.key is not None and not send.is_other:
            send = self._keyed.setdefault(send.key, send)
        expected = None
        if send.stale_by is not None:
            expected = max(0, self.history.version_now(f"inventory-{send.stream}") - send.stale_by)
        command_id = None if send.key is None else f"key {send.key}"
        for number in range(TRIES if command_id else 1):
            request = a_request(
                send.wish,
                str(send.stream),
                command_id=command_id,
                expected_version=expected,
                deadline=asyncio.get_running_loop().time() + send.patience_seconds,
            )
            call = await self.history.send(self._service(send.service + number), request)
            if call.answer is not None:
                return
            await self.store.settled()

    async def _come_to_rest(self) -> None:
        for service in self._services:
            service.log.faults.clear()  # type: ignore[attr-defined]
        await asyncio.gather(*self._clients)
        await self.store.settled()
        for service in self._services:
            await service.end()

    def _start(self, slowness: float) -> Service:
        return Service(MemoryLog(self.store, random=self._random, slowness=slowness), self.store.info, self.snapshots)

    def _service(self, number: int) -> Service:
        return self._services[number % len(self._services)]

    def _log(self, number: int) -> MemoryLog:
        log = self._service(number).log
        assert isinstance(log, MemoryLog)
        return log


def test_whatever_the_schedule_the_log_and_every_answer_keep_the_rules() -> None:
    tally: Counter[str] = Counter()

    @some_schedules(SCHEDULES)
    @given(schedules)
    def play(schedule: tuple[int, int, list[Step]]) -> None:
        seed, services, steps = schedule

        async def main() -> World:
            world = World(seed, services)
            await world.play(steps)
            return world

        world = run_virtually(main(), "common.group_commit")
        check(world.history, world.store.visible)
        tally.update(world.history.tally())
        tally["steps"] += world.store.operations
        tally["calls"] += len(world.history.calls)

    play()
    print(dict(tally))
    assert tally["steps"] >= FEWEST_STEPS
    never = {
        "unknown",
        "replayed",
        "done",
        "already so",
        "closed",
        "stale_version",
        "idempotency_key_reused",
    } - tally.keys()
    assert not never, "the schedules never came so far"
