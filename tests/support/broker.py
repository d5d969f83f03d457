"""What tests do to a real RabbitMQ: a virtual host of their own, its management API, and another team's queue."""

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aio_pika
import aiohttp
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity
from yarl import URL

from stack.finding import find_rabbitmq
from stack.servers import RabbitMQ
from tests.support.system import until

EXCHANGE = "domain.events"
TIMEOUT = aiohttp.ClientTimeout(total=10)
ENOUGH_SECONDS = 15.0

Details = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where a RabbitMQ is; `url` ends where the virtual host's name begins."""

    url: str
    management_url: str

    @property
    def user(self) -> str:
        return URL(self.url).user or "guest"

    @property
    def login(self) -> dict[str, str]:
        """The headers by which the management pages let us in."""
        return {"Authorization": aiohttp.encode_basic_auth(self.user, URL(self.url).password or "guest")}


class VirtualHost:
    """One virtual host; deleting and making it again is what a wiped broker is to those who use it."""

    def __init__(self, broker: Broker, http: aiohttp.ClientSession, name: str) -> None:
        self.url = broker.url + name
        self.name = name
        self._broker = broker
        self._api = broker.management_url + "/api"
        self._http = http

    async def create(self) -> None:
        await self._call("PUT", f"vhosts/{self.name}")
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await self._call("PUT", f"permissions/{self.name}/{self._broker.user}", everything)

    async def delete(self) -> None:
        """Its queues and messages are gone, and whoever is connected is cut off."""
        await self._call("DELETE", f"vhosts/{self.name}")

    async def queues(self) -> dict[str, Details]:
        """The group's queues by name: their arguments now, their numbers a few seconds old."""
        return {queue["name"]: queue for queue in await self._call("GET", f"queues/{self.name}")}

    async def memory_bytes(self) -> int:
        """What the whole broker uses."""
        return sum(node["mem_used"] for node in await self._call("GET", "nodes"))

    async def consumers(self) -> list[Details]:
        return await self._call("GET", f"consumers/{self.name}")

    async def routes(self, queue: str) -> set[str]:
        """The routing keys by which a queue is bound to the events' exchange."""
        bindings = await self._call("GET", f"bindings/{self.name}/e/{EXCHANGE}/q/{queue}")
        return {binding["routing_key"] for binding in bindings}

    async def bind(self, queue: str, key: str) -> None:
        await self._call("POST", f"bindings/{self.name}/e/{EXCHANGE}/q/{queue}", {"routing_key": key, "arguments": {}})

    async def unbind(self, queue: str, key: str) -> None:
        """From the next message on, those with this key do not reach the queue any more."""
        for binding in await self._call("GET", f"bindings/{self.name}/e/{EXCHANGE}/q/{queue}"):
            if binding["routing_key"] == key:
                path = f"bindings/{self.name}/e/{EXCHANGE}/q/{queue}/{binding['properties_key']}"
                await self._call("DELETE", path)

    async def make_queue(self, name: str, **arguments: object) -> None:
        await self._call("PUT", f"queues/{self.name}/{name}", {"durable": True, "arguments": arguments})

    async def delete_queue(self, name: str) -> None:
        await self._call("DELETE", f"queues/{self.name}/{name}")

    async def purge(self, name: str) -> None:
        await self._call("DELETE", f"queues/{self.name}/{name}/contents")

    async def delete_exchange(self) -> None:
        await self._call("DELETE", f"exchanges/{self.name}/{EXCHANGE}")

    async def waiting(self, *queues: str) -> int:
        """How many messages wait in these queues now, those handed out to consumers not counted."""
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            declared = [(await channel.declare_queue(name, passive=True)).declaration_result for name in queues]
        return sum(queue.message_count or 0 for queue in declared)

    async def publish(self, key: str, headers: Details, body: bytes) -> None:
        """Send what anybody could send who has the broker's password."""
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(EXCHANGE, ensure=False)
            await exchange.publish(aio_pika.Message(body, headers=headers), key)

    async def publish_by_hand(self, exchange: str, key: str, properties: Details, payload: str) -> None:
        """As on the management pages, and as `rabbitmqadmin` does: nothing is added to the properties."""
        content = {"properties": properties, "routing_key": key, "payload": payload, "payload_encoding": "string"}
        await self._call("POST", f"exchanges/{self.name}/{exchange}/publish", content)

    async def followed(self, queues: int) -> None:
        """Wait until so many queues of the views have exactly one consumer each."""

        async def have_consumers() -> bool:
            return await self._consumer_counts(queues) == [1] * queues

        await until(have_consumers, seconds=ENOUGH_SECONDS, what="every queue has one consumer")

    async def _consumer_counts(self, queues: int) -> list[int] | None:
        """As the broker knows them now; None if a queue is missing."""
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            try:
                declared = [await channel.declare_queue(f"views.p{n}", passive=True) for n in range(queues)]
            except ChannelNotFoundEntity:
                return None
        return [queue.declaration_result.consumer_count or 0 for queue in declared]

    async def _call(self, method: str, path: str, content: Details | None = None) -> Any:
        async with self._http.request(method, f"{self._api}/{path}", json=content) as answer:
            assert answer.status < 300, f"{method} {path}: {answer.status} {await answer.text()}"
            return await answer.json() if method == "GET" else None


@asynccontextmanager
async def virtual_host(broker: Broker) -> AsyncIterator[VirtualHost]:
    """A new one, for one system alone."""
    async with aiohttp.ClientSession(headers=broker.login, timeout=TIMEOUT) as http:
        host = VirtualHost(broker, http, f"test-{uuid4().hex[:12]}")
        await host.create()
        try:
            yield host
        finally:
            await host.delete()


async def rabbitmqctl(server: RabbitMQ, *words: str) -> None:
    """Tell this node what only an operator may; ~2 s."""
    program = find_rabbitmq().with_name("rabbitmqctl")
    told = await asyncio.create_subprocess_exec(
        program, *words, env=server._environment(os.environ), stdout=PIPE, stderr=STDOUT
    )
    said, _ = await told.communicate()
    assert told.returncode == 0, said.decode()


class Tap:
    """What arrived in another team's queue, in order of arrival."""

    def __init__(self) -> None:
        self.messages: list[AbstractIncomingMessage] = []

    @property
    def ids(self) -> list[str]:
        return [str(message.headers["ce-id"]) for message in self.messages]

    @property
    def positions(self) -> list[int]:
        return [int(str(message.headers["position"])) for message in self.messages]

    async def has(self, fact: Callable[["Tap"], bool], what: str, *, seconds: float = ENOUGH_SECONDS) -> None:
        async def is_so() -> bool:
            return fact(self)

        await until(is_so, seconds=seconds, what=what)


@asynccontextmanager
async def tapped(host: VirtualHost, key: str = "#") -> AsyncIterator[Tap]:
    """Bind a queue of our own to the events and listen."""
    tap = Tap()
    async with await aio_pika.connect(host.url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, key)

        async def keep(message: AbstractIncomingMessage) -> None:
            tap.messages.append(message)

        await queue.consume(keep, no_ack=True)
        yield tap
