"""The peer: aggregates per second that the `eventsourcing` library saves on PostgreSQL, through its own front door."""

from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import perf_counter

from bench.alone import alone_in_threads
from bench.numbers import Latency, latency
from bench.postgres import USER, NotInstalled, private_postgres

THREADS = (1, 4, 8)
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRun:
    """One number of threads."""

    threads: int
    saves_per_second: float
    latency: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`why_not` is set when there is no figure."""

    runs: tuple[PeerRun, ...] = ()
    why_not: str = ""

    @property
    def best(self) -> PeerRun | None:
        return max(self.runs, key=lambda run: run.saves_per_second, default=None)


async def measure_peer(folder: Path, seconds: float) -> Peer:
    """Each number of threads in a fresh process on the same fresh cluster."""
    try:
        async with private_postgres(folder) as port:
            runs = [await alone_in_threads(save_aggregates, port, threads, seconds) for threads in THREADS]
    except NotInstalled as error:
        return Peer(why_not=str(error))
    return Peer(runs=tuple(runs))


def save_aggregates(port: int, threads: int, seconds: float) -> PeerRun:
    """Save new aggregates of one event each from `threads` threads; library defaults throughout."""
    from eventsourcing.application import Application  # imported here: an optional dependency, and slow to load
    from eventsourcing.domain import Aggregate, event

    class Order(Aggregate):
        @event("Initiated")
        def __init__(self, user_id: int, product_id: int, quantity: int) -> None:
            self.user_id = user_id
            self.product_id = product_id
            self.quantity = quantity

    connection = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": "postgres",
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(port),
        "POSTGRES_USER": USER,
        "POSTGRES_PASSWORD": "-",
    }
    application: Application = Application(env=connection)
    counts_from = perf_counter() + WARM_UP_SECONDS
    until = counts_from + seconds
    durations: list[float] = []  # list.append is atomic

    def save_in_a_row(user_id: int) -> None:
        while (started := perf_counter()) < until:
            application.save(Order(user_id, 456, 1))
            if counts_from <= (ended := perf_counter()) <= until:
                durations.append(ended - started)

    workers = [Thread(target=save_in_a_row, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    application.close()
    return PeerRun(threads=threads, saves_per_second=len(durations) / seconds, latency=latency(durations))
