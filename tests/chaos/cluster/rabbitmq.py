"""A RabbitMQ cluster of three real nodes on this machine."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from stack.finding import find_epmd
from stack.ports import LOOPBACK, free_port
from stack.process import OnLine, spawn
from stack.rabbitmq import Membership, RabbitMQ
from tests.support.broker import TIMEOUT, Broker, rabbitmqctl
from tests.support.system import until

NODES = ("leveret0@localhost", "leveret1@localhost", "leveret2@localhost")
ENOUGH_SECONDS = 90.0
STRANGER = "stranger"  # a cookie that nobody has


class Brokers:
    """The nodes of one cluster, numbered from 0."""

    def __init__(self, nodes: list[RabbitMQ]) -> None:
        self.nodes = nodes

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.nodes)

    async def leaders(self) -> dict[str, int]:
        """Queue → the node of its leader, as any node that answers knows it; queues without a leader are left out."""
        for node in self.nodes:
            try:
                queues = await _ask(node, "queues")
            except (aiohttp.ClientError, TimeoutError):
                continue
            return {queue["name"]: NODES.index(queue["leader"]) for queue in queues if queue.get("leader") in NODES}
        return {}

    async def kill(self, number: int) -> None:
        await self.nodes[number].kill()

    async def stop(self, number: int) -> None:
        await self.nodes[number].stop()

    async def start(self, number: int) -> None:
        """Return when all nodes see each other."""
        await self.nodes[number].start()
        await self.nodes[number].wait_ready()
        await self.whole()

    async def cut_off(self, number: int) -> None:
        """Break the connections of this node to the others; none can be made until `join`."""
        await self._treat_others(number, f"erlang:set_cookie(N, {STRANGER}), erlang:disconnect_node(N)")

    async def join(self, number: int) -> None:
        await self._treat_others(number, "erlang:set_cookie(N, erlang:get_cookie()), net_kernel:connect_node(N)")

    async def whole(self) -> None:
        """Wait until every node sees all nodes running."""

        async def is_so() -> bool:
            try:
                seen = await asyncio.gather(*(_ask(node, "nodes") for node in self.nodes))
            except (aiohttp.ClientError, TimeoutError):
                return False
            return all(sum(node["running"] for node in nodes) == len(NODES) for nodes in seen)

        await until(is_so, seconds=ENOUGH_SECONDS, what="the nodes of RabbitMQ are one cluster")

    async def _treat_others(self, number: int, what: str) -> None:
        others = ", ".join(f"'{name}'" for n, name in enumerate(NODES) if n != number)
        await rabbitmqctl(self.nodes[number], "eval", f"[begin {what} end || N <- [{others}]].")


@asynccontextmanager
async def a_broker_cluster(folder: Path, on_line: OnLine) -> AsyncIterator[Brokers]:
    """Three nodes that see each other; the first one makes the cluster."""
    epmd_port, cookie = free_port(), secrets.token_hex(20)
    nodes = [
        RabbitMQ(
            folder / name.partition("@")[0],
            membership=Membership(node=name, nodes=NODES, epmd_port=epmd_port, cookie=cookie),
            on_line=on_line,
        )
        for name in NODES
    ]
    epmd = await spawn([find_epmd(), "-address", LOOPBACK, "-port", str(epmd_port)])
    try:
        brokers = Brokers(nodes)
        for node in nodes:
            await node.start()
            await node.wait_ready()
        await brokers.whole()
        yield brokers
    finally:
        await asyncio.gather(*(node.stop() for node in nodes))
        await epmd.kill()


async def _ask(node: RabbitMQ, path: str) -> list[dict[str, Any]]:
    login = Broker(url=node.url, management_url=node.management_url).login
    url = f"{node.management_url}/api/{path}"
    async with aiohttp.ClientSession(headers=login, timeout=TIMEOUT) as http, http.get(url) as answer:
        answer.raise_for_status()
        return await answer.json()
