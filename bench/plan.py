"""How long each measurement of a run lasts."""

from dataclasses import dataclass

from bench import imports

SECTIONS = (
    *("ceilings", "peers", "naive", "log", "door", "answers", "sharing", "catching_up", "snapshots"),
    "rebuilding",
    *("pipeline", "reading", "import", "fulfilment", "start"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Seconds are of the measured time; warm-ups and waiting for the views come on top."""

    ceiling_seconds: float
    peer_seconds: float
    naive_seconds: float
    log_seconds: float
    door_seconds: float
    answers_seconds: float
    sharing_seconds: float
    backlog_seconds: float
    search_seconds: float
    sustained_seconds: float
    reading_seconds: float
    rebuilt_orders: int
    rebuilding_seconds: float
    import_orders: int
    fulfilment_seconds: float


FULL = Plan(  # about 12 minutes
    ceiling_seconds=6,
    peer_seconds=8,
    naive_seconds=5,
    log_seconds=15,
    door_seconds=6,
    answers_seconds=4,
    sharing_seconds=12,
    backlog_seconds=6,
    search_seconds=6,
    sustained_seconds=30,
    reading_seconds=20,
    rebuilt_orders=40_000,
    rebuilding_seconds=15,
    import_orders=imports.ORDERS,
    fulfilment_seconds=15,
)
QUICK = Plan(  # about 4 minutes: good for a look, not for a claim
    ceiling_seconds=2,
    peer_seconds=2,
    naive_seconds=1.5,
    log_seconds=3,
    door_seconds=2,
    answers_seconds=1.5,
    sharing_seconds=4,
    backlog_seconds=2,
    search_seconds=2,
    sustained_seconds=6,
    reading_seconds=4,
    rebuilt_orders=10_000,
    rebuilding_seconds=5,
    import_orders=imports.QUICK_ORDERS,
    fulfilment_seconds=4,
)
