"""What is known of an installation. What could not be asked has its `trouble`, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    python: tuple[int, int]
    folder: str
    free_megabytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A MongoDB. `clock_ahead_seconds` is how far its clock is before ours."""

    trouble: str = ""
    version: str = ""
    replica_set: str | None = None
    is_writable: bool = False
    clock_ahead_seconds: float = 0.0
    majority_is_durable: bool | None = None  # whether what a majority acknowledges stands in its journals


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    kind: str
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """RabbitMQ. `unasked` says why its management was not asked; then only `version` is known."""

    trouble: str = ""
    version: str = ""
    unasked: str = ""
    alarms: tuple[str, ...] = ()
    queues: Mapping[str, Queue] = field(default_factory=dict)
    exchanges: frozenset[str] = frozenset()
    bindings: frozenset[tuple[str, str, str]] = frozenset()  # exchange, queue, routing key


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    url: str
    trouble: str = ""
    unready: tuple[str, ...] = ()
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """How far a reader of the log is behind: what of the log it has not taken, and for how long the oldest waits."""

    commits: int = 0
    seconds: float = 0.0
    foreign: tuple[int, ...] = ()  # partitions whose checkpoint is of another log


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What stands in the databases; None where there is no log yet."""

    log_id: str
    partitions: int
    head: int
    missing_indexes: tuple[str, ...]
    relay: Behind
    views: Behind
    sagas: Behind
    parked: Mapping[str, int]
    differences: int
    stuck: int | None  # None: this account may not read the sagas


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    path: str
    trouble: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    at: datetime
    settings: Settings
    machine: Machine
    events: Server
    views: Server
    broker: Broker | None  # None: there is none, on purpose
    services: tuple[Service, ...]
    data: Data | None
    data_trouble: str = ""
    certificate: Certificate | None = None  # None: the gateway speaks plain HTTP
    keys_trouble: str | None = None  # None: no keys are configured
