"""Asks RabbitMQ: over AMQP whether it is there, over its management's HTTP what is in it."""

import asyncio
import logging
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from cli.doctor.facts import Broker, Queue
from common.addresses import each_address
from common.broker import connect, hang_up
from common.errors import Unavailable

TIMEOUT = aiohttp.ClientTimeout(total=5)
ALARMS = {"mem_alarm": "its memory is over the limit", "disk_free_alarm": "its disk is full"}


async def ask_broker(amqp_url: str, management_url: str) -> Broker | None:
    if not amqp_url:
        return None
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it would tell of a refused connection what we tell
    try:
        version = await _version(amqp_url)
    except Unavailable as error:
        return Broker(trouble=error.detail.rstrip("."))
    if not management_url:
        return Broker(version=version, unasked="its address is not known")
    try:
        return await _ask_management(URL(each_address(amqp_url)[0]), management_url, version)
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        return Broker(version=version, unasked=f"{management_url} does not answer: {error or 'no answer in time'}")


async def _version(amqp_url: str) -> str:
    connection: Any = await connect(amqp_url, "doctor")
    try:
        return str(connection.transport.connection.server_properties["version"])
    finally:
        await hang_up(connection)


async def _ask_management(amqp: URL, management_url: str, version: str) -> Broker:
    """With the account of AMQP, which must have the tag `monitoring` or more to tell of alarms."""
    host = quote(amqp.path.removeprefix("/") or "/", safe="")
    login = {"Authorization": aiohttp.encode_basic_auth(amqp.user or "guest", amqp.password or "guest")}
    async with aiohttp.ClientSession(timeout=TIMEOUT, headers=login, raise_for_status=True) as http:
        nodes, queues, exchanges, bindings = await asyncio.gather(
            *(
                _get(http, f"{management_url}/api/{path}")
                for path in ("nodes", f"queues/{host}", f"exchanges/{host}", f"bindings/{host}")
            )
        )
    return Broker(
        version=version,
        alarms=tuple(sentence for name, sentence in ALARMS.items() if any(node.get(name) for node in nodes)),
        queues={q["name"]: Queue(kind=q.get("type", "classic"), messages=q.get("messages", 0)) for q in queues},
        exchanges=frozenset(exchange["name"] for exchange in exchanges),
        bindings=frozenset((b["source"], b["destination"], b["routing_key"]) for b in bindings),
    )


async def _get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(URL(url, encoded=True)) as answer:
        return await answer.json()
