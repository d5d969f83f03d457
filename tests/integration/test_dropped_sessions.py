"""A session may be thrown away at any moment of its life: whoever uses it then has lost it, and nothing worse."""

import asyncio

import pytest

from common.broker import Consumer, Publisher, is_routed
from common.envelope import Message
from common.errors import Unavailable
from tests.support.broker import Broker, virtual_host

MOMENTS = [0.001 * n for n in range(15)]  # seconds; following a queue that is there takes a few thousandths
MESSAGE = Message(exchange="amq.topic", routing_key="p0.x", id="1", headers={}, body=b"")


async def test_following_while_the_session_is_closed(rabbitmq: Broker) -> None:
    async with virtual_host(rabbitmq) as host:
        for moment in MOMENTS:
            consumer = await Consumer.open(host.url, "views", lambda *_: None)
            following = asyncio.create_task(consumer.follow(0))
            await asyncio.sleep(moment)
            await consumer.close()
            try:
                await following
            except Unavailable:
                assert consumer.lost.is_set()


async def test_publishing_while_the_session_is_closed(rabbitmq: Broker) -> None:
    async with virtual_host(rabbitmq) as host:
        for moment in MOMENTS:
            publisher = await Publisher.open(host.url, "test")

            async def publish(publisher: Publisher = publisher) -> None:
                while True:
                    for confirmation in await publisher.publish([MESSAGE]):
                        await is_routed(confirmation)

            publishing = asyncio.create_task(publish())
            await asyncio.sleep(moment)
            await publisher.close()
            with pytest.raises(Unavailable):
                await publishing
