"""Asks each service whether it is ready, and which version it is."""

import asyncio
import re
from collections.abc import Mapping

import aiohttp

from cli.doctor.facts import Service

TIMEOUT = aiohttp.ClientTimeout(total=4)
_BUILD = re.compile(r'^leveret_build_info\{[^}]*version="([^"]*)"', re.MULTILINE)


async def ask_services(addresses: Mapping[str, str]) -> tuple[Service, ...]:
    """`addresses` are by name; a gateway's certificate is another check's concern."""
    async with aiohttp.ClientSession(timeout=TIMEOUT, connector=aiohttp.TCPConnector(ssl=False)) as http:
        return tuple(await asyncio.gather(*(_ask(http, name, url) for name, url in addresses.items())))


async def _ask(http: aiohttp.ClientSession, name: str, url: str) -> Service:
    try:
        async with http.get(f"{url}/readyz") as answer:
            checks = (await answer.json()).get("checks", {})
        async with http.get(f"{url}/metrics") as answer:
            told = _BUILD.search(await answer.text())
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Service(name=name, url=url, trouble=_why(error))
    unready = tuple(check for check, is_well in checks.items() if not is_well)
    return Service(name=name, url=url, unready=unready, version=told[1] if told else None)


def _why(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientConnectorError():
            return "nobody listens there"
        case _:
            return type(error).__name__
