"""How long it takes to load a stream of many events, from its beginning and through its snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from uuid import uuid4

from msgspec.structs import replace

from bench.numbers import Latency, latency
from bench.servers import Servers
from command_service.domain.inventory import INVENTORY
from command_service.known import Known
from command_service.snapshot_store import MongoSnapshots
from command_service.snapshots import Snapshots
from command_service.streams import Streams
from common.chain import link
from common.codec import encode_event
from common.envelope import Commit
from common.events.inventory import InventoryCreated, InventoryEvent, StockCommitted, StockReserved
from common.log import LogInfo, MongoLog, open_log
from common.mongo import open_client
from common.values import Money

DATABASE = "bench_snapshots"
PRODUCT = 456
STREAM = f"inventory-{PRODUCT}"
EVENTS = 10_000
SINCE = 50  # events after the snapshot: half of what SNAPSHOT_EVENTS lets pass
OPEN = 100  # reservations at any time
BATCH = 500
REPLAYS, LOADS = 5, 100
PRICE = Money(amount=4999, currency="EUR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    events: int
    replayed: Latency
    through_snapshot: Latency


async def measure_snapshots(servers: Servers) -> Loading:
    """One command a commit, as the saga sends them; each time by a service that knows nothing of the stream yet."""
    async with open_client(servers.mongodb_url, name="bench") as client:
        log = await open_log(client[DATABASE], partitions=8)
        snapshots = Snapshots(MongoSnapshots(client[DATABASE]), log.info.id, every_events=0)
        commits = list(_commits(log.info))
        await _append(log, commits[:EVENTS])
        known = await Streams(log, snapshots).read(STREAM, INVENTORY)
        replayed = await _times(log, snapshots, REPLAYS, known)
        await snapshots.save(STREAM, INVENTORY, known)
        await _append(log, commits[EVENTS:])
        through_snapshot = await _times(log, snapshots, LOADS, await Streams(log, snapshots).read(STREAM, INVENTORY))
        await client.drop_database(DATABASE)
    return Loading(events=EVENTS, replayed=replayed, through_snapshot=through_snapshot)


async def _times(log: MongoLog, snapshots: Snapshots, times: int, expected: Known) -> Latency:
    seconds: list[float] = []
    for _ in range(times):
        started = perf_counter()
        stream = await Streams(log, snapshots).get(STREAM, INVENTORY)
        seconds.append(perf_counter() - started)
        if stream.settled != expected:
            raise RuntimeError("a stream was not loaded as it is")
    return latency(seconds)


async def _append(log: MongoLog, commits: list[Commit]) -> None:
    for first in range(0, len(commits), BATCH):
        batch = commits[first : first + BATCH]
        if (await log.insert(batch)).count != len(batch):
            raise RuntimeError("the log did not take the commits")


def _commits(info: LogInfo) -> Iterator[Commit]:
    chain: bytes | None = None
    for number, event in enumerate(_events(), 1):
        commit = Commit(
            position=number,
            stream=STREAM,
            version=number,
            partition_key=PRODUCT,
            partition=info.partition_of(PRODUCT),
            events=(encode_event(event),),
            command_id=str(uuid4()),
            fingerprint="0" * 32,
            recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        chain = link(chain, commit)
        yield replace(commit, chain=chain)


def _events() -> Iterator[InventoryEvent]:
    """A product that many buy: pieces are reserved, and leave when OPEN others have been reserved."""
    yield InventoryCreated(
        product_id=PRODUCT, product_name="Keyboard", quantity=10**6, unit_price=PRICE, low_stock_threshold=5
    )
    reservations = [str(uuid4()) for _ in range(EVENTS)]
    for number in range(EVENTS + SINCE - 1):
        turn, is_leaving = (number - OPEN) // 2, number >= OPEN and (number - OPEN) % 2
        about = {"product_id": PRODUCT, "order_id": "0198f3b4-1111-7000-8000-000000000000", "quantity": 1}
        if is_leaving:
            yield StockCommitted(**about, reservation_id=reservations[turn])
        else:
            reserved = number if number < OPEN else OPEN + turn
            yield StockReserved(**about, reservation_id=reservations[reserved], unit_price=PRICE)
