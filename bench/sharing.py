"""Several command services on one log against as many on logs of their own: what it costs them to share."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.alone import alone
from bench.http_client import post_requests
from bench.load import Load, offer_together
from bench.orders import CLIENTS, ORDERS_PATH, USERS, order_bodies, stock
from bench.servers import Servers
from bench.system import running

DATABASE = "bench_sharing"
COUNTS = (2, 4)
NAMES = ("command", "command-2", "command-3", "command-4")
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Commands per second of all services together, as fast as CLIENTS clients of all of them get answers."""

    services: int
    on_one_log: float
    on_separate_logs: float

    @property
    def ratio(self) -> float:
        return self.on_one_log / self.on_separate_logs


async def measure_sharing(servers: Servers, folder: Path, seconds: float) -> tuple[Sharing, ...]:
    """`seconds` for each way of each number of services; RuntimeError when a command is refused."""
    return tuple([await _measure(servers, folder, services, seconds) for services in COUNTS])


async def _measure(servers: Servers, folder: Path, services: int, seconds: float) -> Sharing:
    """Both ways run, and take turns twice in opposite order: a machine that slows down slows down both."""
    async with AsyncExitStack() as stack:
        shared = await _start(stack, servers, folder, DATABASE, NAMES[:services])
        separate = [
            port
            for number in range(services)
            for port in await _start(stack, servers, folder, f"{DATABASE}_{number}", NAMES[:1])
        ]
        halves = [await _rate(ports, seconds / 2) for ports in (shared, separate, separate, shared)]
    return Sharing(
        services=services,
        on_one_log=(halves[0] + halves[3]) / 2,
        on_separate_logs=(halves[1] + halves[2]) / 2,
    )


async def _start(
    stack: AsyncExitStack, servers: Servers, folder: Path, database: str, names: tuple[str, ...]
) -> list[int]:
    """Start these services on one fresh log, and return their ports."""
    system = await stack.enter_async_context(
        running(names, servers=servers, database=database, relay=False, folder=folder)
    )
    await stock(system)
    return [system.ports[name] for name in names]


async def _rate(ports: list[int], seconds: float) -> float:
    """Commands per second that the services at these ports answer together."""
    loads = tuple(
        Load(
            port=port,
            requests=post_requests(port, ORDERS_PATH, order_bodies(first_user_id=1 + number * USERS)),
            seconds=seconds,
            warm_up_seconds=WARM_UP_SECONDS,
            connections=CLIENTS // len(ports),
        )
        for number, port in enumerate(ports)
    )
    return sum(outcome.sound().rate for outcome in await alone(offer_together, loads))
