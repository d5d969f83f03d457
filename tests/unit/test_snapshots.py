"""A snapshot changes how soon there is an answer, and nothing else."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from command_service.handling import Outcome
from command_service.known import Known, fold
from command_service.snapshots import READ, SAVED, Snapshots
from command_service.streams import Streams
from common.chain import link
from common.errors import Refusal
from tests.support.appending import MARKS, Service, Wish, a_request, digest
from tests.support.commits import a_commit, an_event
from tests.support.memory_log import MemoryLog, Store
from tests.support.memory_snapshots import MemorySnapshots
from tests.support.virtual_time import until, virtually

virtual = virtually("common.group_commit")
STREAM = "inventory-1"
WISHES: tuple[Wish, ...] = ("add", "add_if_open", "close", "add_if_open", "close", "open", "add", "open")
Spoil = Callable[[dict[str, Any]], dict[str, Any]]


class Asked(MemoryLog):
    """Remembers after which versions of a stream somebody asked."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.after: list[int] = []

    async def read_stream(self, stream: str, after_version: int = 0, limit_commits: int = 0) -> list[Any]:
        self.after.append(after_version)
        return await super().read_stream(stream, after_version, limit_commits)


def a_log(marks: int) -> Store:
    """One stream of so many marks."""
    store, chain, said = Store(), None, ()
    for version in range(1, marks + 1):
        event = an_event(f"add on {digest(said)}")
        commit = a_commit(version, STREAM, version, events=(event,))
        chain = link(chain, commit)
        store.write([replace(commit, chain=chain)])
        said = (*said, event.data["product_name"])
    store.replicate()
    return store


def known_at(store: Store, version: int) -> Known:
    return fold(MARKS, Known(MARKS.initial), store.stream(STREAM)[:version])


def snapshots(store: Store, saved: MemorySnapshots, *, every_events: int = 3) -> Snapshots:
    return Snapshots(saved, store.info.id, every_events=every_events, look_after=2)


def count(counter: Any, outcome: str) -> float:
    return counter.labels(outcome)._value.get()


async def saved_at(store: Store, version: int) -> MemorySnapshots:
    saved = MemorySnapshots()
    assert await snapshots(store, saved).save(STREAM, MARKS, known_at(store, version)) == "saved"
    return saved


@virtual
async def test_a_stream_is_read_from_its_snapshot_on() -> None:
    store = a_log(10)
    log, saved = Asked(store), await saved_at(store, 8)
    assert await Streams(log, snapshots(store, saved)).read(STREAM, MARKS) == known_at(store, 10)
    assert log.after == [0, 7]  # the first two, then the commit that the snapshot was made at and what follows


@virtual
async def test_a_short_stream_is_read_without_a_look_for_one() -> None:
    store, saved = a_log(1), MemorySnapshots()
    assert await Streams(MemoryLog(store), snapshots(store, saved)).read(STREAM, MARKS) == known_at(store, 1)
    assert saved.asked == 0


@virtual
async def test_what_was_known_already_is_not_read_from_a_snapshot_again() -> None:
    store = a_log(10)
    log, saved, since = Asked(store), await saved_at(store, 4), known_at(store, 5)
    assert await Streams(log, snapshots(store, saved)).read(STREAM, MARKS, since) == known_at(store, 10)
    assert log.after == [5, 7]


@virtual
async def test_up_to_a_version_no_later_snapshot_counts() -> None:
    store = a_log(10)
    for at in (3, 6, 8):
        streams = Streams(MemoryLog(store), snapshots(store, await saved_at(store, at)))
        for until_version in range(1, 11):
            assert await streams.read(STREAM, MARKS, until=until_version) == known_at(store, until_version)


UNBELIEVABLE: dict[str, Spoil] = {
    "beyond the log": lambda was: was | {"version": 11, "position": 11},
    "another position": lambda was: was | {"position": was["position"] + 1},
    "another partition key": lambda was: was | {"partition_key": 7},
    "another link": lambda was: was | {"chain": bytes(32)},
    "another version": lambda was: was | {"version": was["version"] - 1},
}
UNREADABLE: dict[str, Spoil] = {
    "nothing in it": lambda was: {"stream": was["stream"]},
    "a version of another type": lambda was: was | {"version": "8"},
    "a state of another type": lambda was: was | {"state": 7},
    "a state that is no JSON": lambda was: was | {"state": was["state"][:-3]},
    "a state of another kind": lambda was: was | {"state": '{"quantity": 7}'},
    "too deep": lambda was: was | {"state": "[" * 100_000},
}


@pytest.mark.parametrize(
    ("spoil", "outcome"),
    [
        *((spoil, "not_in_log") for spoil in UNBELIEVABLE.values()),
        *((spoil, "unreadable") for spoil in UNREADABLE.values()),
        (lambda was: was | {"log_id": "another"}, "other_log"),
        (lambda was: was | {"schema_hash": "0" * 32}, "other_shape"),
    ],
    ids=[*UNBELIEVABLE, *UNREADABLE, "another log", "another shape"],
)
@virtual
async def test_a_snapshot_that_does_not_fit_is_ignored_and_counted(spoil: Spoil, outcome: str) -> None:
    store = a_log(10)
    saved, before = await saved_at(store, 8), count(READ, outcome)
    lie = spoil(saved.documents[STREAM])
    if "state" in lie and lie["state"] == saved.documents[STREAM]["state"]:
        lie["state"] = '["a mark that never was"]'
    saved.documents[STREAM] = lie
    assert await Streams(MemoryLog(store), snapshots(store, saved)).read(STREAM, MARKS) == known_at(store, 10)
    assert count(READ, outcome) == before + 1


@virtual
async def test_a_log_restored_from_a_backup_outlives_what_was_saved_after_it() -> None:
    """The same stream goes on another way: at the snapshot's version now stands another commit."""
    saved, restored = await saved_at(a_log(9), 8), a_log(5)
    said = known_at(restored, 5)
    for version in range(6, 11):
        commit = a_commit(version, STREAM, version, events=(an_event(f"open on {digest(said.state)}"),))
        restored.write([replace(commit, chain=link(said.chain, commit))])
        restored.replicate()
        said = known_at(restored, version)
    assert await Streams(MemoryLog(restored), snapshots(restored, saved)).read(STREAM, MARKS) == said


async def told(service: Service, wish: Wish, number: int) -> tuple[object, ...]:
    try:
        outcome: Outcome = await service.handle(a_request(wish, command_id=f"key {number}", fingerprint=f"{number}"))
    except Refusal as refusal:
        return (refusal.code,)
    return outcome.version, outcome.position, outcome.status, outcome.changed, outcome.replayed


class Garbage(MemorySnapshots):
    """Whatever is saved, something else is found."""

    async def find(self, stream: str) -> dict[str, Any] | None:
        found = await super().find(stream)
        return found and found | {"state": '["never"]', "position": found["position"] + 1}


async def a_story(saved: MemorySnapshots) -> list[tuple[object, ...]]:
    """Every command is handled by a service that has just started, and sent again to another."""
    store, answers = a_log(0), []
    for number in range(40):
        for _ in range(2):
            service = Service(MemoryLog(store), store.info, saved)
            answers.append(await told(service, WISHES[number % len(WISHES)], number))
            await asyncio.sleep(0)
            await until(lambda service=service: not service.snapshots.is_waiting)
            await service.end()
    return answers


@virtual
async def test_answers_are_the_same_with_all_snapshots_with_none_and_with_garbage() -> None:
    cut, all_of_them, garbage = MemorySnapshots(), MemorySnapshots(), Garbage()
    cut.is_cut = True
    used = count(READ, "used")
    answers = await a_story(all_of_them)
    assert all_of_them.documents
    assert count(READ, "used") > used
    assert await a_story(cut) == answers
    assert await a_story(garbage) == answers
    assert not cut.documents


@virtual
async def test_a_stream_is_saved_whenever_it_has_passed_so_many_events() -> None:
    store, saved = a_log(0), MemorySnapshots()
    service = Service(MemoryLog(store), store.info, saved, every_events=3)
    for number in range(2):
        await told(service, "add", number)
    assert saved.documents == {}
    await told(service, "add", 2)
    await until(lambda: saved.documents)
    assert (saved.documents[STREAM]["version"], saved.documents[STREAM]["events"]) == (3, 3)
    await service.end()


@virtual
async def test_what_was_read_from_its_beginning_is_saved_at_once() -> None:
    """A changed shape costs one replay of each stream, not one with every start."""
    store, saved = a_log(10), MemorySnapshots()
    service = Service(MemoryLog(store), store.info, saved, every_events=3)
    await service.streams.read(STREAM, MARKS)
    await until(lambda: saved.documents)
    assert saved.documents[STREAM]["version"] == 10
    await service.end()


@virtual
async def test_with_0_nothing_is_ever_saved_and_what_is_there_is_used() -> None:
    store, saved = a_log(10), MemorySnapshots()
    never = snapshots(store, saved, every_events=0)
    running = asyncio.ensure_future(never.run())
    await Streams(MemoryLog(store), never).read(STREAM, MARKS)
    assert not never.is_waiting
    await never.save(STREAM, MARKS, known_at(store, 8))
    used = count(READ, "used")
    assert await Streams(MemoryLog(store), never).read(STREAM, MARKS) == known_at(store, 10)
    assert count(READ, "used") == used + 1
    running.cancel()


@virtual
async def test_a_store_that_is_away_delays_no_command() -> None:
    class Silent(MemorySnapshots):
        async def put(self, snapshot: object) -> bool:
            await asyncio.sleep(3600)
            return True

    store = a_log(0)
    service = Service(MemoryLog(store), store.info, Silent(), every_events=1)
    began = asyncio.get_running_loop().time()
    for number in range(10):
        await told(service, "add", number)
    assert asyncio.get_running_loop().time() - began < 1
    await service.end()


@virtual
async def test_a_store_that_does_not_answer_is_counted_and_forgotten() -> None:
    store, saved, before = a_log(3), MemorySnapshots(), count(SAVED, "unavailable")
    saved.is_cut = True
    assert await snapshots(store, saved).save(STREAM, MARKS, known_at(store, 3)) == "unavailable"
    assert count(SAVED, "unavailable") == before + 1


@virtual
async def test_a_stream_whose_last_commit_has_no_link_is_not_saved() -> None:
    """Nothing would say that it is the commit it was."""
    store = a_log(3)
    offered = snapshots(store, MemorySnapshots())
    known = known_at(store, 3)
    offered.offer(STREAM, MARKS, Known(known.state, 3, 3, 456, None, 3), since_events=0)
    assert not offered.is_waiting
    offered.offer(STREAM, MARKS, known, since_events=0)
    assert offered.is_waiting
