"""What every log keeps, the real one and the one in memory alike (PROTOCOL L1, L2, L4, L5, F5)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from common.envelope import Commit
from common.log import TURN_MILLISECONDS, Failure, Log, MongoLog, Written, _read_answer, open_log
from common.mongo import DUPLICATE_KEY
from common.stored_commits import stored_size_bytes
from tests.support.commits import a_command_id, a_commit, an_event
from tests.support.memory_log import MemoryLog, Store
from tests.support.real_log import a_database, a_real_log

DEADLINE_SECONDS = 5.0


@pytest.fixture
async def real(mongodb_url: str) -> AsyncIterator[MongoLog]:
    async with a_real_log(mongodb_url) as log:
        yield log


@pytest.fixture(params=["memory", "mongodb"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("mongodb_url") if request.param == "mongodb" else None


@pytest.fixture
async def log(url: str | None) -> AsyncIterator[Log]:
    if url is None:
        yield MemoryLog(Store())
        return
    async with a_real_log(url) as opened:
        yield opened


def row(*names: str, after: int = 0) -> list[Commit]:
    """One first commit per stream, numbered from `after` on."""
    return [a_commit(number, f"inventory-{name}") for number, name in enumerate(names, after + 1)]


async def test_an_empty_log_has_head_0_and_nothing_else(log: Log) -> None:
    assert await log.head() == 0
    assert await log.at(1) is None
    assert await log.find_command(a_command_id()) is None
    assert not await log.has_version("inventory-456", 1)
    assert await log.read_stream("inventory-456") == []
    assert await log.read_all(0, 10) == []
    page = await log.read_partition(0, 0, 10)
    assert (page.commits, page.head, page.whole) == ((), 0, True)


async def test_what_is_inserted_is_read_back_as_it_was(log: Log) -> None:
    commit = a_commit(
        1,
        events=(an_event("Tastatur"), an_event("Mouse", 7)),
        partition_key=2**53 - 1,
        partition=7,
        actor="somebody",
        correlation_id="c",
        causation_id="d",
        traceparent="e",
    )
    assert await log.insert([commit]) == Written(1)
    assert await log.head() == 1
    assert await log.at(1) == commit
    assert await log.find_command(commit.command_id) == commit
    assert await log.read_stream(commit.stream) == [commit]
    assert await log.read_all(0, 10) == [commit]
    assert (await log.read_partition(7, 0, 10)).commits == (commit,)


@pytest.mark.parametrize(
    "clash",
    [
        lambda taken, mine: replace(mine, position=taken.position),
        lambda taken, mine: replace(mine, stream=taken.stream, version=taken.version),
        lambda taken, mine: replace(mine, command_id=taken.command_id),
    ],
    ids=["position", "stream_and_version", "command_id"],
)
async def test_L1_position_stream_version_and_command_id_are_unique(log: Log, clash: Any) -> None:
    taken, *mine = row("a", "b", "c", "d")
    await log.insert([taken])
    mine[1] = clash(taken, mine[1])
    assert await log.insert(mine) == Written(1, Failure.DUPLICATE)
    assert await log.read_all(0, 10) == [taken, mine[0]]


async def test_L1_the_same_version_of_another_stream_is_no_clash(log: Log) -> None:
    assert await log.insert(row("a", "b")) == Written(2)


async def test_L1_the_real_log_can_read_a_partition_by_position_from_an_index(real: MongoLog) -> None:
    keys = [index["key"] async for index in await real._commits.list_indexes()]
    assert {"partition": 1, "_id": 1} in keys


@pytest.mark.parametrize("place", [0, 1, 499])
async def test_L2_an_insert_is_ordered_and_ends_at_the_first_clash(log: Log, place: int) -> None:
    taken = a_commit(1, "inventory-1")
    await log.insert([taken])
    commits = [a_commit(number, f"inventory-{number}") for number in range(2, 502)]
    commits[place] = replace(commits[place], command_id=taken.command_id)
    assert await log.insert(commits) == Written(place, Failure.DUPLICATE)
    assert await log.head() == 1 + place


async def test_L2_a_full_flush_is_one_durable_ordered_command(real: MongoLog) -> None:
    """Seen by the server's profiler: a driver that splits the flush, or does not wait, could leave a hole."""
    await real.database.command("profile", 2)
    big = {"product_id": 1, "product_name": "x" * 15_000}
    commits = [
        a_commit(number, f"inventory-{number}", events=(replace(an_event(), data=big),)) for number in range(1, 501)
    ]
    assert await real.insert(commits) == Written(500)
    await real.database.command("profile", 0)
    inserts = [op async for op in real.database["system.profile"].find({"op": "insert"})]
    assert [op["ninserted"] for op in inserts] == [500]
    assert inserts[0]["command"]["ordered"] is True
    concern = inserts[0]["command"]["writeConcern"]
    assert (concern["w"], concern["j"]) == ("majority", True)


async def test_L7_the_real_log_reads_what_the_majority_has(real: MongoLog) -> None:
    await real.insert(row("a"))
    await real.database.command("profile", 2)
    await real.head()
    await real.at(1)
    await real.find_command(a_command_id())
    await real.find_commands([a_command_id()])
    await real.has_version("inventory-a", 1)
    await real.read_stream("inventory-a")
    await real.read_all(0, 10)
    await real.read_partition(0, 0, 10)
    await real.last_positions(1)
    await real.database.command("profile", 0)
    reads = [op["command"] async for op in real.database["system.profile"].find({"op": "query"})]
    levels = [read.get("readConcern", {}).get("level") for read in reads]
    assert len(levels) >= 10
    assert levels.pop(0) == "linearizable"  # of a primary of which this process knows nothing yet
    assert set(levels) == {"majority", "snapshot"}
    assert levels.count("majority") == 7


CLASH = {"index": 2, "code": DUPLICATE_KEY}
LATER_CLASH = {"index": 5, "code": DUPLICATE_KEY}
CONCERN = {"code": 64, "errmsg": "waiting for replication timed out"}


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        ({"n": 9}, Written(9)),
        ({"n": 2, "writeErrors": [CLASH]}, Written(2, Failure.DUPLICATE)),
        ({"n": 2, "writeErrors": [LATER_CLASH, CLASH]}, Written(2, Failure.DUPLICATE)),
        ({"n": 9, "writeConcernError": CONCERN}, Written(0, Failure.UNKNOWN)),
        ({"n": 9, "writeErrors": [], "writeConcernError": CONCERN}, Written(0, Failure.UNKNOWN)),
        ({"n": 2, "writeErrors": [CLASH], "writeConcernError": CONCERN}, Written(0, Failure.UNKNOWN)),
        ({"n": 2, "writeErrors": [{"index": 2, "code": 10107}]}, Written(0, Failure.UNKNOWN)),
    ],
    ids=["all", "clash", "two clashes", "concern", "concern, empty list", "both lists", "not primary"],
)
def test_L4_a_write_concern_error_makes_the_whole_flush_unknown(answer: dict[str, Any], written: Written) -> None:
    assert _read_answer(answer, 9) == written


async def test_find_commands_gives_those_that_are_there(log: Log) -> None:
    first, second, third = row("a", "b", "c")
    await log.insert([first, second, third])
    found = await log.find_commands([third.command_id, a_command_id(), first.command_id])
    assert found == {first.command_id: first, third.command_id: third}
    assert await log.find_commands([]) == {}


async def test_read_stream_gives_what_comes_after_a_version(log: Log) -> None:
    commits = [a_commit(1), a_commit(2, "inventory-7"), a_commit(3, version=2), a_commit(4, version=3)]
    await log.insert(commits)
    assert await log.read_stream("inventory-456") == [commits[0], commits[2], commits[3]]
    assert await log.read_stream("inventory-456", 2) == [commits[3]]
    assert await log.has_version("inventory-456", 3)
    assert not await log.has_version("inventory-456", 4)


async def test_read_all_ends_before_a_hole(log: Log) -> None:
    commits = [a_commit(position, f"inventory-{position}") for position in (1, 2, 4, 5)]
    await log.insert(commits)
    assert await log.read_all(0, 10) == commits[:2]
    assert await log.read_all(1, 1) == commits[1:2]
    assert await log.read_all(2, 10) == []
    assert await log.read_all(3, 10) == commits[2:]


async def test_read_partition_gives_its_page_and_says_whether_there_is_more(log: Log) -> None:
    commits = [a_commit(n, f"inventory-{n}", partition=n % 2) for n in range(1, 8)]
    await log.insert(commits)
    page = await log.read_partition(1, 0, 3)
    assert ([c.position for c in page.commits], page.head, page.whole) == ([1, 3, 5], 7, False)
    page = await log.read_partition(1, 5, 3)
    assert ([c.position for c in page.commits], page.head, page.whole) == ([7], 7, True)
    page = await log.read_partition(0, 6, 3)
    assert (page.commits, page.head, page.whole) == ((), 7, True)


async def test_partitions_after_a_position_end_before_a_hole(log: Log) -> None:
    await log.insert([a_commit(n, f"inventory-{n}", partition=n % 3) for n in (1, 2, 3, 5)])
    assert await log.partitions_after(0, 10) == [1, 2, 0]
    assert await log.partitions_after(1, 1) == [2]
    assert await log.partitions_after(3, 10) == []
    assert await log.partitions_after(4, 10) == [2]


async def test_F5_a_page_and_its_head_are_of_one_snapshot(real: MongoLog) -> None:
    """While another task appends to one partition, no page may claim a head beyond what it shows."""
    partition = 3
    done = asyncio.Event()

    async def append() -> None:
        for number in range(1, 120):
            await real.insert([a_commit(number, f"inventory-{number}", partition=partition)])
        done.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(append())
        while not done.is_set():
            page = await real.read_partition(partition, 0, 1000)
            assert page.head == len(page.commits)


async def test_last_positions_are_those_up_to_a_position_that_must_be_there(real: MongoLog) -> None:
    await real.insert([a_commit(n, f"inventory-{n}", partition=n % 3) for n in range(1, 7)])
    nothing = dict.fromkeys(range(8), 0)
    assert await real.last_positions(0) == nothing
    assert await real.last_positions(5) == nothing | {0: 3, 1: 4, 2: 5}
    assert await real.last_positions(7) is None


async def test_a_turn_belongs_to_one_until_it_is_given_back(log: Log) -> None:
    """A turn is short; on a busy machine it may end between two of these calls, and then it is tried again."""
    assert await log.turn_holder() is None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE_SECONDS
    seen: list[object] = []
    started = 0.0
    while not seen or (loop.time() - started > TURN_MILLISECONDS / 1000 and loop.time() < deadline):
        await log.release_turn("b")
        started = loop.time()
        seen = [await log.take_turn("a"), await log.turn_holder(), await log.take_turn("b")]
        await log.release_turn("b")  # which is not b's to give
        seen.append(await log.turn_holder())
        await log.release_turn("a")
        seen += [await log.turn_holder(), await log.take_turn("b")]
    assert seen == [True, "a", False, "a", None, True]


async def test_a_turn_ends_by_itself_and_not_before_its_time(log: Log) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert await log.take_turn("a")
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await log.take_turn("b"):
            pass
    assert loop.time() - started > TURN_MILLISECONDS / 1000 - 0.002  # the server's clock has milliseconds


async def test_of_many_who_want_the_turn_one_at_a_time_gets_it(log: Log) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    results = await asyncio.gather(*(log.take_turn(f"holder {number}") for number in range(10)))
    turns_that_fit = 1 + int((loop.time() - started) / (TURN_MILLISECONDS / 1000))
    assert 1 <= results.count(True) <= turns_that_fit


async def test_an_opened_log_keeps_its_id_and_its_number_of_partitions(mongodb_url: str) -> None:
    async with a_database(mongodb_url) as (client, name):
        first = await open_log(client[name], partitions=4)
        again = await open_log(client[name], partitions=16)
        assert again.info == first.info
        assert again.info.partitions == 4


def test_the_partition_of_a_key_never_changes() -> None:
    assert [Store(8).info.partition_of(key) for key in (1, 456, 7592, 2**53 - 1)] == [7, 1, 5, 3]


def test_the_size_of_events_is_what_the_log_stores() -> None:
    assert stored_size_bytes([replace(an_event(), data={"text": "x" * 1000})]) > 1000
