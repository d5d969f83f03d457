"""Clients that retry as people are told to, and remember what they were answered."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=10)
PAUSE_SECONDS = 0.1
THINK_SECONDS = 0.02  # on average; customers who never pause only keep two cores from what is tested


@dataclass(slots=True, kw_only=True)
class Ack:
    """One command that was answered with 2xx."""

    key: str
    command_id: str
    position: int
    changed: bool
    replayed: bool
    content: dict[str, Any]


@dataclass(slots=True)
class History:
    """What a run of clients saw; `unknown` counts tries that ended without a certain answer."""

    acks: list[Ack] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: int = 0

    @property
    def replayed(self) -> int:
        return sum(ack.replayed for ack in self.acks)


class Client:
    def __init__(self, http: aiohttp.ClientSession, gateway: str, history: History) -> None:
        self._http = http
        self._gateway = gateway
        self.history = history

    async def command(self, path: str, body: dict[str, Any], *, key: str | None = None) -> Ack | None:
        """Send until there is a certain answer; None when it is a refusal."""
        key = key or uuid4().hex
        while True:
            try:
                url = f"{self._gateway}/cqrs/commands/{path}"
                async with self._http.post(url, json=body, headers={"Idempotency-Key": key}, timeout=TIMEOUT) as answer:
                    content = await answer.json(content_type=None)
                    if answer.status < 300:
                        return self._acked(key, content, replayed="Idempotent-Replayed" in answer.headers)
                    if answer.status < 500:
                        self.history.refused.append(content["code"])
                        return None
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.history.unknown += 1
            await asyncio.sleep(PAUSE_SECONDS)

    def _acked(self, key: str, content: dict[str, Any], *, replayed: bool) -> Ack:
        ack = Ack(
            key=key,
            command_id=content["command_id"],
            position=content["position"],
            changed=content["changed"],
            replayed=replayed,
            content=content,
        )
        self.history.acks.append(ack)
        return ack


async def shop(client: Client, chance: random.Random, stop: asyncio.Event, *, user_id: int, products: range) -> None:
    """Order, cancel some, and restock, thinking between two orders, until told to stop."""
    while not stop.is_set():
        await asyncio.sleep(chance.expovariate(1 / THINK_SECONDS))
        lines = [
            {"product_id": p, "quantity": chance.randint(1, 5)} for p in chance.sample(products, chance.randint(1, 3))
        ]
        ordered = await client.command("orders", {"user_id": user_id, "items": lines})
        if ordered and chance.random() < 0.3:
            await client.command(f"orders/{ordered.content['order_id']}/cancel", {"reason": "changed my mind"})
        if chance.random() < 0.2:
            product_id = chance.choice(products)
            await client.command("inventory", {"product_id": product_id, "adjust_by": chance.randint(1, 9)})
