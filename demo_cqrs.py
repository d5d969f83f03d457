"""The story of this system, told over HTTP: what it promises, tried out before your eyes.

    pip install aiohttp
    python demo_cqrs.py [--gateway http://localhost:8000] [--control cqrs|compose|none] [--auth] [--fast] [--no-faults]
                        [--json]

It uses users and products of its own, so it can run again and again. With --control it kills the projector, and kills
and wipes RabbitMQ. With --auth it shows tokens, which `cqrs token issue` makes. It needs nothing of the project, so
that it can be read as an example of a client. It ends with a table of what was promised and what happened. Exit code 0:
everything was as promised.
"""

import argparse
import asyncio
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import aiohttp

ANSWER_SECONDS = 10.0
CATCH_UP_SECONDS = 15.0
POLL_SECONDS = 0.02
CONTROL_SECONDS = 60.0
BROKER_SECONDS = 45.0  # docker compose does not wait until RabbitMQ is ready
MANY_ORDERS, FEW_ORDERS = 200, 40  # where many are sent; the few are for --fast
AT_ONCE = 16  # requests
PAUSE_SECONDS = 0.05  # between two orders of a customer who orders again and again
LONGEST_ANSWER = 110  # characters of an answer that are printed
CLAIM_WIDTH, SEEN_WIDTH = 42, 56  # characters of a line of the last table
LONGEST_PAYMENT_SECONDS = 20.0  # above this the story does not wait for a payment to be too late
DEFAULT_PAYMENT_SECONDS = 900.0  # as in the README
STACK_MARK = "this-is-a-leveret-stack"  # a file in the data folder of `cqrs up`
COMPOSE_NAMES = {"projector": "cqrs_projector", "rabbitmq": "rabbitmq"}
ROAD = (
    *("OrderInitiated", "OrderValidated", "PaymentRequested", "OrderPaid"),
    *("OrderShipped", "OrderDelivered", "OrderCompleted"),
)


class Stop(Exception):
    """The story cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """How far each stage is in the log; None: its side is down."""

    stored: int | None
    published: int | None
    projected: int | None
    lag: int | None
    has_broker: bool


@dataclass(frozen=True, slots=True)
class Check:
    """`is_true` is None where the claim was not tried."""

    claim: str
    is_true: bool | None
    seen: str


@dataclass(slots=True)
class Paper:
    """Where the story is written: with colours on a terminal, as plain text elsewhere."""

    out: TextIO
    has_colours: bool
    checks: list[Check] = field(default_factory=list)
    measured_ms: dict[str, tuple[float, float, float]] = field(default_factory=dict)  # p50, p95, p99
    started: float = field(default_factory=time.monotonic)
    step: int = 0

    def heading(self, text: str) -> None:
        self.step += 1
        self.write("\n" + self._style("1;36", f"{self.step}. {text}"))

    def say(self, text: str) -> None:
        self.write(f"   {text}")

    def curl(self, command: str) -> None:
        self.write("\n".join(self._style("2", f"   {line}") for line in command.splitlines()))

    def check(self, claim: str, is_true: bool | None, seen: str) -> None:
        """Note what was seen of a claim; None: it was not tried."""
        self.checks.append(Check(claim, is_true, seen))
        self.write(f"   {self._mark(is_true)} {claim}: {seen}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Numbers stand at the right."""
        cells = [[_cell(value) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        is_number = [all(not isinstance(row[i], str) for row in rows) for i in range(len(columns))]
        self.write("   " + self._style("4", _aligned(columns, widths, is_number).rstrip()))
        for row in cells:
            self.write("   " + _aligned(row, widths, is_number).rstrip())

    def verdict(self) -> None:
        """Write every claim beside what was seen of it."""
        self.write("\n" + self._style("1;36", "What was promised, and what happened"))
        blank = " " * (1 if self.has_colours else 6)
        for check in self.checks:
            claim, seen = textwrap.wrap(check.claim, CLAIM_WIDTH), textwrap.wrap(check.seen, SEEN_WIDTH)
            for number, (left, right) in enumerate(zip_longest(claim, seen, fillvalue="")):
                mark = blank if number else self._mark(check.is_true)
                self.write(f"   {mark} {left:<{CLAIM_WIDTH}}  {self._style('2', right)}".rstrip())
        self.write("\n" + self._style("1;32" if self.is_kept else "1;31", self._summary()))

    @property
    def is_kept(self) -> bool:
        return all(check.is_true is not False for check in self.checks)

    def report(self, gateway: str) -> str:
        """The same for programs."""
        outcomes = {True: "kept", False: "broken", None: "skipped"}
        content = {
            "gateway": gateway,
            "is_kept": self.is_kept,
            "seconds": round(time.monotonic() - self.started, 1),
            "guarantees": [
                {"guarantee": check.claim, "outcome": outcomes[check.is_true], "seen": check.seen}
                for check in self.checks
            ],
            "measured_ms": {
                name: {f"p{p}": round(value, 1) for p, value in zip((50, 95, 99), values, strict=True)}
                for name, values in self.measured_ms.items()
            },
        }
        return json.dumps(content, indent=2)

    def write(self, text: str) -> None:
        print(text, file=self.out, flush=True)

    def _summary(self) -> str:
        failed = sum(check.is_true is False for check in self.checks)
        skipped = sum(check.is_true is None for check in self.checks)
        kept = len(self.checks) - failed - skipped
        summary = f"{kept} of {len(self.checks)} claims were seen to hold"
        summary += f", {failed} did not" * bool(failed) + f", {skipped} skipped" * bool(skipped)
        return f"{summary}, in {time.monotonic() - self.started:.0f} s."

    def _mark(self, is_true: bool | None) -> str:
        match is_true:
            case None:
                return self._style("33", "-" if self.has_colours else "[skip]")
            case True:
                return self._style("32", "✓" if self.has_colours else "[ok]  ")
            case False:
                return self._style("1;31", "✗" if self.has_colours else "[FAIL]")

    def _style(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.has_colours and text else text


class Client:
    """Speaks to the gateway, in somebody's name if it has a bearer token; what is shown comes with the curl for it."""

    def __init__(
        self, http: aiohttp.ClientSession, gateway: str, paper: Paper, *, bearer: str | None = None, name: str = "TOKEN"
    ) -> None:
        self._http = http
        self._gateway = gateway
        self._paper = paper
        self._bearer = bearer
        self._name = name

    def in_the_name_of(self, name: str, bearer: str | None) -> "Client":
        """`name` is the shell variable that a shown curl takes the token from."""
        return Client(self._http, self._gateway, self._paper, bearer=bearer, name=name)

    async def get(self, path: str, *, token: str | None = None, shown: bool = False) -> Reply:
        return await self._send("GET", path, None, {"Consistency-Token": token}, shown=shown)

    async def post(
        self, path: str, body: object, *, key: str | None = None, if_match: str | None = None, shown: bool = False
    ) -> Reply:
        """Raise Stop where nobody can say what came of it."""
        reply = await self._send("POST", path, body, {"Idempotency-Key": key, "If-Match": if_match}, shown=shown)
        if reply.status >= 500:
            raise Stop(f"POST {path} answered {reply.status}: {reply.content.get('detail')}")
        return reply

    async def positions(self) -> Positions:
        found = (await self.get("/cqrs/ops/positions")).content
        relay, views = found["relay"] or {}, found["groups"].get("views") or {}
        return Positions(
            stored=found["head"],
            published=relay.get("position"),
            projected=views.get("position"),
            lag=views.get("lag"),
            has_broker=bool(relay.get("connected")),
        )

    def show_get(self, path: str) -> None:
        signed = f' -H "Authorization: Bearer ${self._name}"' if self._bearer else ""
        self._paper.curl(f"curl {shlex.quote(self._gateway + path)}{signed}")

    async def _send(
        self, method: str, path: str, body: object, headers: Mapping[str, str | None], *, shown: bool
    ) -> Reply:
        url, given = self._gateway + path, {name: value for name, value in headers.items() if value}
        if shown:
            signed = f'-H "Authorization: Bearer ${self._name}"' if self._bearer else ""
            self._paper.curl(_curl(method, url, given, body, signed))
        if self._bearer:
            given["Authorization"] = f"Bearer {self._bearer}"
        async with self._http.request(method, url, json=body, headers=given) as answer:
            reply = Reply(answer.status, await answer.json(content_type=None), answer.headers)
        if shown:
            self._paper.say(f"-> {reply.status} {_brief(reply.content)}")
        return reply


@dataclass(frozen=True, slots=True)
class Control:
    """Kills and starts processes of the system, if there is a way to; `why_not` says why there is none.

    `payment_seconds` is what we were told of it.
    """

    kind: str
    data: Path
    why_not: str | None
    payment_seconds: float | None

    async def runs(self, name: str) -> bool:
        """Whether this process is ours to kill."""
        if self.kind == "compose":
            return COMPOSE_NAMES[name] in (await _run("docker", "compose", "ps", "--services")).split()
        status = json.loads(await _run(*self._cqrs("status", "--json")))
        return name in [process["name"] for process in status["processes"]]

    async def ask_payment_seconds(self) -> float:
        """How long the system waits for a payment: as told, else as Docker Compose tells."""
        if self.payment_seconds is not None:
            return self.payment_seconds
        if self.kind != "compose":
            return float(os.environ.get("PAYMENT_SECONDS") or DEFAULT_PAYMENT_SECONDS)
        return float(await _run("docker", "compose", "exec", "-T", "cqrs_saga", "printenv", "PAYMENT_SECONDS"))

    async def kill(self, name: str) -> str:
        """Return the command that was run, as all of these do; raise Stop when it failed."""
        if self.kind == "compose":
            return await _done("docker", "compose", "kill", "-s", "KILL", COMPOSE_NAMES[name])
        return await _done(*self._cqrs("process", "kill", name))

    async def start(self, name: str) -> str:
        if self.kind == "compose":  # not `start`: a wiped one has no container any more
            return await _done("docker", "compose", "up", "--detach", "--no-deps", COMPOSE_NAMES[name])
        return await _done(*self._cqrs("process", "start", name))

    async def wipe_broker(self) -> str:
        """Delete what RabbitMQ has on its disk, while it is down."""
        if self.kind == "compose":
            volumes = json.loads(await _run("docker", "compose", "config", "--format", "json"))["volumes"]
            removed = await _done("docker", "compose", "rm", "--force", COMPOSE_NAMES["rabbitmq"])
            return f"{removed}\n{await _done('docker', 'volume', 'rm', volumes['rabbitmq']['name'])}"
        if not (self.data / STACK_MARK).exists():
            raise Stop(f"{self.data} is no data folder of `cqrs up`; name it with --data")
        folder = self.data / "rabbitmq"
        await asyncio.to_thread(shutil.rmtree, folder)
        return shlex.join(["rm", "-r", str(folder)])

    async def token(self, role: str, user_id: int | None = None) -> str:
        """A token for a stack of `cqrs up --auth`."""
        whose = ["--user", str(user_id)] if user_id else []
        return (await _run(*self._cqrs("token", "issue", "--role", role, *whose))).strip()

    def _cqrs(self, *words: str) -> list[str]:
        beside = Path(sys.executable).with_name("cqrs")
        cqrs = str(beside) if beside.exists() else shutil.which("cqrs")
        if cqrs is None:
            raise Stop("there is no command `cqrs` beside this Python or on the PATH; use --control compose or none")
        return [cqrs, *words, "--data", str(self.data)]


async def _done(*command: str) -> str:
    await _run(*command)
    return shlex.join([Path(command[0]).name, *command[1:]])


async def _run(*command: str) -> str:
    """Return what it prints; raise Stop when it fails."""
    try:
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=CONTROL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Stop(f"`{shlex.join(command)}` failed: {error}") from error
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip() or "it does not say why").splitlines()[-1]
        raise Stop(f"`{shlex.join(command)}` failed: {reason}")
    return done.stdout


@dataclass(slots=True, kw_only=True)
class Story:
    """What the chapters hand on to each other; users and products count up from the first."""

    client: Client
    paper: Paper
    control: Control
    many: int  # orders, where many are sent
    has_auth: bool = False
    payment_seconds: float = DEFAULT_PAYMENT_SECONDS
    user_id: int = field(default_factory=lambda: random.randint(10**6, 10**12))
    product_id: int = field(default_factory=lambda: random.randint(10**6, 10**12))
    order_id: str = ""
    token: str = ""
    unpaid_id: str = ""

    @property
    def mouse_id(self) -> int:
        return self.product_id + 2

    @property
    def cable_id(self) -> int:
        return self.product_id + 3

    @property
    def cup_id(self) -> int:
        return self.product_id + 5

    @property
    def lamp_id(self) -> int:
        return self.product_id + 4


async def both_sides_are_up(story: Story) -> None:
    story.paper.heading("Two sides, each with its own health")
    replies = {side: await story.client.get(f"/cqrs/{side}/health", shown=True) for side in ("commands", "queries")}
    seen = ", ".join(f"{side} {reply.status}" for side, reply in replies.items())
    are_up = all(reply.status == 200 for reply in replies.values())
    story.paper.check("The command side and the query side are up", are_up, seen)
    if not are_up:
        raise Stop("one side is not healthy; its answer above says what it misses")


async def stock(story: Story) -> None:
    story.paper.heading("Put a product in stock")
    reply = await _stock(story, story.product_id, "Keyboard", 1_000_000, "49.99", shown=True)
    story.paper.check("A new product is created", reply.status == 201, f"answered {reply.status}")


async def _stock(story: Story, product_id: int, name: str, quantity: int, price: str, *, shown: bool = False) -> Reply:
    body = {"product_id": product_id, "product_name": name, "quantity": quantity, "unit_price": price}
    reply = await story.client.post("/cqrs/commands/inventory", body, shown=shown)
    if reply.status != 201:
        raise Stop(f"without a product there is nothing to order: {_brief(reply.content)}")
    return reply


async def order(story: Story) -> None:
    story.paper.heading("Order it, and watch the order get from the log to the views")
    body = {"user_id": story.user_id, "product_id": story.product_id, "quantity": 2}
    reply = await story.client.post("/cqrs/commands/orders", body, shown=True)
    if reply.status != 201:
        raise Stop(f"the order was answered with {reply.status}")
    story.order_id, story.token = reply.content["order_id"], reply.content["token"]
    await _watch(story, reply.content["position"])


async def _watch(story: Story, position: int) -> None:
    """Print how far the log, the broker and the views are each time that changes, until all have the position."""
    started = time.perf_counter()
    rows: list[tuple[object, ...]] = []
    while True:
        positions = await story.client.positions()
        now = (positions.stored, positions.published, positions.projected)
        milliseconds = round(1000 * (time.perf_counter() - started))
        if not rows or now != rows[-1][1:]:
            rows.append((milliseconds, *now))
        is_done = all(there is not None and there >= position for there in now)
        if is_done or milliseconds > 1000 * CATCH_UP_SECONDS:
            break
        await asyncio.sleep(POLL_SECONDS)
    story.paper.say(f"The order is at position {position:,}. How far each stage is, as seen from outside:")
    story.paper.table(("after ms", "stored", "published", "projected"), rows)
    if not positions.has_broker:
        story.paper.say("RabbitMQ is not connected: the views are fed from the log.")
    seen = f"{'all' if is_done else 'not all'} of them passed position {position:,} after {milliseconds} ms"
    story.paper.check("A command is stored, published and projected", is_done, seen)


async def read_every_view(story: Story) -> None:
    story.paper.heading("Read every view; the token makes each wait for our order")
    paths = {
        "the order": f"/cqrs/queries/orders/{story.order_id}",
        "the user's orders": f"/cqrs/queries/users/{story.user_id}/orders",
        "the user's summary": f"/cqrs/queries/users/{story.user_id}/summary",
        "the stock": f"/cqrs/queries/inventory/{story.product_id}",
        "all stock": "/cqrs/queries/inventory",
        "the statistics": "/cqrs/queries/statistics/orders",
    }
    views: dict[str, Reply] = {}
    for name, path in paths.items():
        story.client.show_get(path)
        views[name] = await story.client.get(path, token=story.token)
    shown, listed, summary, product, _, numbers = (view.content for view in views.values())
    if any(view.status != 200 for view in views.values()):
        seen = ", ".join(f"{name} {view.status}" for name, view in views.items())
        story.paper.check("Every view shows the order", False, seen)
        return
    story.paper.table(
        ("view", "what it says"),
        (
            ("order", f"{shown['order_number']}, {shown['status']}, {shown['items_count']} pieces"),
            ("timeline", ", ".join(entry["event"] for entry in shown["timeline"])),
            ("user's orders", f"{len(listed['data'])} order"),
            ("user's summary", f"{summary['total_orders']} order, " + ", ".join(summary["order_statuses"])),
            ("stock", f"{product['available_quantity']:,} of {product['total_quantity']:,} available"),
            ("statistics", f"{numbers['total_orders']:,} orders of {numbers['total_users']:,} users"),
        ),
    )
    is_there = (
        shown["order_id"] == story.order_id
        and [entry["order_id"] for entry in listed["data"]] == [story.order_id]
        and summary["total_orders"] == 1
        and product["product_id"] == story.product_id
        and numbers["total_orders"] >= 1
    )
    story.paper.check("Every view shows the order", is_there, f"{len(views)} views read with its token")


async def same_key_twice(story: Story) -> None:
    story.paper.heading("Send the same command twice: a client that did not hear the answer")
    key, user_id = uuid4().hex, story.user_id + 1
    body = {"user_id": user_id, "product_id": story.product_id, "quantity": 1}
    first = await story.client.post("/cqrs/commands/orders", body, key=key, shown=True)
    again = await story.client.post("/cqrs/commands/orders", body, key=key, shown=True)
    listed = await story.client.get(f"/cqrs/queries/users/{user_id}/orders", token=first.content.get("token"))
    replayed, shown = again.headers.get("Idempotent-Replayed"), listed.content.get("data", ())
    is_one = first.status == again.status == 201 and first.content == again.content and len(shown) == 1
    story.paper.check(
        "The same key twice is one commit and the same answer",
        is_one and replayed == "true",
        f"position {first.content.get('position'):,} both times, Idempotent-Replayed: {replayed}, {len(shown)} order",
    )
    other = await story.client.post("/cqrs/commands/orders", body | {"quantity": 9}, key=key, shown=True)
    _expect(story, "The same key with another body is refused", other, 422, "idempotency_key_reused")


async def stale_version(story: Story) -> None:
    story.paper.heading("Two people change the same stock; the second one read it too early")
    path, change = "/cqrs/commands/inventory", {"product_id": story.product_id, "low_stock_threshold": 10}
    etag = (await story.client.get(f"/cqrs/queries/inventory/{story.product_id}")).headers["ETag"]
    story.paper.say(f"Both have read the version {etag}.")
    await story.client.post(path, change, shown=True)
    stale = await story.client.post(path, change | {"low_stock_threshold": 20}, if_match=etag, shown=True)
    _expect(story, "A change that was decided on an old version is refused", stale, 412, "stale_version")


async def refusals(story: Story) -> None:
    story.paper.heading("Order what does not exist")
    body = {"user_id": story.user_id, "product_id": story.product_id + 1, "quantity": 1}
    reply = await story.client.post("/cqrs/commands/orders", body, shown=True)
    _expect(story, "An order of an unknown product is refused", reply, 422, "unknown_product")


def _expect(story: Story, claim: str, reply: Reply, status: int, code: str) -> None:
    seen = reply.content.get("code")
    story.paper.check(claim, (reply.status, seen) == (status, code), f"{reply.status} {seen}")


async def pay(story: Story) -> None:
    story.paper.heading("Pay it: stock is reserved, prices are fixed, and the provider takes the money")
    order = await _becomes(story, story.order_id, "VALIDATED")
    stock = await _stock_becomes(story, story.product_id, reserved=2)
    story.paper.check(
        "An order gets its stock and its prices",
        order["total_amount"] == 99.98 and stock["reserved_quantity"] == 2,
        f"{order['status']}, total {_money(order['total'])}, {stock['reserved_quantity']} reserved",
    )
    wrong = await _pay(story, story.order_id, "tok_approve", "1.00")
    _expect(story, "Another amount than the order's is refused", wrong, 422, "wrong_amount")
    await _pay(story, story.order_id, "tok_approve", "99.98", shown=True)
    order = await _becomes(story, story.order_id, "PAID")
    payment = order["payment_info"]
    seen = f"{order['status']}, {payment['status']} {_money(payment['captured'])}"
    story.paper.check(
        "A payment is captured", (payment["status"], payment["captured"]) == ("CAPTURED", order["total"]), seen
    )
    again = await _pay(story, story.order_id, "tok_approve", "99.98", shown=True)
    _expect(story, "What is paid is not charged again", again, 409, "already_paid")


async def ship_deliver_complete(story: Story) -> None:
    story.paper.heading("Ship, deliver and complete it")
    path = f"/cqrs/commands/orders/{story.order_id}"
    shipment = {
        "carrier": "DHL",
        "tracking_number": "JD0146",
        "tracking_url": "https://tracking.example/JD0146",
    }
    await story.client.post(f"{path}/ship", shipment, shown=True)
    await story.client.post(f"{path}/deliver", {}, shown=True)
    reply = await story.client.post(f"{path}/complete", {}, shown=True)
    shown = (await story.client.get(f"/cqrs/queries/orders/{story.order_id}", token=reply.content["token"])).content
    story.paper.say("Its timeline:")
    story.paper.table(("event", "at"), [(entry["event"], entry["timestamp"]) for entry in shown["timeline"]])
    told = tuple(entry["event"] for entry in shown["timeline"])
    seen = f"{len(told)} events, {shown['shipment']['carrier']} {shown['shipment']['tracking_number']}"
    story.paper.check("An order's whole way is in its timeline", told == ROAD and shown["shipment"] == shipment, seen)
    stock = await _stock_becomes(story, story.product_id, total=999_998)
    seen = f"{stock['total_quantity']:,} of 1,000,000 left after 2 were sent"
    story.paper.check("What is shipped leaves the stock", stock["total_quantity"] == 999_998, seen)


async def statistics_of_all(story: Story) -> None:
    story.paper.heading("Statistics: added up while the events come in, not when somebody asks")
    path = f"/cqrs/queries/users/{story.user_id}/summary"
    story.client.show_get(path)
    summary = (await story.client.get(path)).content
    numbers = (await story.client.get("/cqrs/queries/statistics/orders", shown=True)).content
    story.paper.table(
        ("", "orders", "spent"),
        (
            ("this user", summary["total_orders"], ", ".join(map(_money, summary["spent"]))),
            ("all users", numbers["total_orders"], ", ".join(map(_money, numbers["revenue"]))),
        ),
    )
    story.paper.table(("status", "orders"), list(numbers["by_status"].items()))
    story.paper.check(
        "What was paid is in the sums",
        (summary["total_spent"], summary["order_statuses"]) == (99.98, {"COMPLETED": 1}),
        f"the user has spent {summary['total_spent']}: {summary['order_statuses']}",
    )


async def too_much(story: Story) -> None:
    story.paper.heading("Order more than there is: 3 mice of 100 are there, 6 cables of 5 are not")
    await _stock(story, story.mouse_id, "Mouse", 100, "20.00")
    await _stock(story, story.cable_id, "Cable", 5, "7.50")
    order_id = await _place(story, story.user_id + 3, (story.mouse_id, 3), (story.cable_id, 6), shown=True)
    order = await _becomes(story, order_id, "REJECTED")
    seen = f"{order['status']}, {order['reject_code']}: {order['reject_reason']}"
    is_told = order["reject_code"] == "insufficient_stock" and bool(order["reject_reason"])
    story.paper.check("An order beyond the stock is rejected", is_told, seen)
    path = f"/cqrs/queries/sagas/{order_id}"
    story.client.show_get(path)
    saga = await _ask_until(story, path, lambda found: found["state"] == "over", CATCH_UP_SECONDS)
    story.paper.say(f"What was done for it, one step after the other; it is {saga.content['state']} now:")
    story.paper.table(("step", "outcome"), [(step["step"], step["outcome"] or "-") for step in saga.content["steps"]])
    await _level(story)  # else the views could be from before the reservation
    mice = await _stock_becomes(story, story.mouse_id, reserved=0)
    cables = await _stock_becomes(story, story.cable_id, reserved=0)
    story.paper.check(
        "A rejected order leaves nothing reserved",
        mice["reserved_quantity"] == cables["reserved_quantity"] == 0,
        f"{mice['reserved_quantity']} mice and {cables['reserved_quantity']} cables reserved",
    )


async def forget_to_pay(story: Story) -> None:
    """What becomes of it is told in `too_late`."""
    story.paper.heading("Order 4 of the 5 cables, and forget to pay them")
    seconds = story.payment_seconds = await story.control.ask_payment_seconds()
    if seconds > LONGEST_PAYMENT_SECONDS:
        why = f"skipped: an unpaid order waits {seconds:.0f} s here; start the system and this with PAYMENT_SECONDS=8"
        story.paper.check("Who does not pay in time gives the stock back", None, why)
        return
    story.unpaid_id = await _place(story, story.user_id + 4, (story.cable_id, 4), shown=True)
    order = await _becomes(story, story.unpaid_id, "VALIDATED")
    story.paper.say(f"It is {order['status']}, and has {story.payment_seconds:g} s. The story goes on meanwhile.")


async def declined(story: Story) -> None:
    story.paper.heading("Pay with a card that is declined, then with a good one")
    order_id = await _place(story, story.user_id + 5, (story.mouse_id, 1))
    await _becomes(story, order_id, "VALIDATED")
    await _pay(story, order_id, "tok_decline", shown=True)
    order = await _order_is(story, order_id, lambda shown: (shown["payment_info"] or {}).get("status") == "FAILED")
    payment = order["payment_info"]
    story.paper.check(
        "A declined payment leaves the order to be paid",
        (order["status"], payment["status"]) == ("VALIDATED", "FAILED"),
        f"{order['status']}, payment {payment['status']}: {payment['code']}",
    )
    await _pay(story, order_id, "tok_approve", shown=True)
    order = await _becomes(story, order_id, "PAID")
    seen = " -> ".join(entry["event"] for entry in order["timeline"])
    story.paper.check("It can be paid with another card", order["payment_info"]["status"] == "CAPTURED", seen)


async def cancel_what_is_paid(story: Story) -> None:
    story.paper.heading("Cancel an order that is paid")
    user_id = story.user_id + 6
    order_id = await _place(story, user_id, (story.mouse_id, 2))
    await _becomes(story, order_id, "VALIDATED")
    await _pay(story, order_id, "tok_approve")
    await _becomes(story, order_id, "PAID")
    path = f"/cqrs/commands/orders/{order_id}/cancel"
    await story.client.post(path, {"reason": "changed my mind"}, shown=True)
    order = await _becomes(story, order_id, "REFUNDED")
    spent = (await story.client.get(f"/cqrs/queries/users/{user_id}/summary")).content["total_spent"]
    mice = await _stock_becomes(story, story.mouse_id, reserved=1)  # of the order before
    story.paper.check(
        "A cancelled order gives back money and stock",
        (order["payment_info"]["status"], spent, mice["reserved_quantity"]) == ("REFUNDED", 0, 1),
        f"{order['status']}, the user has spent {spent}, its 2 mice are free again",
    )
    seen = " -> ".join(entry["event"] for entry in order["timeline"])
    story.paper.check("A cancelled order keeps its history", seen.startswith("OrderInitiated -> "), seen)


async def change_and_send_back(story: Story) -> None:
    story.paper.heading("Change an order before it is paid, and send a part of it back afterwards")
    user_id = story.user_id + 9
    order_id = await _place(story, user_id, (story.mouse_id, 1))
    await _becomes(story, order_id, "VALIDATED")
    path = f"/cqrs/commands/orders/{order_id}"
    await story.client.post(f"{path}/items", {"product_id": story.mouse_id, "quantity": 2}, shown=True)
    order = await _order_is(story, order_id, lambda shown: _money(shown["total"]) == "60.00 EUR", what="60.00 EUR")
    await _level(story)
    mice = await _stock_becomes(story, story.mouse_id, reserved=4)  # one is of an order before
    story.paper.check(
        "A changed order has its stock and its total",
        (order["status"], mice["reserved_quantity"]) == ("VALIDATED", 4),
        f"{order['status']} at {_money(order['total'])}, 3 of {mice['reserved_quantity']} reserved mice are its own",
    )
    await _pay(story, order_id, "tok_approve")
    await _becomes(story, order_id, "PAID")
    await story.client.post(f"{path}/ship", {"carrier": "DHL", "tracking_number": "JD0147"})
    await story.client.post(f"{path}/deliver", {})
    await story.client.post(f"{path}/refund", {"amount": "20.00", "reason": "one was broken"}, shown=True)
    order = await _order_is(story, order_id, lambda shown: _money(shown["refunded"]) == "20.00 EUR", what="refunded")
    story.paper.check(
        "A part of what was paid goes back",
        (order["status"], _money(order["payment_info"]["captured"])) == ("DELIVERED", "40.00 EUR"),
        f"{_money(order['refunded'])} back, {_money(order['payment_info']['captured'])} kept, {order['status']}",
    )
    reply = await story.client.post(f"{path}/refund", {"amount": "40.01"}, shown=True)
    _expect(story, "Never more than was paid goes back", reply, 409, "more_than_paid")


async def onboard(story: Story) -> None:
    story.paper.heading("Offer a new product: its stock, its pictures and its attributes are made side by side")
    body = _lamp(story.lamp_id)
    await story.client.post("/cqrs/commands/products", body, key=uuid4().hex, shown=True)
    lamp = await _product_becomes(story, story.lamp_id, "ACTIVE")
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in lamp["counts"].items())
    story.paper.check(
        "A product is offered when all that belongs to it is there",
        lamp["counts"] == {"attributes": 1, "media": 2, "inventory_media": 1} and lamp["inventory"]["quantity"] == 40,
        f"{lamp['status']}: {lamp['inventory']['quantity']} pieces, {counts}",
    )
    story.paper.say("Another one, under an id that has a stock already; that part must be refused.")
    await story.client.post("/cqrs/commands/products", _lamp(story.cable_id), key=uuid4().hex)
    gone = await _product_becomes(story, story.cable_id, "ROLLED_BACK")
    path = f"/cqrs/queries/sagas/product_onboarding:{story.cable_id}"
    story.client.show_get(path)
    saga = await _ask_until(story, path, lambda found: found["state"] == "over", CATCH_UP_SECONDS)
    story.paper.table(("step", "outcome"), [(step["step"], step["outcome"] or "-") for step in saga.content["steps"]])
    story.paper.check(
        "Of a product that cannot be offered nothing is left",
        not any(gone["counts"].values()),
        f"{gone['status']} with {sum(gone['counts'].values())} parts: {gone['rollback_code']}",
    )


def _lamp(product_id: int) -> dict[str, Any]:
    files = [
        {
            "bucket": "shop",
            "key": f"{product_id}/{name}.png",
            "url": f"https://files.example/{name}.png",
            "type": "image",
        }
        for name in ("front", "back", "shelf")
    ]
    return {
        "product_id": product_id,
        "name": "Desk lamp",
        "price": "35.00",
        "inventory": {"quantity": 40, "sku": "LAMP-1"},
        "media": files[:2],
        "inventory_media": files[2:],
        "attributes": [{"key": "colour", "value": "black"}],
    }


async def _product_becomes(story: Story, product_id: int, status: str) -> Any:
    path = f"/cqrs/queries/products/{product_id}"
    reply = await _ask_until(story, path, lambda shown: shown["status"] == status, CATCH_UP_SECONDS)
    if reply.content.get("status") != status:
        raise Stop(f"product {product_id} is not {status}, but {reply.content.get('status')}; do the sagas run?")
    return reply.content


async def projector_dies(story: Story) -> None:
    story.paper.heading("Kill the projector (kill -9), and write on")
    claim, user_id = "A killed projector loses nothing and doubles nothing", story.user_id + 7
    if not await _can_kill(story, "projector", claim):
        return
    async with _down(story, "projector"):
        accepted = await _order_many(story, user_id, story.many)
        shown = await story.client.get(f"/cqrs/queries/orders/{story.order_id}", shown=True)
        now = await story.client.positions()
        story.paper.table(("stored", "projected", "lag"), [(now.stored, now.projected, now.lag)])
        story.paper.check(
            "Without projector, commands and queries go on",
            len(accepted) == story.many and shown.status == 200 and (now.lag or 0) >= story.many,
            f"{len(accepted)} of {story.many} orders accepted, a query answered {shown.status}, lag {now.lag}",
        )
        started = time.perf_counter()
    lag = await _level(story)
    seen = f"lag {lag}, {time.perf_counter() - started:.1f} s after the projector's start"
    story.paper.check("The views catch up with the log", lag == 0, seen)
    await _each_once(story, claim, user_id, accepted)


async def broker_is_wiped(story: Story) -> None:
    story.paper.heading("Kill RabbitMQ (kill -9) and delete all it has, while orders come in")
    claim, user_id = "A wiped RabbitMQ loses nothing and doubles nothing", story.user_id + 8
    if not await _can_kill(story, "rabbitmq", claim):
        return
    async with _orders_coming_in(story, user_id) as replies:
        async with _down(story, "rabbitmq", meanwhile=story.control.wipe_broker):
            bought = await _buy(story, story.user_id + 9)
        await _published(story)
    accepted = [reply.content["order_id"] for reply in replies if reply.status == 201]
    story.paper.check(
        "Without RabbitMQ, orders are taken, paid and shown",
        bought["status"] == "PAID" and len(accepted) == len(replies),
        f"one was bought and shown as {bought['status']} meanwhile, {len(accepted)} of {len(replies)} others accepted",
    )
    await _level(story)
    await _each_once(story, claim, user_id, accepted)


async def too_late(story: Story) -> None:
    if not story.unpaid_id:
        return
    story.paper.heading("What became of the order that nobody paid")
    story.client.show_get(f"/cqrs/queries/orders/{story.unpaid_id}")
    patience = story.payment_seconds + CATCH_UP_SECONDS
    order = await _becomes(story, story.unpaid_id, "CANCELLED", seconds=patience)
    cables = await _stock_becomes(story, story.cable_id, total=5, reserved=0)
    story.paper.check(
        "Who does not pay in time gives the stock back",
        cables["available_quantity"] == 5,
        f"{order['status']}: {order['cancel_reason']} {cables['available_quantity']} of 5 cables are available",
    )


async def who_may_do_what(story: Story) -> None:
    """What is left of the story is told in the name of an admin."""
    if not story.has_auth:
        return
    story.paper.heading("Say who you are: an order is its customer's, and nobody else's")
    users = (story.user_id + 1000, story.user_id + 1001)
    ada = story.client.in_the_name_of("ADA", await story.control.token("customer", users[0]))
    bob = story.client.in_the_name_of("BOB", await story.control.token("customer", users[1]))
    story.paper.say("Everything else in this story is told in the name of an admin: TOKEN.")
    story.paper.curl("TOKEN=$(cqrs token issue --role admin)")
    story.paper.curl(f"ADA=$(cqrs token issue --role customer --user {users[0]})")
    story.paper.curl(f"BOB=$(cqrs token issue --role customer --user {users[1]})")
    await _stock(story, story.cup_id, "Cup", 10, "5.00")
    body = {"user_id": users[0], "product_id": story.cup_id, "quantity": 1}
    path = "/cqrs/commands/orders"
    unsigned = await story.client.in_the_name_of("", None).post(path, body, shown=True)
    _expect(story, "Who does not say who they are is not let in", unsigned, 401, "missing_token")
    reply = await ada.post(path, body, key=uuid4().hex, shown=True)
    _expect(story, "Nobody orders for another", await bob.post(path, body, shown=True), 403, "not_your_user_id")
    about = f"/cqrs/queries/orders/{reply.content['order_id']}"
    own = await ada.get(about, token=reply.content["token"])
    hidden = await bob.get(about, token=reply.content["token"], shown=True)
    story.paper.check(
        "An order is there for its customer only",
        (own.status, hidden.status, hidden.content["code"]) == (200, 404, "unknown_order"),
        f"{own.status} for one, {hidden.status} for another",
    )
    shipped = await ada.post(f"{path}/{reply.content['order_id']}/ship", {}, shown=True)
    _expect(story, "A customer does not ship", shipped, 403, "forbidden")


async def _place(story: Story, user_id: int, *lines: tuple[int, int], shown: bool = False) -> str:
    """Order so many pieces of each product; return the order's id."""
    items = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in lines]
    body = {"user_id": user_id, "items": items}
    reply = await story.client.post("/cqrs/commands/orders", body, key=uuid4().hex, shown=shown)
    if reply.status != 201:
        raise Stop(f"an order was answered with {reply.status}: {_brief(reply.content)}")
    return reply.content["order_id"]


async def _pay(story: Story, order_id: str, card: str, amount: str | None = None, *, shown: bool = False) -> Reply:
    body = {"order_id": order_id, "card_token": card} | ({"amount": amount} if amount else {})
    return await story.client.post("/cqrs/commands/payments", body, key=uuid4().hex, shown=shown)


async def _buy(story: Story, user_id: int) -> Any:
    """Order one piece and pay it; return the order."""
    order_id = await _place(story, user_id, (story.product_id, 1))
    await _becomes(story, order_id, "VALIDATED")
    await _pay(story, order_id, "tok_approve", shown=True)
    return await _becomes(story, order_id, "PAID")


async def _becomes(story: Story, order_id: str, status: str, *, seconds: float = CATCH_UP_SECONDS) -> Any:
    """Wait until the order has the status; return it. Raise Stop where it does not come."""
    return await _order_is(story, order_id, lambda order: order["status"] == status, seconds=seconds, what=status)


async def _order_is(
    story: Story,
    order_id: str,
    fact: Callable[[Any], bool],
    *,
    seconds: float = CATCH_UP_SECONDS,
    what: str = "as it should be",
) -> Any:
    reply = await _ask_until(story, f"/cqrs/queries/orders/{order_id}", fact, seconds)
    if reply.status != 200 or not fact(reply.content):
        now = reply.content.get("status")
        raise Stop(f"order {order_id} is not {what} after {seconds:.0f} s, but {now}; do the sagas run?")
    return reply.content


async def _stock_becomes(story: Story, product_id: int, **wanted: int) -> Any:
    """Wait for quantities, as in `reserved=0`; return what the stock is then, or at the end of our patience."""

    def fact(stock: Any) -> bool:
        return all(stock[f"{name}_quantity"] == quantity for name, quantity in wanted.items())

    return (await _ask_until(story, f"/cqrs/queries/inventory/{product_id}", fact, CATCH_UP_SECONDS)).content


async def _ask_until(story: Story, path: str, fact: Callable[[Any], bool], seconds: float) -> Reply:
    deadline = time.monotonic() + seconds
    while True:
        reply = await story.client.get(path)
        if (reply.status == 200 and fact(reply.content)) or time.monotonic() > deadline:
            return reply
        await asyncio.sleep(POLL_SECONDS)


async def _can_kill(story: Story, name: str, claim: str) -> bool:
    """Note that the claim was not tried where nothing can be killed."""
    why_not = story.control.why_not
    if why_not is None and not await story.control.runs(name):
        why_not = f"this system runs no {name} of its own"
    if why_not:
        story.paper.check(claim, None, f"skipped: {why_not}")
    return why_not is None


@asynccontextmanager
async def _down(
    story: Story, name: str, *, meanwhile: Callable[[], Awaitable[str]] | None = None
) -> AsyncIterator[None]:
    """It is dead inside; whatever happens there, it is started again, after `meanwhile`."""
    story.paper.curl(await story.control.kill(name))
    try:
        yield
    finally:
        try:
            if meanwhile:
                story.paper.curl(await meanwhile())
        finally:
            story.paper.curl(await story.control.start(name))


@asynccontextmanager
async def _orders_coming_in(story: Story, user_id: int) -> AsyncIterator[list[Reply]]:
    """A customer who orders one piece again and again, and the answers so far."""
    replies: list[Reply] = []
    is_over = asyncio.Event()
    body = {"user_id": user_id, "product_id": story.product_id, "quantity": 1}

    async def customer() -> None:
        while not is_over.is_set():
            replies.append(await story.client.post("/cqrs/commands/orders", body, key=uuid4().hex))
            await asyncio.sleep(PAUSE_SECONDS)

    ordering = asyncio.create_task(customer())
    try:
        yield replies
    finally:
        is_over.set()
        await ordering


async def _order_many(story: Story, user_id: int, count: int) -> list[str]:
    """Place orders, some at once; return the ids of those that were accepted."""
    gate = asyncio.Semaphore(AT_ONCE)
    body = {"user_id": user_id, "product_id": story.product_id, "quantity": 1}

    async def one() -> Reply:
        async with gate:
            return await story.client.post("/cqrs/commands/orders", body, key=uuid4().hex)

    replies = await asyncio.gather(*(one() for _ in range(count)))
    return [reply.content["order_id"] for reply in replies if reply.status == 201]


async def _level(story: Story) -> int | None:
    """Wait until the views are level with the log; return how far they are behind at the end of our patience."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while True:
        lag = (await story.client.positions()).lag
        if lag == 0 or time.monotonic() > deadline:
            return lag
        await asyncio.sleep(POLL_SECONDS)


async def _published(story: Story) -> None:
    """Wait until RabbitMQ, which was started, has confirmed what is in the log now."""
    started, head = time.perf_counter(), (await story.client.positions()).stored or 0
    while True:
        now, seconds = await story.client.positions(), time.perf_counter() - started
        is_done = now.has_broker and (now.published or 0) >= head
        if is_done or seconds > BROKER_SECONDS:
            break
        await asyncio.sleep(POLL_SECONDS)
    seen = f"published up to position {now.published or 0:,}, {seconds:.1f} s after it was started"
    story.paper.check("An empty RabbitMQ is set up and fed again", is_done, seen)


async def _each_once(story: Story, claim: str, user_id: int, accepted: Sequence[str]) -> None:
    """Check that the views show each accepted order once, and no other."""
    listed: list[str] = []
    query = "?limit=100"
    while query:
        page = (await story.client.get(f"/cqrs/queries/users/{user_id}/orders{query}")).content
        listed += [entry["order_id"] for entry in page["data"]]
        query = f"?limit=100&cursor={page['next_cursor']}" if page["has_more"] else ""
    summary = (await story.client.get(f"/cqrs/queries/users/{user_id}/summary")).content
    story.paper.check(
        claim,
        sorted(listed) == sorted(accepted) and summary["total_orders"] == len(accepted),
        f"{len(accepted)} orders accepted, {len(listed)} listed ({len(set(listed))} different), "
        f"{summary['total_orders']} in the user's summary",
    )


async def read_your_writes(story: Story) -> None:
    story.paper.heading(f"How long until a write can be read: {story.many} orders, one after the other")
    story.paper.say("Each is read back at once with the Consistency-Token of its answer.")
    written_ms: list[float] = []
    read_ms: list[float] = []
    for number in range(story.many):
        body = {"user_id": story.user_id + 100 + number, "product_id": story.product_id, "quantity": 1}
        started = time.perf_counter()
        reply = await story.client.post("/cqrs/commands/orders", body)
        written_ms.append(1000 * (time.perf_counter() - started))
        path, token = f"/cqrs/queries/orders/{reply.content['order_id']}", reply.content["token"]
        shown = await story.client.get(path, token=token)
        if shown.status != 200:
            raise Stop(f"order {number + 1} could not be read with its token: {_brief(shown.content)}")
        read_ms.append(1000 * (time.perf_counter() - started))
    measured = {"the write is acknowledged": _quantiles(written_ms), "a read shows it": _quantiles(read_ms)}
    story.paper.table(
        ("milliseconds until", "p50", "p95", "p99"), [(name, *values) for name, values in measured.items()]
    )
    story.paper.measured_ms |= measured
    seen = f"{len(read_ms)} of {story.many} at the first try, p99 {_quantiles(read_ms)[2]:.1f} ms"
    story.paper.check("You read your own writes", True, seen)


CHAPTERS = (
    both_sides_are_up,
    stock,
    who_may_do_what,
    order,
    read_every_view,
    pay,
    ship_deliver_complete,
    statistics_of_all,
    same_key_twice,
    stale_version,
    refusals,
    too_much,
    forget_to_pay,
    declined,
    cancel_what_is_paid,
    change_and_send_back,
    onboard,
    read_your_writes,
    projector_dies,
    broker_is_wiped,
    too_late,
)


async def tell(arguments: argparse.Namespace, control: Control, paper: Paper) -> int:
    """Return the exit code."""
    gateway = arguments.gateway.rstrip("/").removesuffix("/cqrs")
    many = FEW_ORDERS if arguments.fast else MANY_ORDERS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as http:
        try:
            async with http.get(f"{gateway}/livez") as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            print(f"No gateway answers at {gateway} ({_reason(error)}); name another with --gateway.", file=sys.stderr)
            return 1
        try:
            bearer = await control.token("admin") if arguments.auth else None
        except Stop as stop:
            print(f"There is no token: {stop}", file=sys.stderr)
            return 1
        client = Client(http, gateway, paper, bearer=bearer)
        await _tell_chapters(Story(client=client, paper=paper, control=control, many=many, has_auth=bearer is not None))
    paper.verdict()
    if arguments.json:
        print(paper.report(gateway))
    return 0 if paper.is_kept else 1


async def _tell_chapters(story: Story) -> None:
    try:
        for chapter in CHAPTERS:
            await chapter(story)
    except Stop as stop:
        story.paper.check("The story is told to its end", False, str(stop))
    except (KeyError, TypeError) as error:
        story.paper.check("Every answer has what it should have", False, f"one has not: {error!r}")
    except (aiohttp.ClientError, TimeoutError) as error:
        story.paper.check("The gateway answers all the time", False, _reason(error))


def _curl(method: str, url: str, headers: Mapping[str, str], body: object, signed: str) -> str:
    """The command that does the same, to be pasted into a shell."""
    if method == "POST":
        headers = {"Content-Type": "application/json", **headers}
    parts = [f"curl {'-X POST ' * (method == 'POST')}{shlex.quote(url)}"]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    parts += [signed] * bool(signed)
    parts += [f"-d {shlex.quote(json.dumps(body))}"] * (body is not None)
    return " \\\n     ".join(parts)


def _brief(content: Any) -> str:
    """What matters of an answer."""
    match content:
        case {"code": code, "detail": detail}:
            return f"{code}: {detail}"
        case {"version": version, "position": position, "status": status} if version:
            return f"version {version} at position {position:,}" + f", {status}" * bool(status)
    text = json.dumps(content)
    return text if len(text) <= LONGEST_ANSWER else text[: LONGEST_ANSWER - 4] + " ..."


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case float():
            return f"{value:.1f}"
        case int():
            return f"{value:,}"
    return str(value)


def _aligned(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, is_number, strict=True)
    )
    return "   ".join(padded)


def _quantiles(milliseconds: Sequence[float]) -> tuple[float, float, float]:
    percentiles = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return percentiles[49], percentiles[94], percentiles[98]


def _reason(error: Exception) -> str:
    return str(error) or "no answer in time"


def _money(money: Mapping[str, str] | None) -> str:
    return f"{money['amount']} {money['currency']}" if money else "nothing"


def main() -> int:
    arguments = _arguments()
    why_not = "--no-faults" if arguments.no_faults else "--control none" if arguments.control == "none" else None
    out = sys.stderr if arguments.json else sys.stdout
    has_colours = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    control = Control(arguments.control, arguments.data, why_not, arguments.payment_seconds)
    try:
        return asyncio.run(tell(arguments, control, Paper(out, has_colours)))
    except KeyboardInterrupt:
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What this system promises, tried out over HTTP.")
    parser.add_argument("--gateway", default="http://localhost:8000", help="its URL (default: %(default)s)")
    parser.add_argument(
        "--control",
        choices=("cqrs", "compose", "none"),
        default="none",
        help="how to kill the projector and RabbitMQ, and to wipe it: with `cqrs process`, with `docker compose`, or "
        "not at all (default)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("CQRS_DATA", ".leveret")),
        help="the data folder of the stack that `cqrs process` is for (default: %(default)s)",
    )
    parser.add_argument(
        "--payment-seconds",
        type=float,
        help="how long the system waits for a payment (default: with --control compose what its container says, else "
        f"PAYMENT_SECONDS, else {DEFAULT_PAYMENT_SECONDS:g})",
    )
    parser.add_argument("--auth", action="store_true", help="show tokens, for a stack of `cqrs up --auth`")
    parser.add_argument("--fast", action="store_true", help=f"{FEW_ORDERS} orders where else {MANY_ORDERS} are sent")
    parser.add_argument("--no-faults", action="store_true", help="kill nothing")
    parser.add_argument("--json", action="store_true", help="the result for programs on stdout, the story on stderr")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
