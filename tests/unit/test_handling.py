"""What the appender and the command handler promise, rule by rule (PROTOCOL L2-L10), on a log in memory."""

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace

from command_service.domain.decider import Context
from common.envelope import Commit
from common.errors import CommandRejected, KeyReused, PreconditionFailed, Unavailable
from common.events.inventory import InventoryUpdated
from common.group_commit import LONELY_LOOK_SECONDS, MAX_FLUSH_BYTES, Appender, Replayed, Superseded
from common.log import MAX_EVENTS, Written
from tests.support.appending import MARKS, PATIENCE_SECONDS, Mark, Marks, Service, a_request, digest
from tests.support.commits import a_command_id, a_commit, an_event
from tests.support.memory_log import Cut, Late, Lost, MemoryLog, RolledBack, Slow, Store
from tests.support.virtual_time import until, virtually

virtual = virtually("common.group_commit")


class Appending:
    """One appender on a store, without a handler; `superseded` lists the streams it declared void."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.superseded: list[str] = []
        self.appender = Appender(log, on_superseded=self.superseded.append)
        self.running = asyncio.ensure_future(self.appender.run())

    def append(
        self, stream: str, version: int = 1, *, patience_seconds: float = 5.0, size_bytes: int = 1000, **rest: object
    ) -> asyncio.Future[Commit]:
        draft = a_commit(0, f"inventory-{stream}", version, **rest)
        return self.append_draft(draft, patience_seconds=patience_seconds, size_bytes=size_bytes)

    def append_draft(
        self, draft: Commit, *, patience_seconds: float = 5.0, size_bytes: int = 1000
    ) -> asyncio.Future[Commit]:
        deadline = now() + patience_seconds
        return self.appender.append(draft, size_bytes=size_bytes, deadline=deadline)


class Stormy(MemoryLog):
    """Somebody else takes the position just before each of the first `losses` inserts."""

    losses = 0
    _others = 0

    async def insert(self, commits: Sequence[Commit]) -> Written:
        if self.losses:
            self.losses -= 1
            self._others += 1
            self.store.write([a_commit(commits[0].position, f"inventory-other-{self._others}")])
            self.store.replicate()
        return await super().insert(commits)


def now() -> float:
    return asyncio.get_running_loop().time()


def slow(store: Store, slowness: float = 1.0) -> MemoryLog:
    return MemoryLog(store, random=Random(0), slowness=slowness)


def service(store: Store) -> Service:
    return Service(slow(store), store.info)


def elsewhere(store: Store, stream: str = "inventory-1", wish: str = "add") -> Commit:
    """Another process adds a commit to the log."""
    marks = tuple(commit.events[0].data["product_name"] for commit in store.stream(stream))
    event = an_event(f"{wish} on {digest(marks)}")
    commit = a_commit(store.head + 1, stream, len(marks) + 1, events=(event,))
    store.write([commit])
    store.replicate()
    return commit


def positions(store: Store) -> list[int]:
    return [commit.position for commit in store.visible]


# --- L2


@virtual
async def test_L2_one_flush_is_in_flight_and_what_arrives_meanwhile_joins_the_next() -> None:
    store = Store()
    appending = Appending(slow(store))
    first = appending.append("a")
    await until(lambda: store.inserts)
    rest = [appending.append(f"b{number}") for number in range(5)]
    assert not first.done()
    commits = await asyncio.gather(first, *rest)
    assert [len(sent) for sent in store.inserts] == [1, 5]
    assert [commit.position for commit in commits] == [1, 2, 3, 4, 5, 6]


@virtual
async def test_L2_a_flush_has_at_most_500_commits() -> None:
    store = Store()
    appending = Appending(slow(store))
    await asyncio.gather(*(appending.append(str(number)) for number in range(1200)))
    assert [len(sent) for sent in store.inserts] == [500, 500, 200]


@virtual
async def test_L2_a_flush_has_at_most_8_MB() -> None:
    store = Store()
    appending = Appending(slow(store))
    assert MAX_FLUSH_BYTES == 8 * 1024 * 1024
    await asyncio.gather(*(appending.append(str(number), size_bytes=3 * 1024 * 1024) for number in range(5)))
    assert [len(sent) for sent in store.inserts] == [2, 2, 1]


@virtual
async def test_L2_nothing_waits_for_a_timer() -> None:
    """A lone command takes one read of the head, one look at the turn and one insert; the next one an insert."""
    store = Store()
    appending = Appending(MemoryLog(store))
    started = now()
    await appending.append("a")
    await appending.append("b")
    assert now() == started


# --- L3: in each, the server becomes one that never had the last commits; a cached head would leave a hole


async def _forgotten_after(appending: Appending) -> None:
    await appending.append("next", patience_seconds=10)
    assert positions(appending.log.store) == [1, 2]


async def _three_then_one_of_them_is_left(store: Store) -> Appending:
    appending = Appending(MemoryLog(store))
    await asyncio.gather(*(appending.append(str(number)) for number in range(3)))
    store.roll_back(1)
    store.replicate()
    return appending


@virtual
async def test_L3_the_head_is_forgotten_when_the_pool_was_cleared() -> None:
    appending = await _three_then_one_of_them_is_left(Store())
    appending.appender.forget_head()
    await _forgotten_after(appending)


@virtual
async def test_L3_the_head_is_forgotten_after_an_unknown_insert() -> None:
    appending = await _three_then_one_of_them_is_left(Store())
    appending.log.faults.append(Lost())
    with pytest.raises(Superseded):
        await appending.append("unknown")
    await _forgotten_after(appending)


# --- L4


@virtual
async def test_L4_the_commits_before_the_first_clash_are_acknowledged_and_the_rest_is_sent_again() -> None:
    store = Store()
    taken = elsewhere(store, "inventory-taken")
    appending = Appending(slow(store))
    outcomes = [
        appending.append("a"),
        appending.append("b"),
        appending.append("c", command_id=taken.command_id),
        appending.append("d"),
    ]
    results = await asyncio.gather(*outcomes, return_exceptions=True)
    assert [r.position for r in results if isinstance(r, Commit)] == [2, 3, 4]
    assert isinstance(results[2], Replayed)
    assert positions(store) == [1, 2, 3, 4]


@pytest.mark.parametrize("fault", [Lost(), Cut(0), Cut(2), Cut(5), Late(0.2), RolledBack(0.2)], ids=repr)
@virtual
async def test_L4_of_an_unknown_flush_nothing_is_acknowledged(fault: object) -> None:
    store = Store()
    appending = Appending(slow(store))
    appending.log.faults.append(fault)  # type: ignore[arg-type]
    outcomes = [appending.append(str(number)) for number in range(5)]
    results = await asyncio.gather(*outcomes, return_exceptions=True)
    assert all(isinstance(result, Superseded) and result.unknown for result in results)


# --- L5


@virtual
async def test_L5_a_clash_of_the_command_id_is_a_replay_even_when_the_version_clashes_too() -> None:
    store = Store()
    taken = elsewhere(store)
    appending = Appending(slow(store))
    with pytest.raises(Replayed) as replayed:
        await appending.append_draft(replace(taken, position=0))
    assert replayed.value.commit == taken


@virtual
async def test_L5_of_many_replays_in_one_flush_each_is_one_and_the_rest_is_written() -> None:
    store = Store()
    taken = [elsewhere(store, f"inventory-{number}") for number in range(3)]
    appending = Appending(slow(store))
    replays = [appending.append_draft(replace(commit, position=0)) for commit in taken]
    new = [appending.append(f"new {number}") for number in range(3)]
    results = await asyncio.gather(*replays, return_exceptions=True)
    assert [result.commit for result in results if isinstance(result, Replayed)] == taken
    assert [(await commit).position for commit in new] == [4, 5, 6]


@virtual
async def test_L5_a_replay_that_nobody_waits_for_any_more_does_not_hold_up_the_others() -> None:
    store = Store()
    taken = elsewhere(store)
    appending = Appending(slow(store))
    given_up = appending.append_draft(replace(taken, position=0))
    other = appending.append("other")
    given_up.cancel()
    started = now()
    await other
    assert now() - started < 1


@virtual
async def test_L5_a_clash_of_the_version_is_a_conflict() -> None:
    store = Store()
    elsewhere(store)
    appending = Appending(slow(store))
    with pytest.raises(Superseded) as superseded:
        await appending.append("1")
    assert not superseded.value.unknown


@virtual
async def test_L5_a_lost_position_is_tried_again_at_once_and_without_a_turn() -> None:
    store = Store()
    log = Stormy(store, random=Random(0))
    log.losses = 1
    appending = Appending(log)
    started = now()
    commit = await appending.append("a")
    assert commit.position == 2
    assert store.turns_taken == []
    assert now() - started < 0.04


@virtual
async def test_L5_after_two_losses_in_a_row_the_turn_is_written_and_given_back() -> None:
    store = Store()
    log = Stormy(store, random=Random(0))
    log.losses = 2
    appending = Appending(log)
    await appending.append("a")
    assert len(store.turns_taken) == 1
    await appending.append("b")
    assert store.turn_holder(now()) is None


@virtual
async def test_L5_a_success_in_between_starts_the_count_of_losses_anew() -> None:
    store = Store()
    log = Stormy(store, random=Random(0))
    appending = Appending(log)
    for name in "abcd":
        log.losses = 1
        await appending.append(name)
    assert store.turns_taken == []


@virtual
async def test_L5_a_busy_appender_yields_to_the_one_who_has_the_turn_after_its_next_look() -> None:
    store = Store()
    appending = Appending(MemoryLog(store, random=Random(0), slowness=0.2))
    inserted_at: list[float] = []

    async def load() -> None:
        while True:
            inserted_at.append((now(), await appending.append(a_command_id()))[0])

    async with asyncio.TaskGroup() as tasks:
        loading = tasks.create_task(load())
        await until(lambda: len(inserted_at) > 100)
        store.take_turn("somebody else", now())
        taken_at = now()
        await asyncio.sleep(0.2)
        loading.cancel()
    turn = [t - taken_at for t in inserted_at if t > taken_at]
    assert turn, "the test did not load the log"
    assert max(turn) < LONELY_LOOK_SECONDS + 0.005


@virtual
async def test_L5_a_slow_appender_does_not_starve_beside_a_quick_one() -> None:
    store = Store()
    quick, far = (
        Appending(MemoryLog(store, random=Random(number), slowness=slowness))
        for number, slowness in enumerate((0.1, 2.0))
    )
    done = {"quick": 0, "far": 0}

    async def load(name: str, appending: Appending) -> None:
        while True:
            await appending.append(f"{name}-{done[name]}", patience_seconds=100)
            done[name] += 1

    async with asyncio.TaskGroup() as tasks:
        loads = [tasks.create_task(load("quick", quick)), tasks.create_task(load("far", far))]
        await asyncio.sleep(3)
        for one in loads:
            one.cancel()
    assert done["far"] >= 10
    assert done["quick"] >= 10


@pytest.mark.parametrize(("majority_seconds", "longest_wait_seconds"), [(0.1, 2.0), (0.3, 4.0)])
@virtual
async def test_L5_no_appender_starves_where_a_majority_takes_long(
    majority_seconds: float, longest_wait_seconds: float
) -> None:
    """With turns that ended before their inserts did, somebody waited for 8.7 and 19 s here (ADR 18)."""
    store = Store()
    waits: list[float] = []
    slowly = {"slowness": 5.0, "replication_seconds": majority_seconds}

    async def load(appending: Appending, name: str, random: Random) -> None:
        for number in itertools.count():
            asked_at = now()
            await appending.append(f"{name}-{number}", patience_seconds=100)
            waits.append(now() - asked_at)
            await asyncio.sleep(random.uniform(0, 0.2))

    async with asyncio.TaskGroup() as tasks:
        both = [Appending(MemoryLog(store, random=Random(number), **slowly)) for number in range(2)]
        clients = [
            tasks.create_task(load(appending, f"{process}-{client}", Random(client)))
            for process, appending in enumerate(both)
            for client in range(20)
        ]
        await asyncio.sleep(60)
        for one in clients:
            one.cancel()
    assert len(waits) > 1500
    assert max(waits) < longest_wait_seconds


# --- L6


async def _who_stands_behind(
    store: Store, *, first: Commit, fault: object = None, cut_seconds: float = 0.0, patience_seconds: float = 5.0
) -> None:
    """`first` does not become a commit; two of its stream stand behind it, and one of another."""
    appending = Appending(slow(store))
    if cut_seconds:
        appending.log.is_cut = True
        asyncio.get_running_loop().call_later(cut_seconds, setattr, appending.log, "is_cut", False)
    order: list[str] = []
    if fault:
        appending.log.faults.append(fault)  # type: ignore[arg-type]
    outcomes = {"first": appending.append_draft(first, patience_seconds=patience_seconds)}
    if fault:  # these join the next flush
        await until(lambda: store.inserts)
    for number in (1, 2):
        draft = replace(first, version=first.version + number, command_id=a_command_id())
        outcomes[f"behind {number}"] = appending.append_draft(draft)
    outcomes["other"] = appending.append("other")
    for name, outcome in outcomes.items():
        outcome.add_done_callback(
            lambda _, name=name: order.append(name if name == "other" else f"{name} {len(appending.superseded)}")
        )
    results = dict(zip(outcomes, await asyncio.gather(*outcomes.values(), return_exceptions=True), strict=True))
    assert isinstance(results["other"], Commit)
    assert isinstance(results["first"], Exception)
    for name in ("behind 1", "behind 2"):
        assert isinstance(results[name], Superseded), "decided on something that did not happen"
        assert not results[name].unknown, "it was never sent"
    order.remove("other")
    assert order == ["first 1", "behind 1 1", "behind 2 1"], "in their order, after the state was declared void"


@virtual
async def test_L6_a_conflict_takes_what_stands_behind_it_along() -> None:
    store = Store()
    elsewhere(store)
    await _who_stands_behind(store, first=a_commit(0, "inventory-1", 1))


@virtual
async def test_L6_a_replay_takes_what_stands_behind_it_along() -> None:
    store = Store()
    taken = elsewhere(store)
    await _who_stands_behind(store, first=a_commit(0, "inventory-1", 2, command_id=taken.command_id))


@virtual
async def test_L6_an_unknown_outcome_takes_what_stands_behind_it_along() -> None:
    await _who_stands_behind(Store(), first=a_commit(0, "inventory-1", 1), fault=Lost())


@virtual
async def test_L6_a_commit_that_waited_too_long_takes_what_stands_behind_it_along() -> None:
    await _who_stands_behind(Store(), first=a_commit(0, "inventory-1", 1), cut_seconds=0.1, patience_seconds=0.01)


@virtual
async def test_L6_what_is_decided_again_keeps_its_order() -> None:
    store = Store()
    ours = service(store)
    await ours.handle(a_request())
    elsewhere(store)
    ids = [a_command_id() for _ in range(6)]
    await asyncio.gather(*(ours.handle(a_request(command_id=command_id)) for command_id in ids))
    assert [commit.command_id for commit in store.visible][2:] == ids


@virtual
async def test_L6_only_a_conflict_with_if_match_is_answered() -> None:
    store = Store()
    ours = service(store)
    await ours.handle(a_request())
    elsewhere(store)
    strict, lax = ours.handle(a_request(expected_version=1)), ours.handle(a_request())
    with pytest.raises(PreconditionFailed):
        await strict
    assert (await lax).version == 3


# --- L7


@virtual
async def test_L7_decide_sees_what_is_queued_before_it() -> None:
    store = Store()
    ours = service(store)
    first, second = ours.handle(a_request()), ours.handle(a_request("close"))
    assert [(await first).version, (await second).version] == [1, 2]
    assert len(store.inserts) == 1, "nobody waited for the first one"


@pytest.mark.parametrize("fault", [Lost(), RolledBack(0.5)], ids=repr)
@virtual
async def test_L7_nobody_decides_on_what_was_not_written_after_all(fault: object) -> None:
    store = Store()
    ours = service(store)
    ours.log.faults.append(fault)  # type: ignore[attr-defined]
    gone = ours.handle(a_request(deadline=now() + 0.01))
    with pytest.raises(Unavailable):
        await gone
    done = await ours.handle(a_request())
    assert (done.version, done.status) == (1, digest((f"add on {digest(())}",)))


# --- L8


@virtual
async def test_L8_an_unknown_outcome_is_looked_up_and_the_command_done_once() -> None:
    store = Store()
    ours = service(store)
    ours.log.faults.append(Cut(1))  # type: ignore[attr-defined]
    done = await ours.handle(a_request())
    assert (done.version, done.position, done.changed, done.replayed) == (1, 1, True, False)
    assert len(store.visible) == 1


@virtual
async def test_L8_what_nobody_knows_until_the_deadline_is_unavailable_and_nothing_else() -> None:
    store = Store()
    ours = service(store)
    log = ours.log
    assert isinstance(log, MemoryLog)
    log.faults.append(Late(PATIENCE_SECONDS * 2))
    started = now()
    unknown = ours.handle(a_request())
    await until(lambda: store.inserts)
    log.is_cut = True
    with pytest.raises(Unavailable):
        await unknown
    assert now() - started == pytest.approx(PATIENCE_SECONDS, abs=0.2)


@virtual
async def test_L8_a_command_is_answered_at_its_deadline_while_its_insert_is_still_under_way() -> None:
    """As when the primary is cut off from a majority: it takes the insert and says nothing."""
    store = Store()
    ours = service(store)
    ours.log.faults.append(Slow(PATIENCE_SECONDS * 2))  # type: ignore[attr-defined]
    command_id, started = a_command_id(), now()
    with pytest.raises(Unavailable):
        await ours.handle(a_request(command_id=command_id))
    assert now() - started == pytest.approx(PATIENCE_SECONDS, abs=0.2)
    await until(lambda: store.visible)
    again = await ours.handle(a_request(command_id=command_id))
    assert (again.version, again.replayed) == (1, True)


@virtual
async def test_L8_a_command_is_not_refused_while_an_insert_of_it_may_still_be_written() -> None:
    """The one that begins the stream is given up, so the one behind it is decided again on an empty stream."""
    store = Store()
    ours = service(store)
    ours.log.faults.append(Late(0.5))  # type: ignore[attr-defined]
    begins, closes = ours.handle(a_request()), ours.handle(a_request("close"))
    await until(lambda: store.inserts)
    begins.cancel()
    done = await closes
    assert (done.version, done.changed) == (2, True)
    assert [len(sent) for sent in store.inserts] == [2]


# --- L9


@virtual
async def test_L9_the_retry_of_a_success_is_not_refused_by_its_own_effect() -> None:
    store = Store()
    ours = service(store)
    command_id = a_command_id()
    first = await ours.handle(a_request(command_id=command_id, expected_version=0))
    again = await ours.handle(a_request(command_id=command_id, expected_version=0))
    assert again == replace(first, replayed=True)


@virtual
async def test_L9_the_retry_of_a_success_is_not_already_so_by_its_own_effect() -> None:
    store = Store()
    ours = service(store)
    await ours.handle(a_request())
    command_id = a_command_id()
    first = await ours.handle(a_request("close", command_id=command_id))
    again = await ours.handle(a_request("close", command_id=command_id))
    assert again == replace(first, replayed=True)
    assert again.changed


@virtual
async def test_L9_a_refusal_is_given_on_what_the_log_says_now() -> None:
    store = Store()
    ours = service(store)
    await ours.handle(a_request())
    await ours.handle(a_request("close"))
    elsewhere(store, wish="open")
    assert (await ours.handle(a_request("add_if_open"))).version == 4


@virtual
async def test_L9_already_so_is_said_on_what_the_log_says_now() -> None:
    store = Store()
    ours = service(store)
    await ours.handle(a_request())
    await ours.handle(a_request("close"))
    elsewhere(store, wish="open")
    assert (await ours.handle(a_request("close"))).changed


@virtual
async def test_L9_nothing_is_refused_because_of_what_was_queued_and_never_written() -> None:
    store = Store()
    ours = service(store)
    await ours.handle(a_request())
    ours.log.faults.append(Lost())  # type: ignore[attr-defined]
    closes = ours.handle(a_request("close", deadline=now() + 0.004))
    adds = ours.handle(a_request("add_if_open"))
    with pytest.raises(Unavailable):
        await closes
    assert (await adds).version == 2


@virtual
async def test_L9_already_so_tells_the_last_position_and_writes_nothing() -> None:
    store = Store()
    ours = service(store)
    await ours.handle(a_request())
    closed = await ours.handle(a_request("close"))
    await ours.handle(a_request(subject="another"))
    again = await ours.handle(a_request("close"))
    assert again == replace(closed, command_id=again.command_id, events=(), recorded_at=None, changed=False)
    assert len(store.visible) == 3


@virtual
async def test_L9_neither_a_refusal_nor_already_so_is_remembered() -> None:
    store = Store()
    ours = service(store)
    refused, so = a_command_id(), a_command_id()
    with pytest.raises(CommandRejected):
        await ours.handle(a_request("close", command_id=refused))
    assert not (await ours.handle(a_request("open", command_id=so))).changed
    await ours.handle(a_request())
    assert (await ours.handle(a_request("close", command_id=refused))).changed
    assert (await ours.handle(a_request("open", command_id=so))).changed


def _more_and_more(command: Mark, marks: Marks, context: Context) -> tuple[InventoryUpdated, ...]:
    """One event at first, then more than a commit may have."""
    return (InventoryUpdated(product_id=1, product_name="x"),) * (1 + MAX_EVENTS * len(marks))


@virtual
async def test_L9_the_retry_of_a_success_is_not_too_large_by_its_own_effect() -> None:
    store = Store()
    ours = service(store)
    decider = dataclasses.replace(MARKS, decide=_more_and_more)
    command_id = a_command_id()
    big = {"decider": decider, "body_bytes": 20_000}
    first = await ours.handle(a_request(command_id=command_id, **big))
    again = await ours.handle(a_request(command_id=command_id, **big))
    assert again == replace(first, replayed=True)


@virtual
async def test_what_a_small_command_causes_is_measured_where_it_may_outgrow_it() -> None:
    ours = service(Store())
    decider = dataclasses.replace(MARKS, decide=_more_and_more, outgrows=True)
    await ours.handle(a_request(decider=decider))
    with pytest.raises(CommandRejected) as refusal:
        await ours.handle(a_request(decider=decider))
    assert refusal.value.code == "too_large"


@virtual
async def test_a_rule_is_told_whether_the_owner_of_its_stream_exists() -> None:
    def decide(command: Mark, marks: Marks, context: Context) -> tuple[InventoryUpdated, ...]:
        if "inventory-1" not in context.known_streams:
            raise CommandRejected("no_owner", "there is no owner")
        return MARKS.decide(command, marks, context)

    ours = service(Store())
    owned = dataclasses.replace(MARKS, context="media", decide=decide, owner="inventory")
    with pytest.raises(CommandRejected):
        await ours.handle(a_request(decider=owned))
    await ours.handle(a_request())
    assert (await ours.handle(a_request(decider=owned))).version == 1


@virtual
async def test_L9_a_client_that_hangs_up_does_not_change_what_its_retry_is_told() -> None:
    """Its commit stays in the queue; a refusal of the retry must wait for it like for any other."""
    store = Store()
    ours = service(store)
    ours.log.faults.append(Slow(0.5))  # type: ignore[attr-defined]
    command_id = a_command_id()
    begins, closes = ours.handle(a_request()), ours.handle(a_request("close", command_id=command_id))
    await until(lambda: store.inserts)
    closes.cancel()
    again = await ours.handle(a_request("close", command_id=command_id))
    assert (again.version, again.changed) == (2, True)
    assert (await begins).version == 1


# --- L10


@virtual
async def test_L10_a_repeat_is_answered_at_the_version_it_made_and_marked() -> None:
    store = Store()
    ours = service(store)
    command_id = a_command_id()
    await ours.handle(a_request())
    first = await ours.handle(a_request(command_id=command_id))
    await ours.handle(a_request("close"))
    for asked in (ours, service(store)):
        again = await asked.handle(a_request(command_id=command_id))
        assert again == replace(first, replayed=True)
    assert not first.replayed


@virtual
async def test_L10_a_repeat_whose_insert_got_lost_is_a_repeat_all_the_same() -> None:
    store = Store()
    ours = service(store)
    command_id = a_command_id()
    await ours.handle(a_request(command_id=command_id))
    ours.log.faults.append(Lost())  # type: ignore[attr-defined]
    assert (await ours.handle(a_request(command_id=command_id))).replayed


@virtual
async def test_L10_another_command_under_the_same_id_is_refused() -> None:
    store = Store()
    ours = service(store)
    command_id = a_command_id()
    await ours.handle(a_request(command_id=command_id))
    with pytest.raises(KeyReused):
        await ours.handle(a_request("close", command_id=command_id))
    with pytest.raises(KeyReused):
        await service(store).handle(a_request("add", "another stream", command_id=command_id))
    assert len(store.visible) == 1


@virtual
async def test_L10_another_command_under_the_id_of_one_that_is_running_is_refused() -> None:
    store = Store()
    ours = service(store)
    command_id = a_command_id()
    first = ours.handle(a_request(command_id=command_id))
    with pytest.raises(KeyReused):
        await ours.handle(a_request("open", command_id=command_id))
    assert (await first).changed


@virtual
async def test_L10_concurrent_repeats_wait_for_the_first_and_get_its_answer() -> None:
    store = Store()
    ours = service(store)
    command_id = a_command_id()
    first, *repeats = await asyncio.gather(*(ours.handle(a_request(command_id=command_id)) for _ in range(4)))
    assert repeats == [replace(first, replayed=True)] * 3
    assert [len(sent) for sent in store.inserts] == [1]


@virtual
async def test_L10_a_repeat_of_a_running_command_that_is_refused_is_decided_itself() -> None:
    store = Store()
    ours = service(store)
    command_id = a_command_id()
    answers = [ours.handle(a_request("close", command_id=command_id)) for _ in range(3)]
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert all(isinstance(result, CommandRejected) for result in results)


@virtual
async def test_L10_of_the_same_command_at_two_services_one_is_done_and_one_repeated() -> None:
    store = Store()
    command_id = a_command_id()
    answers = await asyncio.gather(*(service(store).handle(a_request(command_id=command_id)) for _ in range(3)))
    assert sorted(answer.replayed for answer in answers) == [False, True, True]
    done = next(answer for answer in answers if not answer.replayed)
    assert [replace(answer, replayed=False) for answer in answers] == [done] * 3


# --- and what no rule says


@virtual
async def test_a_commit_that_cannot_be_sent_leaves_nobody_waiting() -> None:
    """An insert that raises what nobody expects (a value that BSON cannot hold) must not strand its batch."""
    store = Store()
    ours = service(store)

    async def explode(commits: Sequence[Commit]) -> Written:
        raise OverflowError("MongoDB can only handle up to 8-byte ints")

    ours.log.insert = explode  # type: ignore[method-assign]
    with pytest.raises((Unavailable, OverflowError)):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ours.handle(a_request(deadline=now() + 0.3))
