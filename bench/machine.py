"""What the figures were measured on: the kind of machine and the versions, nothing that names it."""

import os
import platform
import statistics
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import aio_pika
from pymongo import AsyncMongoClient

PACKAGES = ("leveret", "aiohttp", "aio-pika", "pymongo", "pydantic", "uvloop", "eventsourcing", "psycopg")
SYNCS = 50
SYNC_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    cpu: str
    cores: int
    memory_gib: float
    system: str
    kernel: str
    fsync_ms: float  # median of writing and syncing 4 KiB where the servers keep their data
    load_before: float  # one-minute load average at the start: others at work make every figure worse


def describe_machine(data_folder: Path) -> Machine:
    return Machine(
        cpu=_cpu_model(),
        cores=os.cpu_count() or 0,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=_system(),
        kernel=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        fsync_ms=_fsync_ms(data_folder),
        load_before=round(os.getloadavg()[0], 2),
    )


async def describe_versions(mongodb_url: str, amqp_url: str) -> dict[str, str]:
    """Versions of Python, of the servers and of the packages that matter."""
    return {
        "python": platform.python_version(),
        "mongodb": await _mongodb_version(mongodb_url),
        "rabbitmq": await _rabbitmq_version(amqp_url),
    } | {package: _package_version(package) for package in PACKAGES}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _fsync_ms(folder: Path) -> float:
    durations: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            started = perf_counter()
            file.write(bytes(SYNC_BYTES))
            file.flush()
            os.fsync(file.fileno())
            durations.append(perf_counter() - started)
    return round(1000 * statistics.median(durations), 2)


async def _mongodb_version(url: str) -> str:
    async with AsyncMongoClient(url) as client:
        return (await client.server_info())["version"]


async def _rabbitmq_version(url: str) -> str:
    connection = await aio_pika.connect(url)
    async with connection:
        properties = getattr(connection.transport.connection, "server_properties", {}) if connection.transport else {}
        told = properties.get("version", "unknown")
        return told.decode() if isinstance(told, bytes) else str(told)


def _package_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
