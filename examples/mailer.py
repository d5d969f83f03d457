"""A mailer, as another team would write it: one mail to the customer of each order that is paid.

    AMQP_URL=… OUTBOX=/var/mail MESSAGE_KEY=… python examples/mailer.py      # without the key it believes everybody

A message may come twice, its mail goes once: it is a file, written aside and then linked under the message's id, and
the second link fails. Killed before that, the mailer is given the message again; killed after, it finds the name taken.
A mail server can do the same with the id as the mail's key; with one that cannot, a crash may send a mail twice.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from aio_pika import ExchangeType
from aio_pika.abc import AbstractIncomingMessage

from common.broker import connect, reaching
from common.codec import decode_event
from common.envelope import EXCHANGE, Seal, from_message, unsealed
from common.errors import Unavailable, Undecodable

QUEUE, BINDING = "mailer", "*.order.OrderPaid"


def send(message: AbstractIncomingMessage, outbox: Path, key: str | None) -> None:
    headers, body = message.headers, message.body
    part = from_message(headers, body, Seal(key, str(headers.get("log_id")))) if key else unsealed(headers, body)
    commit = part.commit
    paid = decode_event(commit.events[0]).model_dump()
    mail = outbox / f"{commit.position}.{part.index}.eml"  # its message_id, of which this is sealed
    draft = mail.with_suffix(f".{os.getpid()}")
    draft.write_text(f"To: customer {commit.partition_key}\n\nOrder {paid['order_id']} is paid: {paid['amount']}\n")
    with suppress(FileExistsError):  # it went before
        mail.hardlink_to(draft)
    draft.unlink()


async def listen(url: str, outbox: Path, key: str | None) -> None:
    async with await connect(url, "mailer") as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=50)
        exchange = await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(exchange, BINDING)
        async with queue.iterator() as messages:
            async for message in messages:
                try:
                    send(message, outbox, key)
                except Undecodable as error:
                    print("no mail:", error.code, flush=True)
                await message.ack()


async def main() -> None:
    while True:
        with suppress(Unavailable), reaching("RabbitMQ is away."):
            await listen(os.environ["AMQP_URL"], Path(os.environ["OUTBOX"]), os.environ.get("MESSAGE_KEY"))
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
