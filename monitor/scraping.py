"""Asks every process what it counts, the two sides for positions, and RabbitMQ for its queues."""

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from common.addresses import each_address
from common.config import Settings
from common.errors import Unavailable
from monitor.management import Management, managements_of, read_queues
from monitor.numbers import Numbers
from monitor.scrape import Scrape
from monitor.shown import Queue

TIMEOUT = aiohttp.ClientTimeout(total=2)  # who is silent for longer counts as away
OURS = "leveret_"
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Who is asked: service → its addresses; a service without one is not watched. Of the managements one will do."""

    services: Mapping[str, Sequence[URL]]
    managements: Sequence[Management]


def targets_of(settings: Settings) -> Targets:
    named = {
        "command": settings.command_url,
        "query": settings.query_url,
        "projector": settings.projector_url,
        "saga": settings.saga_url,
        "gateway": settings.gateway_url,
        "payments": settings.payments_url,
    }
    services = {name: [URL(address) for address in each_address(url)] for name, url in named.items() if url}
    return Targets(services=services, managements=managements_of(settings))


async def scrape(http: aiohttp.ClientSession, targets: Targets) -> Scrape:
    """Ask all at once. Never fails: who is away is told as None, or left out."""
    processes, queues = await asyncio.gather(_processes(targets.services), _queues(http, targets.managements))
    names = list(processes)
    numbers, written, read = await asyncio.gather(
        asyncio.gather(*(_numbers_of_all(http, processes[name]) for name in names)),
        _positions(http, processes.get("command", ())),
        _positions(http, processes.get("query", ())),
    )
    return Scrape(
        taken_at=time.monotonic(),
        services=dict(zip(names, numbers, strict=True)),
        written=[said for said in written if "head" in said and "relay" in said],
        read=[said for said in read if "groups" in said],
        queues=queues,
        asks_broker=bool(targets.managements),
    )


async def _processes(services: Mapping[str, Sequence[URL]]) -> dict[str, list[URL]]:
    """A name that stands for several processes, as containers have it, is each of them."""
    found = await asyncio.gather(*(_each_process(url) for urls in services.values() for url in urls))
    each = iter(found)
    return {name: [process for _ in urls for process in next(each)] for name, urls in services.items()}


async def _each_process(url: URL) -> list[URL]:
    """One that is not found stays as it is named: it will not answer."""
    if url.scheme != "http" or url.host is None:
        return [url]
    with suppress(OSError):
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(TIMEOUT.total):
            found = await loop.getaddrinfo(url.host, url.port, family=socket.AF_INET, type=socket.SOCK_STREAM)
        return [url.with_host(host) for host in sorted({str(address[0]) for *_, address in found})] or [url]
    return [url]


async def _numbers_of_all(http: aiohttp.ClientSession, processes: Sequence[URL]) -> dict[str, Numbers | None]:
    numbers = await asyncio.gather(*(_numbers(http, process) for process in processes))
    return {str(process): of_one for process, of_one in zip(processes, numbers, strict=True)}


async def _numbers(http: aiohttp.ClientSession, process: URL) -> Numbers | None:
    try:
        async with http.get(process / "metrics", timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            return read_numbers(await answer.text())
    except _FAILURES:
        return None


def read_numbers(text: str) -> Numbers:
    """Of ours alone: what the libraries count is not looked at. ValueError for what is no such text."""
    return {
        (found.name, frozenset(found.labels.items())): found.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith(OURS)
        for found in family.samples
    }


async def _positions(http: aiohttp.ClientSession, processes: Sequence[URL]) -> list[Mapping[str, Any]]:
    said = await asyncio.gather(*(_position(http, process) for process in processes))
    return [one for one in said if one]


async def _position(http: aiohttp.ClientSession, process: URL) -> Mapping[str, Any] | None:
    try:
        async with http.get(process / "ops" / "positions", timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            return await answer.json()
    except _FAILURES:
        return None


async def _queues(http: aiohttp.ClientSession, managements: Sequence[Management]) -> list[Queue] | None:
    for management in managements:
        with suppress(Unavailable):
            return await read_queues(http, management)
    return None
