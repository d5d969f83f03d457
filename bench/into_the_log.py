"""Commands into the log with the relay stopped: one service, one hot stream, two services on one log."""

from dataclasses import dataclass
from pathlib import Path

from bench.alone import alone
from bench.http_client import post_requests
from bench.load import Load, offer, offer_together
from bench.meter import Meter, metered
from bench.numbers import Figure
from bench.orders import CLIENTS, INVENTORY_PATH, ORDERS_PATH, USERS, hot_bodies, order_bodies, stock
from bench.servers import Servers
from bench.system import running

DATABASE = "bench_log"
WARM_UP_SECONDS = 2.0
SHARE_OF_ONE = 0.5  # of one service's rate is offered to each of two


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoServices:
    """Both are offered the same, in an open loop."""

    offered_each: float  # commands per second
    slower: Figure
    faster: Figure

    @property
    def slower_share(self) -> float:
        return self.slower.per_second / self.offered_each

    @property
    def total(self) -> float:
        return self.slower.per_second + self.faster.per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class IntoTheLog:
    orders: Figure
    hot_product: Figure
    two_services: TwoServices
    meter: Meter


async def measure_log(servers: Servers, folder: Path, seconds: float) -> IntoTheLog:
    """`seconds` for each of the three, on one log; the second service is idle until its turn."""
    names = ("command", "command-2")
    async with running(names, servers=servers, database=DATABASE, relay=False, folder=folder) as system:
        await stock(system)
        async with metered(servers.pids | system.pids) as meter:
            first = _load(system.ports["command"], order_bodies(), seconds)
            one = (await alone(offer, first)).sound()
            hot = (await alone(offer, _load(first.port, hot_bodies(), seconds, path=INVENTORY_PATH))).sound()
            two = await _two_services((first.port, system.ports["command-2"]), one.rate * SHARE_OF_ONE, seconds)
    return IntoTheLog(orders=one.figure(), hot_product=hot.figure(), two_services=two, meter=meter)


async def _two_services(ports: tuple[int, int], rate_each: float, seconds: float) -> TwoServices:
    bodies = order_bodies(), order_bodies(first_user_id=USERS + 1)
    loads = tuple(_load(port, each, seconds, rate=rate_each) for port, each in zip(ports, bodies, strict=True))
    outcomes = await alone(offer_together, loads)
    slower, faster = sorted((outcome.figure() for outcome in outcomes), key=lambda figure: figure.per_second)
    return TwoServices(offered_each=rate_each, slower=slower, faster=faster)


def _load(
    port: int, bodies: tuple[bytes, ...], seconds: float, *, path: str = ORDERS_PATH, rate: float | None = None
) -> Load:
    return Load(
        port=port,
        requests=post_requests(port, path, bodies),
        seconds=seconds,
        warm_up_seconds=WARM_UP_SECONDS,
        connections=CLIENTS,
        rate=rate,
    )
