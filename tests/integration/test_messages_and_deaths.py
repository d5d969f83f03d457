"""Commands over RabbitMQ when something dies: none is lost, each is done once (docs/messages.md)."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from common.command_queue import DELIVERY_LIMIT, CommandQueue, Delivery
from common.errors import Unavailable
from stack.ports import LOOPBACK, free_port
from tests.support.broker import Broker, virtual_host
from tests.support.message_desk import ORDER, STOCK, Desk, a_desk, require_nothing_is_left
from tests.support.sender import DEAD, Sender, a_sender
from tests.support.servers import own_mongod, own_rabbitmq
from tests.support.system import System, running_system, until

OLD_ENOUGH_SECONDS = 3.0  # a RabbitMQ 3.10 that is killed has lost the quorum queues it made a second before


async def test_what_ends_every_session_is_dead_after_some_and_not_lost(rabbitmq: Broker) -> None:
    async with virtual_host(rabbitmq) as host, a_sender(host.url) as sender:
        sessions = 0
        arrived = asyncio.Event()

        def take(_: Delivery) -> None:
            arrived.set()

        queue = await CommandQueue.open(host.url, take, prefetch=1)
        await sender.send("order.CreateOrder", b"poison")
        async with asyncio.timeout(60):
            while not (await queue.waiting()).dead:
                await arrived.wait()
                arrived.clear()
                await queue.close()
                sessions += 1
                queue = await CommandQueue.open(host.url, take, prefetch=1)
                if sessions > DELIVERY_LIMIT:
                    await until(lambda: _is_dead(sender), seconds=10, what="it is dead")
        await queue.close()
        assert sessions == DELIVERY_LIMIT + 1
        dead = await (await sender.channel.get_queue(DEAD)).get(no_ack=True)
        assert dead is not None
        assert dead.body == b"poison"


async def _is_dead(sender: Sender) -> bool:
    return await sender.ready(DEAD) == 1


# whatever dies


@asynccontextmanager
async def alone(mongodb_url: str, amqp_url: str, folder: Path, **settings: str) -> AsyncIterator[Desk]:
    """One command service, with a queue that it consumes."""
    async with (
        running_system(mongodb_url, amqp_url, folder, services=("command",), **settings) as system,
        a_desk(system, amqp_url) as desk,
    ):
        await desk.consumed()
        await desk.stocked()
        yield desk


async def require_done_once(desk: Desk, sent: list[str]) -> None:
    for correlation_id in sent:
        reply = await desk.sender.answer(correlation_id, seconds=30)
        assert reply.status == 201, reply.content
    done = Counter(commit["correlation_id"] for commit in await desk.commits())
    assert [correlation_id for correlation_id in sent if done[correlation_id] != 1] == []


async def test_without_mongodb_nothing_is_lost_and_nobody_waits_who_need_not(rabbitmq: Broker, tmp_path: Path) -> None:
    async with (
        virtual_host(rabbitmq) as host,
        own_mongod(tmp_path / "mongodb") as mongod,
        alone(mongod.url, host.url, tmp_path, COMMAND_DEADLINE_SECONDS="1") as desk,
    ):
        await mongod.kill()
        sent = [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(10)]
        assert (await desk.sender.ask("order.CreateOrder", b"{")).status == 400
        status, _ = await desk.post("orders", ORDER)
        assert status == 503
        assert not any(desk.sender.answers(correlation_id) for correlation_id in sent)
        await mongod.start()
        await mongod.wait_ready()
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_a_command_in_the_hands_of_a_process_that_is_killed_is_done_once_by_the_next(
    rabbitmq: Broker, tmp_path: Path
) -> None:
    async with (
        virtual_host(rabbitmq) as host,
        own_mongod(tmp_path / "mongodb") as mongod,
        alone(mongod.url, host.url, tmp_path) as desk,
    ):
        assert mongod.pid
        os.kill(mongod.pid, signal.SIGSTOP)
        sent = [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(10)]

        async def is_in_hand() -> bool:
            return await desk.sender.ready() == 0

        await until(is_in_hand, seconds=5, what="the messages are delivered")
        await desk.system.kill("command")
        os.kill(mongod.pid, signal.SIGCONT)  # what was on its way to the log may be written now
        await desk.system.start("command")
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_commands_under_way_while_their_process_is_killed_again_and_again_are_done_once(
    mongodb_url: str, rabbitmq: Broker, tmp_path: Path
) -> None:
    async with virtual_host(rabbitmq) as host, alone(mongodb_url, host.url, tmp_path) as desk:
        sent: list[str] = []
        for _ in range(3):
            sent += [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(200)]
            await desk.sender.answer(sent[-150])
            sent.pop(-150)
            await desk.system.kill("command")
            await desk.system.start("command")
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_a_rolling_restart_loses_nothing(mongodb_url: str, rabbitmq: Broker, tmp_path: Path) -> None:
    async with virtual_host(rabbitmq) as host, alone(mongodb_url, host.url, tmp_path) as desk:
        sent = [await desk.sender.send_with_reply("order.CreateOrder", ORDER) for _ in range(300)]
        await desk.system.restart("command")
        await require_done_once(desk, sent)
        await require_nothing_is_left(desk, host)


async def test_the_broker_may_be_away_at_the_start_and_later(mongodb_url: str, tmp_path: Path) -> None:
    """HTTP works on, what the broker has kept is done, and the consumer comes back by itself."""
    async with own_rabbitmq(tmp_path / "rabbitmq") as rabbitmq:
        await rabbitmq.kill()
        async with running_system(mongodb_url, rabbitmq.url, tmp_path, services=("command",)) as system:
            await require_http_works(system)
            await rabbitmq.start()
            await rabbitmq.wait_ready()
            async with a_desk(system, rabbitmq.url) as desk:
                await desk.consumed()
                assert (await desk.sender.ask("order.CreateOrder", ORDER)).status == 201
                system.signal("command", signal.SIGSTOP)
                await desk.sender.send("order.CreateOrder", ORDER, correlation_id="kept")
                await asyncio.sleep(OLD_ENOUGH_SECONDS)  # a part of the fault's schedule
                await rabbitmq.kill()
                system.signal("command", signal.SIGCONT)
            await require_http_works(system)
            await rabbitmq.start()
            await rabbitmq.wait_ready()
            async with a_desk(system, rabbitmq.url) as desk:

                async def is_done() -> bool:
                    return len(await desk.commits(correlation_id="kept")) == 1

                await until(is_done, seconds=60, what="what the broker kept is done")
                assert (await desk.sender.ask("order.CreateOrder", ORDER)).status == 201


async def require_http_works(system: System) -> None:
    async with aiohttp.ClientSession() as http:
        for path, body in (("inventory", STOCK), ("orders", ORDER)):
            async with http.post(f"{system.url('command')}/commands/{path}", json=body) as answer:
                assert answer.status in (200, 201)


async def test_without_the_setting_or_without_a_broker_nothing_is_consumed(
    mongodb_url: str, rabbitmq: Broker, tmp_path: Path
) -> None:
    async with virtual_host(rabbitmq) as host:
        off = {"COMMANDS_QUEUE": "false"}
        async with running_system(mongodb_url, host.url, tmp_path, services=("command",), **off) as system:
            await require_http_works(system)
            assert "commands" not in await host.queues()
        async with running_system(mongodb_url, "", tmp_path, services=("command",)) as system:
            await require_http_works(system)


async def test_a_broker_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await CommandQueue.open(f"amqp://{LOOPBACK}:{free_port()}/", lambda _: None, prefetch=1)
