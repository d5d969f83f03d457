"""The private servers as tests use them: kill, start, wipe, move to another port."""

import sys
from pathlib import Path

import pytest
from aio_pika import DeliveryMode, Message, connect
from aio_pika.abc import AbstractChannel
from pymongo import AsyncMongoClient

from stack.errors import StartFailed
from stack.process import spawn, until_ready
from stack.servers import RabbitMQ
from tests.support.servers import own_mongod, own_rabbitmq
from tests.support.system import until

QUEUE = "a-queue-that-is-kept"
RECOVERY_SECONDS = 30.0  # of a queue whose broker was killed, after that broker answers


async def test_a_killed_mongod_comes_back_with_what_it_acknowledged(tmp_path: Path) -> None:
    async with own_mongod(tmp_path / "mongo db") as server:
        async with AsyncMongoClient(server.url) as client:
            await client["a"]["b"].insert_one({"_id": 1})
        await server.kill()
        await server.start()
        await server.wait_ready()
        async with AsyncMongoClient(server.url) as client:
            assert await client["a"]["b"].count_documents({}) == 1


async def test_a_mongod_may_move_to_another_port(tmp_path: Path) -> None:
    for _ in range(2):
        async with own_mongod(tmp_path) as server, AsyncMongoClient(server.url) as client:
            await client["a"]["b"].insert_one({})
            count = await client["a"]["b"].count_documents({})
    assert count == 2


async def test_fail_points_make_a_mongod_lie(tmp_path: Path) -> None:
    async with own_mongod(tmp_path) as server, AsyncMongoClient(server.url) as client:
        await client.admin.command("configureFailPoint", "failCommand", mode="off", data={"failCommands": ["ping"]})


async def test_a_killed_broker_keeps_its_durable_queues_and_a_wiped_one_has_nothing(tmp_path: Path) -> None:
    async with own_rabbitmq(tmp_path / "broker") as broker:
        async with await connect(broker.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(QUEUE, durable=True)
            message = Message(b"kept", delivery_mode=DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, routing_key=queue.name)
            await _written_down(channel, broker.data)
        await broker.kill()
        await broker.start()
        await broker.wait_ready()
        assert await _first_message(broker.url) == b"kept"
        await broker.kill()
        broker.wipe()
        assert not broker.data.exists()


async def test_a_broker_that_does_not_start_tells_what_may_be_deleted(tmp_path: Path) -> None:
    """A node of another version does not start on these data."""
    broker = RabbitMQ(tmp_path, source=Path("/bin/false"))
    try:
        await broker.start()
        with pytest.raises(StartFailed, match=f"delete {tmp_path}"):
            await broker.wait_ready()
    finally:
        await broker.stop()


async def test_who_does_not_get_ready_is_told_with_what_it_last_warned_of() -> None:
    says = "[warning  ] read_models_unknown names=['ratings']"
    program = await spawn([sys.executable, "-uc", f"print({says!r}); print('serving'); import time; time.sleep(60)"])

    async def is_ready() -> bool:
        return False

    try:
        with pytest.raises(StartFailed, match=r"it did not get ready within 1 s: .* read_models_unknown names=\['rat"):
            await until_ready("it", program, is_ready, timeout_seconds=1)
    finally:
        await program.kill()


async def _written_down(channel: AbstractChannel, data: Path) -> None:
    """The broker may say yes to a queue before its own log is on the disk; the next queue takes it there."""
    files = ("LATEST.LOG", "PREVIOUS.LOG", "rabbit_durable_queue.DCD", "rabbit_durable_queue.DCL")

    def is_on_disk() -> bool:
        return any(QUEUE.encode() in path.read_bytes() for name in files for path in data.rglob(name))

    async def is_there() -> bool:
        await channel.declare_queue(durable=True)
        return is_on_disk()

    await until(is_there, seconds=RECOVERY_SECONDS, what="the broker has written the queue down")


async def _first_message(url: str) -> bytes:
    async with await connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(QUEUE, durable=True)
        found: list[bytes] = []

        async def is_there() -> bool:
            message = await queue.get(no_ack=True, fail=False)
            found.extend([message.body] if message else [])
            return bool(found)

        await until(is_there, seconds=RECOVERY_SECONDS, what="the queue has its message again")
    return found[0]
