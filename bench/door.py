"""What it costs a command to be let in: the same load without tokens and with them, in turns."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from bench.alone import alone
from bench.http_client import post_requests
from bench.load import Load, offer
from bench.meter import metered
from bench.orders import CLIENTS, ORDERS_PATH, order_bodies, stock
from bench.servers import Servers
from bench.system import running
from common.access.actors import Role
from common.config import Settings
from stack.folder import DataFolder
from stack.tokens import issue, public_keys

DATABASE = "bench_door"
TURNS = 3
PER_SECOND = 1_500.0
WARM_UP_SECONDS = 2.0
TOKEN_SECONDS = 3600.0
NO_LIMIT = {"SUBJECT_RATE": "1000000", "SUBJECT_BURST": "1000000"}  # it is counted, and never reached


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorCost:
    """Processor time of the command service, in µs per command: medians of the turns."""

    per_second: float
    open_us: float
    guarded_us: float

    @property
    def share(self) -> float:
        """Of a command's time without the door, in per cent."""
        return 100 * (self.guarded_us / self.open_us - 1)


async def measure_door(servers: Servers, folder: Path, seconds: float) -> DoorCost:
    """`seconds` for each of 2 × TURNS loads."""
    data = DataFolder(folder / "door")
    data.create()
    token = issue(data, Settings(), role=Role.ADMIN, name="bench", user_id=None, seconds=TOKEN_SECONDS)
    guarded = {"AUTH": "on", "AUTH_KEYS": str(public_keys(data)), "MESSAGE_KEY": data.message_key()} | NO_LIMIT
    costs: dict[str, list[float]] = {"": [], token: []}
    for _ in range(TURNS):
        for shown, settings in (("", {}), (token, guarded)):
            costs[shown].append(await _turn(servers, folder, seconds, shown, settings))
    return DoorCost(
        per_second=PER_SECOND, open_us=statistics.median(costs[""]), guarded_us=statistics.median(costs[token])
    )


async def _turn(servers: Servers, folder: Path, seconds: float, token: str, settings: dict[str, str]) -> float:
    names, kept = ("command",), f"{DATABASE}_{'guarded' if token else 'open'}"
    async with running(
        names, servers=servers, database=kept, relay=False, folder=folder, settings=settings, bearer=token
    ) as system:
        await stock(system)
        port = system.ports["command"]
        load = Load(
            port=port,
            requests=post_requests(port, ORDERS_PATH, order_bodies(), bearer=token),
            seconds=seconds,
            warm_up_seconds=WARM_UP_SECONDS,
            connections=CLIENTS,
            rate=PER_SECOND,
        )
        async with metered(system.pids) as meter:
            (await alone(offer, load)).sound()
    return 1e6 * meter.uses["command"].cpu_seconds / (PER_SECOND * (seconds + WARM_UP_SECONDS))
