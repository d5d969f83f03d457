"""RabbitMQ's management API: the queues of our virtual host, as the broker counts them every few seconds."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import aiohttp
from yarl import URL

from common.addresses import each_address
from common.config import Settings
from common.errors import LeveretError, Unavailable
from monitor.shown import Queue

TIMEOUT = aiohttp.ClientTimeout(total=3)
MOST_QUEUES = 500  # the API's largest page
_NAMES = "name,type,state,messages,messages_ready,messages_unacknowledged,consumers,message_stats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """Where it is, who we are there, whose queues are asked for, and whose certificate is believed."""

    url: URL
    user: str
    password: str
    virtual_host: str
    tls: ssl.SSLContext | None


def managements_of(settings: Settings) -> list[Management]:
    """Of each node that MANAGEMENT_URL names; any of them will do."""
    named = each_address(settings.management_url) if settings.management_url else ()
    return [_management(URL(address), URL(each_address(settings.amqp_url)[0])) for address in named]


def _management(url: URL, broker: URL) -> Management:
    """Who names nobody there is let in as at the broker."""
    whose = url if url.user else broker
    return Management(
        url=url.with_user(None).with_password(None).with_query(None),
        user=whose.user or "guest",
        password=whose.password or "guest",
        virtual_host=unquote(broker.raw_path.removeprefix("/")) or "/",
        tls=_trusting(url.query.get("cafile")) if url.scheme == "https" else None,
    )


async def read_queues(http: aiohttp.ClientSession, management: Management) -> list[Queue]:
    """Raise Unavailable where it does not answer, or does not let us in."""
    where = URL(f"{management.url}", encoded=True) / "api" / "queues"
    target = URL(f"{where}/{_quoted(management.virtual_host)}", encoded=True)
    wanted = target.with_query(page=1, page_size=MOST_QUEUES, columns=_NAMES)
    login = {"Authorization": aiohttp.encode_basic_auth(management.user, management.password)}
    try:
        async with http.get(wanted, headers=login, ssl=management.tls or True, timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            return [_queue(item) for item in (await answer.json())["items"]]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        raise Unavailable("RabbitMQ's management API does not answer.") from error


def _queue(item: Mapping[str, Any]) -> Queue:
    """A queue that was made a moment ago has no numbers yet."""
    stats = item.get("message_stats", {})
    return {
        "name": item["name"],
        "type": item.get("type", "classic"),
        "messages": item.get("messages", 0),
        "ready": item.get("messages_ready", 0),
        "unacknowledged": item.get("messages_unacknowledged", 0),
        "consumers": item.get("consumers", 0),
        "published_per_second": stats.get("publish_details", {}).get("rate"),
        "delivered_per_second": stats.get("deliver_get_details", {}).get("rate"),
        "state": item.get("state", "unknown"),
    }


def _quoted(virtual_host: str) -> str:
    return URL.build(path="/" + virtual_host).raw_path[1:].replace("/", "%2F")


def _trusting(ca: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        why = error.strerror or error
        raise LeveretError("bad_management_url", f"MANAGEMENT_URL: {ca} cannot be read: {why}.") from error
