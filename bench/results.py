"""All figures of one run, in the form that is written to disk."""

from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from bench.answers import Answers
from bench.catching_up import CatchingUp
from bench.ceilings import Ceilings
from bench.door import DoorCost
from bench.emmett import Emmett
from bench.fulfilment import Fulfilment
from bench.imports import Import
from bench.into_the_log import IntoTheLog
from bench.machine import Machine
from bench.naive import NaiveRun
from bench.numbers import Latency
from bench.peers import Peer
from bench.pipeline import Sustained, WriteToRead
from bench.rebuilding import Rebuilding
from bench.rebuilding_bare import Bare
from bench.rebuilding_live import RebuildingLive
from bench.sharing import Sharing
from bench.snapshots import Loading
from bench.startup import StartUp


@dataclass(slots=True, kw_only=True)
class Results:
    """None: not measured in this run, or it failed; `failures` then says why."""

    measured_at: str
    machine: Machine
    versions: dict[str, str]
    parameters: dict[str, Any]
    ceilings: Ceilings | None = None
    peer: Peer | None = None
    emmett_on_postgresql: Emmett | None = None
    emmett_on_mongodb: Emmett | None = None
    naive: tuple[NaiveRun, ...] = ()
    log: IntoTheLog | None = None
    door: DoorCost | None = None
    answers: Answers | None = None
    sharing: tuple[Sharing, ...] = ()  # by the number of services
    catching_up: tuple[CatchingUp, ...] = ()  # by the number of projectors
    loading: Loading | None = None
    rebuilding_bare: Bare | None = None  # what it cannot pass
    rebuilding: tuple[Rebuilding, ...] = ()  # the second one is compared with the first
    rebuilding_live: RebuildingLive | None = None
    sustained: Sustained | None = None
    write_to_read: tuple[WriteToRead, ...] = ()  # at fixed rates, slowest first
    write_to_read_at_half: WriteToRead | None = None  # at half the sustained rate
    orders_import: Import | None = None
    fulfilment: Fulfilment | None = None
    orders_without_sagas: float | None = None  # per second
    start_up: StartUp | None = None
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def insert_one(self) -> float | None:
        """The best rate of single inserts."""
        return self.ceilings and max(self.ceilings.insert_one_8.per_second, self.ceilings.insert_one_256.per_second)

    @property
    def saves(self) -> float | None:
        """The peer's best rate."""
        best = self.peer and self.peer.best
        return best.saves_per_second if best else None

    @property
    def emmett(self) -> float | None:
        """Emmett's best rate on PostgreSQL."""
        best = self.emmett_on_postgresql and self.emmett_on_postgresql.best
        return best.appends_per_second if best else None

    @property
    def publish(self) -> float | None:
        return self.ceilings and self.ceilings.publish_256.per_second

    def write_to_read_at(self, rate: float) -> Latency | None:
        """At a rate that had errors it is without end: the rate was not held."""
        reading = next((reading for reading in self.write_to_read if reading.offered == rate), None)
        return reading and (replace(reading.latency, p50=inf, p99=inf) if reading.errors else reading.latency)

    def sharing_of(self, services: int) -> float | None:
        return next((each.ratio for each in self.sharing if each.services == services), None)

    @property
    def seeds_way(self) -> float | None:
        return max((run.per_second for run in self.naive), default=None)

    @property
    def into_the_log(self) -> float | None:
        """The best rate on one log, of one command service or several, as the peers' is of their best number."""
        rates = [each.on_one_log for each in self.sharing] + ([self.log.orders.per_second] if self.log else [])
        return max(rates, default=None)

    @property
    def pipeline(self) -> float | None:
        """Only a rate that was held, with every order read back, counts."""
        sustained = self.sustained
        return sustained.per_second if sustained and sustained.is_bounded and not sustained.missing else None

    @property
    def largest_process(self) -> tuple[str, float] | None:
        """The Python process with the highest memory, in MiB, of all loads."""
        peaks = [
            (use.peak_memory_mib, name)
            for part in (self.log, self.sustained, self.orders_import, self.fulfilment)
            if part
            for name, use in part.meter.uses.items()
            if name not in SERVER_PROCESSES and use.peak_memory_mib
        ]
        if not peaks:
            return None
        memory, name = max(peaks)
        return name, memory


SERVER_PROCESSES = ("mongod", "rabbitmq")
