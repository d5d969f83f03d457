"""The table of accounts: what each service may do in MongoDB and in RabbitMQ, and no more.

`mongodb_accounts.py` and `rabbitmq_accounts.py` make the servers agree with it.
"""

from dataclasses import dataclass
from typing import Literal

from common.broker import queue_name
from common.command_queue import COMMAND_EXCHANGE, DEAD_QUEUE, QUEUE
from common.envelope import EXCHANGE
from common.leases import LEASES
from common.read_models.storage import (
    CHECKPOINTS,
    GENERATIONS,
    PROGRESS,
    REQUESTS,
    SAGA_REQUESTS,
    SAGA_TROUBLES,
    SAGAS,
    SAMPLES,
    SKIPS,
)

Actions = tuple[str, ...]
"""Of MongoDB."""
READ: Actions = ("find",)
OPEN: Actions = ("find", "listIndexes")  # whoever opens the log looks whether its indexes are there
APPEND: Actions = ("find", "insert", "listIndexes")
KEEP: Actions = ("find", "insert", "update")
NOTE: Actions = ("insert", "update")  # what others read
SERVE: Actions = ("find", "remove")  # what was asked for, and is done
OWN: Actions = ("find", "insert", "update", "remove")
DROP: Actions = ("dropCollection",)
SHAPE: Actions = ("createIndex",)  # never on the log: an index with an expiry deletes

COMMITS, SETTINGS, SNAPSHOTS = "commits", "settings", "snapshots"
ALL = ("",)  # MongoDB's word for every collection of a database: generations of views have names of their own
REPLIES = "amq.default"  # RabbitMQ's name for the exchange without one: replies go through it


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Actions on collections of the log's database, or of the views'."""

    on: Literal["events", "views"]
    collections: tuple[str, ...]
    actions: Actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What may be declared and deleted, written to and bound, read and bound to; regular expressions of whole names."""

    configure: tuple[str, ...]
    write: tuple[str, ...]
    read: tuple[str, ...]


NOTHING = Permissions(configure=(), write=(), read=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Without `permissions` RabbitMQ lets it send and read nothing; `is_watching` it may ask the management API."""

    name: str
    purpose: str
    grants: tuple[Grant, ...]
    permissions: Permissions | None = None
    is_watching: bool = False


def _exactly(*names: str) -> tuple[str, ...]:
    return tuple(name.replace(".", "[.]") for name in names)


def _following(group: str) -> Permissions:
    """Of who follows the events: it declares its queues and binds them; it can publish to nobody."""
    prefix, _, _ = queue_name(group, 0).rpartition("0")
    queues = f"{prefix.replace('.', '[.]')}[0-9]+"
    return Permissions(configure=(*_exactly(EXCHANGE), queues), write=(queues,), read=(*_exactly(EXCHANGE), queues))


ACCOUNTS: tuple[Account, ...] = (
    Account(
        name="command",
        purpose="appends to the log, publishes it, takes commands from their queue; shows sagas",
        grants=(
            Grant(on="events", collections=(COMMITS,), actions=APPEND),
            Grant(on="events", collections=(SETTINGS,), actions=READ),
            Grant(on="events", collections=("turns", "relay", SNAPSHOTS), actions=KEEP),
            Grant(on="events", collections=(SAGAS, SAGA_TROUBLES), actions=READ),
            Grant(on="events", collections=(SAGA_REQUESTS,), actions=NOTE),
            Grant(on="events", collections=(LEASES,), actions=OWN),
        ),
        permissions=Permissions(
            configure=_exactly(EXCHANGE, COMMAND_EXCHANGE, QUEUE, DEAD_QUEUE),
            write=_exactly(EXCHANGE, REPLIES, QUEUE, DEAD_QUEUE),
            read=_exactly(COMMAND_EXCHANGE, QUEUE, DEAD_QUEUE),
        ),
    ),
    Account(
        name="saga",
        purpose="reads the log, keeps the sagas",
        grants=(
            Grant(on="events", collections=(COMMITS,), actions=OPEN),
            Grant(on="events", collections=(SETTINGS,), actions=READ),
            Grant(on="events", collections=(SAGAS,), actions=KEEP + SHAPE),
            Grant(on="events", collections=(SAGA_TROUBLES,), actions=NOTE + SHAPE),
            Grant(on="events", collections=(SAGA_REQUESTS,), actions=SERVE),
            Grant(on="events", collections=(CHECKPOINTS,), actions=KEEP),
            Grant(on="events", collections=(PROGRESS,), actions=NOTE),
            Grant(on="events", collections=(LEASES,), actions=OWN),
        ),
        permissions=_following("sagas"),
    ),
    Account(
        name="projector",
        purpose="reads the log, keeps the views",
        grants=(
            Grant(on="events", collections=(COMMITS,), actions=OPEN),
            Grant(on="events", collections=(SETTINGS,), actions=READ),
            Grant(on="views", collections=ALL, actions=OWN + SHAPE + DROP),
        ),
        permissions=_following("views"),
    ),
    Account(
        name="query",
        purpose="reads the views; audit trails, sagas and what happens from the log's database",
        grants=(
            Grant(on="views", collections=ALL, actions=READ),
            Grant(
                on="events",
                collections=(COMMITS, SETTINGS, SAGAS, SAGA_TROUBLES, CHECKPOINTS, PROGRESS),
                actions=READ,
            ),
        ),
    ),
    Account(
        name="monitor",
        purpose="keeps samples of how all goes; everything else it is told over HTTP",
        grants=(Grant(on="views", collections=(SAMPLES,), actions=("find", "insert", *SHAPE)),),
        is_watching=True,
    ),
    Account(
        name="auditor",
        purpose="reads the log, for `cqrs log verify` and `cqrs state`",
        grants=(Grant(on="events", collections=(COMMITS, SETTINGS), actions=READ),),
    ),
    Account(
        name="operator",
        purpose="looks for what stands still and has it made anew: `cqrs projections`, `cqrs snapshot`",
        grants=(
            Grant(on="views", collections=ALL, actions=READ),
            Grant(on="views", collections=(REQUESTS, GENERATIONS, SKIPS), actions=KEEP),
            Grant(on="events", collections=(COMMITS, SETTINGS), actions=READ),
            Grant(on="events", collections=(SNAPSHOTS,), actions=KEEP),
        ),
    ),
)
