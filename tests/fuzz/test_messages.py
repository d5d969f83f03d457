"""Random messages to both exchanges: who is refused changes nothing, nobody crashes, and every view is still right."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aio_pika
import orjson
import pytest
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from hypothesis import strategies as st

from tests.fuzz.drawing import draw_evenly
from tests.fuzz.judging import AT_REST_SECONDS, BY_SAGAS, judged, wrong
from tests.fuzz.spoiling import garbage, spelled, spoilt
from tests.fuzz.wishes import BODIES, KEYS, ORDERS, PRODUCTS, Wish, wishes
from tests.support.broker import Broker, virtual_host
from tests.support.sender import DEAD, QUEUE, Sender, a_sender
from tests.support.system import SERVICES, System, running_system, until

MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "20000"))
PARTITIONS = 8

table_values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.text(max_size=10)
    | st.binary(max_size=10).map(bytearray)
) | st.sampled_from([Decimal("1.5"), datetime(2026, 1, 1, tzinfo=UTC), [1, "x"], {"a": {"b": 1}}, 2**40, 1.5])
headers = st.dictionaries(
    st.sampled_from(["order_id", "product_id", "expected_version", "traceparent", "authorization", "x-delivery-count"])
    | st.text(min_size=1, max_size=10).filter(lambda name: len(name.encode()) < 100),
    table_values,
    max_size=4,
)
short = st.text(max_size=30).filter(lambda text: len(text.encode()) < 200)


@dataclass(frozen=True, slots=True)
class Posted:
    """One message; `properties` go to aio_pika.Message as they are."""

    exchange: str
    key: str
    body: bytes
    headers: dict[str, Any]
    properties: dict[str, Any]


@st.composite
def commands(draw: st.DrawFn, key: str) -> Posted:
    """A good one, one with a fault in its body, its headers or its properties, or garbage under a good key."""
    wish: Wish = draw(wishes(key))
    body, told = spelled(wish.body), dict(wish.ids)
    properties: dict[str, Any] = {"content_type": "application/json", "message_id": uuid4().hex}
    match draw(st.sampled_from(["good", "good", "body", "body", "headers", "properties", "garbage", "key"])):
        case "body":
            body = spelled(draw(spoilt(wish.body)))
        case "headers":
            told |= draw(headers)
        case "properties":
            properties |= draw(
                st.fixed_dictionaries(
                    {},
                    optional={"content_type": short, "message_id": short, "app_id": short, "content_encoding": short},
                )
            )
        case "garbage":
            body = draw(garbage)
        case "key":
            key = draw(st.sampled_from(["order.ValidateOrder", "order.", ".", "order.CreateOrder.x"]) | short)
    return Posted("domain.commands", key, body, told, properties)


@st.composite
def events(draw: st.DrawFn) -> Posted:
    """As if the relay had sent it: its headers are forged, or those of a true message that was changed."""
    name = draw(st.sampled_from(["order.OrderPaid", "x.y", "order.OrderInitiated"]))
    key = f"p{draw(st.integers(0, PARTITIONS))}.{name}"
    forged: dict[str, Any] = {name: draw(table_values) for name in draw(st.sets(st.sampled_from(SEALED), max_size=8))}
    if draw(st.booleans()):
        number = st.integers(1, 2000)
        forged |= {"position": draw(number), "prev": draw(number), "version": 1, "index": 0, "count": 1, "schema": 1}
        forged |= {"partition": int(key[1]), "partition_key": 1, "mac": "0" * 32, "ce-type": "OrderPaid"}
    body = draw(garbage) if draw(st.booleans()) else spelled({"order_id": str(uuid4())})
    return Posted(
        "domain.events", key, body, forged, {"content_type": draw(st.sampled_from(["application/json", "x"]))}
    )


SEALED = ["position", "prev", "version", "index", "count", "schema", "partition", "partition_key", "mac", "log_id"]
SEALED += ["ce-type", "ce-id", "ce-time", "ce-subject", "ce-source", "command_id", "fingerprint", "actor", "body"]


@dataclass(slots=True)
class Post:
    """Sends, and keeps what commands were answered."""

    sender: Sender
    exchanges: dict[str, AbstractExchange]
    replies_to: str
    sent: int = 0
    placed: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    written: set[int] = field(default_factory=set)

    async def send(self, posted: Posted) -> None:
        self.sent += 1
        self.asked[posted.key] += posted.exchange == "domain.commands"
        filled = {"reply_to": self.replies_to, "correlation_id": posted.key[:100] or "none", "delivery_mode": 2}
        told = {name: self.known(str(value)) if name == "order_id" else value for name, value in posted.headers.items()}
        body = self.known(posted.body.decode("latin-1")).encode("latin-1")
        message = aio_pika.Message(body, headers=told, **(filled | posted.properties))
        await self.exchanges[posted.exchange].publish(message, posted.key, mandatory=False)

    def known(self, text: str) -> str:
        """With the ids of the orders that were placed last."""
        for number, order_id in enumerate(self.placed[: -len(ORDERS) - 1 : -1]):
            text = text.replace(ORDERS[number], order_id)
        return text

    async def take(self, reply: AbstractIncomingMessage) -> None:
        status = int(str(reply.headers["status"]))
        self.statuses[status] += 1
        if status < 300:
            self.done[str(reply.correlation_id)] += 1
            content = orjson.loads(reply.body)
            if content["changed"]:
                self.written.add(content["position"])
            if content["version"] == 1 and "order_id" in content:
                self.placed.append(content["order_id"])


@pytest.fixture(scope="module")
async def system(mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, tmp_path_factory.mktemp("fuzz"), services=SERVICES) as running,
    ):
        await host.followed(PARTITIONS)
        yield running


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


async def opened(stack: AsyncExitStack, url: str) -> Post:
    sender = await stack.enter_async_context(a_sender(url))
    replies = await sender.channel.declare_queue(exclusive=True)
    exchanges = {name: await sender.channel.get_exchange(name) for name in ("domain.commands", "domain.events")}
    post = Post(sender, exchanges, replies.name)
    await replies.consume(post.take, no_ack=True)
    for product_id in PRODUCTS:
        stock = {"product_id": product_id, "product_name": "Lamp", "quantity": 10**6, "unit_price": "5.00"}
        await post.send(_good("inventory.UpdateInventory", stock))
        await post.send(_good("product.CreateProduct", {"product_id": product_id, "name": "Lamp", "price": "5.00"}))
    await at_rest(post)
    for _ in ORDERS:
        await post.send(_good("order.CreateOrder", {"user_id": 1, "items": [{"product_id": 1, "quantity": 1}]}))
    await at_rest(post)
    return post


def _good(key: str, body: Any) -> Posted:
    return Posted(
        "domain.commands", key, spelled(body), {}, {"content_type": "application/json", "message_id": uuid4().hex}
    )


async def at_rest(post: Post) -> None:
    async def is_empty() -> bool:
        return not await post.sender.ready(QUEUE)

    await until(is_empty, seconds=AT_REST_SECONDS, what="every command was taken")
    await until(lambda: is_quiet(post), seconds=AT_REST_SECONDS, what="every command was answered")


async def is_quiet(post: Post) -> bool:
    """Nothing was answered for a second."""
    answered = post.statuses.total()
    await asyncio.sleep(1)
    return post.statuses.total() == answered


def test_random_messages_change_nothing_that_they_may_not(system: System, runner: asyncio.Runner) -> None:
    stack = AsyncExitStack()
    post = runner.run(opened(stack, system.amqp_url))
    pids = {name: program.pid for name, program in system._programs.items()}

    def send(some: Sequence[Posted]) -> None:
        for posted in some:
            runner.run(post.send(posted))

    draw_evenly([*map(commands, KEYS), *[events()] * (len(KEYS) // 2)], MESSAGES, send)
    runner.run(at_rest(post))
    facts = runner.run(judged(system))
    runner.run(stack.aclose())
    violations = wrong(facts)
    print(*violations, sep="\n")
    print(f"{post.sent} messages, {dict(post.statuses)}, {facts.positions['head']} commits, done: {dict(post.done)}")
    assert post.sent >= MESSAGES
    assert not [status for status in post.statuses if status >= 500]
    assert {commit["_id"] for commit in facts.commits if commit["actor"] != BY_SAGAS} == post.written
    assert {name: program.pid for name, program in system._programs.items()} == pids
    assert all(program.exit_code is None for program in system._programs.values())
    assert violations == []
    assert not [key for key in BODIES if not post.done[key]], "of these only the door was tested"


async def test_no_message_is_left_over(system: System) -> None:
    async with a_sender(system.amqp_url) as sender:
        assert await sender.ready(QUEUE) == 0
        print(f"{await sender.ready(DEAD)} messages nobody could be told about")
