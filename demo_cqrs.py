"""The story of this system, told over HTTP: what it promises, tried out before your eyes.

    pip install aiohttp
    python demo_cqrs.py [--gateway http://localhost:8000] [--control cqrs|compose|none]

It uses users and products of its own, so it can run again and again. It is one file that needs nothing of the project,
so that it can be read as an example of a client. Exit code 0: everything was as promised.
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
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

ANSWER_SECONDS = 10.0
CATCH_UP_SECONDS = 15.0
POLL_SECONDS = 0.02
CONTROL_SECONDS = 60.0
ORDERS_WHILE_DOWN = 200
TIMED_ORDERS = 200
AT_ONCE = 16  # requests
LONGEST_ANSWER = 110  # characters of an answer that are printed
PROJECTOR = {"cqrs": "projector", "compose": "cqrs_projector"}


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


@dataclass(slots=True)
class Paper:
    """Where the story is written: with colours on a terminal, as plain text elsewhere."""

    has_colours: bool
    checks: list[tuple[str, bool | None, str]] = field(default_factory=list)
    step: int = 0

    def heading(self, text: str) -> None:
        self.step += 1
        print("\n" + self._style("1;36", f"{self.step}. {text}"))

    def say(self, text: str) -> None:
        print(f"   {text}")

    def curl(self, command: str) -> None:
        print("\n".join(self._style("2", f"   {line}") for line in command.splitlines()))

    def check(self, claim: str, is_true: bool | None, seen: str) -> None:
        """Note what was seen of a claim; None: it was not tried."""
        self.checks.append((claim, is_true, seen))
        print(f"   {self._mark(is_true)} {claim}: {seen}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Numbers stand at the right."""
        cells = [[_cell(value) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        is_number = [all(not isinstance(row[i], str) for row in rows) for i in range(len(columns))]
        print("   " + self._style("4", _aligned(columns, widths, is_number).rstrip()))
        for row in cells:
            print("   " + _aligned(row, widths, is_number).rstrip())

    def verdict(self) -> int:
        """Print every claim with what was seen of it; return the exit code."""
        print("\n" + self._style("1;36", "Verdict"))
        for claim, is_true, seen in self.checks:
            print(
                f"   {self._mark(is_true)} {claim}\n     {'' if self.has_colours else '     '}{self._style('2', seen)}"
            )
        failed = sum(is_true is False for _, is_true, _ in self.checks)
        skipped = sum(is_true is None for _, is_true, _ in self.checks)
        kept = len(self.checks) - failed - skipped
        summary = f"{kept} of {len(self.checks)} claims were seen to hold"
        summary += f", {failed} did not" * bool(failed) + f", {skipped} skipped" * bool(skipped) + "."
        print("\n" + self._style("1;31" if failed else "1;32", summary))
        return 1 if failed else 0

    def _mark(self, is_true: bool | None) -> str:
        match is_true:
            case None:
                return self._style("33", "-" if self.has_colours else "[skip]")
            case True:
                return self._style("32", "✓" if self.has_colours else "[ok]  ")
            case False:
                return self._style("1;31", "✗" if self.has_colours else "[FAIL]")

    def _style(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.has_colours else text


class Client:
    """Speaks to the gateway; what is shown comes with the curl that does the same."""

    def __init__(self, http: aiohttp.ClientSession, gateway: str, paper: Paper) -> None:
        self._http = http
        self._gateway = gateway
        self._paper = paper

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
        self._paper.curl(f"curl {shlex.quote(self._gateway + path)}")

    async def _send(
        self, method: str, path: str, body: object, headers: Mapping[str, str | None], *, shown: bool
    ) -> Reply:
        url, given = self._gateway + path, {name: value for name, value in headers.items() if value}
        if shown:
            self._paper.curl(_curl(method, url, given, body))
        async with self._http.request(method, url, json=body, headers=given) as answer:
            reply = Reply(answer.status, await answer.json(content_type=None), answer.headers)
        if shown:
            self._paper.say(f"-> {reply.status} {_brief(reply.content)}")
        return reply


@dataclass(frozen=True, slots=True)
class Control:
    """Kills and starts the projector, if there is a way to."""

    kind: str
    data: str | None

    async def projector(self, action: str) -> str:
        """Return the command that was run; raise Stop when it failed."""
        command = self._command(action)
        try:
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, timeout=CONTROL_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Stop(f"`{shlex.join(command)}` failed: {error}") from error
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip() or "it does not say why").splitlines()[-1]
            raise Stop(f"`{shlex.join(command)}` failed: {reason}")
        return shlex.join([Path(command[0]).name, *command[1:]])

    def _command(self, action: str) -> list[str]:
        name = PROJECTOR[self.kind]
        if self.kind == "compose":
            return ["docker", "compose", *(("kill", "-s", "KILL") if action == "kill" else (action,)), name]
        beside = Path(sys.executable).with_name("cqrs")
        cqrs = str(beside) if beside.exists() else shutil.which("cqrs")
        if cqrs is None:
            raise Stop("there is no command `cqrs` beside this Python or on the PATH; use --control compose or none")
        return [cqrs, "process", action, name, *(("--data", self.data) if self.data else ())]


@dataclass(slots=True)
class Story:
    """What the steps hand on to each other."""

    client: Client
    paper: Paper
    control: Control
    user_id: int = field(default_factory=lambda: random.randint(10**6, 10**12))
    product_id: int = field(default_factory=lambda: random.randint(10**6, 10**12))
    order_id: str = ""
    token: str = ""


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
    body = {
        "product_id": story.product_id,
        "product_name": "Keyboard",
        "quantity": 1_000_000,
        "unit_price": "49.99",
        "low_stock_threshold": 5,
    }
    reply = await story.client.post("/cqrs/commands/inventory", body, shown=True)
    story.paper.check("A new product is created", reply.status == 201, f"answered {reply.status}")
    if reply.status != 201:
        raise Stop("without a product there is nothing to order")


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


async def cancel(story: Story) -> None:
    story.paper.heading("Cancel the order")
    path = f"/cqrs/commands/orders/{story.order_id}/cancel"
    reply = await story.client.post(path, {"reason": "changed my mind"}, shown=True)
    shown = await story.client.get(f"/cqrs/queries/orders/{story.order_id}", token=reply.content.get("token"))
    events = [entry["event"] for entry in shown.content.get("timeline", ())]
    story.paper.check(
        "A cancelled order keeps its history",
        shown.content.get("status") == "CANCELLED" and events[:1] == ["OrderInitiated"] and len(events) > 1,
        f"{shown.content.get('status')}: {' -> '.join(events)}",
    )


async def projector_dies(story: Story) -> None:
    story.paper.heading("Kill the projector (kill -9), and write on")
    if story.control.kind == "none":
        story.paper.check("A killed projector loses nothing and doubles nothing", None, "skipped (--control none)")
        return
    async with _projector_down(story):
        accepted = await _order_many(story, story.user_id + 2, ORDERS_WHILE_DOWN)
        shown = await story.client.get(f"/cqrs/queries/orders/{story.order_id}", shown=True)
        now = await story.client.positions()
        story.paper.table(("stored", "projected", "lag"), [(now.stored, now.projected, now.lag)])
        story.paper.check(
            "Commands are accepted and queries answered while the projector is dead",
            len(accepted) == ORDERS_WHILE_DOWN and shown.status == 200 and (now.lag or 0) >= ORDERS_WHILE_DOWN,
            f"{len(accepted)} of {ORDERS_WHILE_DOWN} orders accepted, a query answered {shown.status}",
        )
        started = time.perf_counter()
    await _catch_up(story, started)
    await _each_once(story, story.user_id + 2, accepted)


@asynccontextmanager
async def _projector_down(story: Story) -> AsyncIterator[None]:
    """Whatever happens meanwhile, it is started again."""
    story.paper.curl(await story.control.projector("kill"))
    try:
        yield
    finally:
        story.paper.curl(await story.control.projector("start"))


async def _order_many(story: Story, user_id: int, count: int) -> list[str]:
    """Place orders, some at once; return the ids of those that were accepted."""
    gate = asyncio.Semaphore(AT_ONCE)
    body = {"user_id": user_id, "product_id": story.product_id, "quantity": 1}

    async def one() -> Reply:
        async with gate:
            return await story.client.post("/cqrs/commands/orders", body, key=uuid4().hex)

    replies = await asyncio.gather(*(one() for _ in range(count)))
    return [reply.content["order_id"] for reply in replies if reply.status == 201]


async def _catch_up(story: Story, started: float) -> None:
    while True:
        lag, seconds = (await story.client.positions()).lag, time.perf_counter() - started
        if lag == 0 or seconds > CATCH_UP_SECONDS:
            break
        await asyncio.sleep(POLL_SECONDS)
    story.paper.check(
        "Started again, the projector catches up", lag == 0, f"lag {lag}, {seconds:.1f} s after the start"
    )


async def _each_once(story: Story, user_id: int, accepted: list[str]) -> None:
    listed: list[str] = []
    query = "?limit=100"
    while query:
        page = (await story.client.get(f"/cqrs/queries/users/{user_id}/orders{query}")).content
        listed += [entry["order_id"] for entry in page["data"]]
        query = f"?limit=100&cursor={page['next_cursor']}" if page["has_more"] else ""
    summary = (await story.client.get(f"/cqrs/queries/users/{user_id}/summary")).content
    story.paper.check(
        "A killed projector loses nothing and doubles nothing",
        sorted(listed) == sorted(accepted) and summary["total_orders"] == len(accepted),
        f"{len(accepted)} orders accepted, {len(listed)} listed ({len(set(listed))} different), "
        f"{summary['total_orders']} in the user's summary",
    )


async def read_your_writes(story: Story) -> None:
    story.paper.heading(f"How long until a write can be read: {TIMED_ORDERS} orders, one after the other")
    story.paper.say("Each is read back at once with the Consistency-Token of its answer.")
    written_ms: list[float] = []
    read_ms: list[float] = []
    for number in range(TIMED_ORDERS):
        body = {"user_id": story.user_id + 3 + number, "product_id": story.product_id, "quantity": 1}
        started = time.perf_counter()
        reply = await story.client.post("/cqrs/commands/orders", body)
        written_ms.append(1000 * (time.perf_counter() - started))
        path, token = f"/cqrs/queries/orders/{reply.content['order_id']}", reply.content["token"]
        shown = await story.client.get(path, token=token)
        if shown.status != 200:
            raise Stop(f"order {number + 1} could not be read with its token: {_brief(shown.content)}")
        read_ms.append(1000 * (time.perf_counter() - started))
    story.paper.table(
        ("milliseconds until", "p50", "p95", "p99"),
        (("the write is acknowledged", *_quantiles(written_ms)), ("a read shows it", *_quantiles(read_ms))),
    )
    seen = f"{len(read_ms)} of {TIMED_ORDERS} at the first try, p99 {_quantiles(read_ms)[2]:.1f} ms"
    story.paper.check("You read your own writes", True, seen)


STEPS = (
    both_sides_are_up,
    stock,
    order,
    read_every_view,
    same_key_twice,
    stale_version,
    refusals,
    cancel,
    projector_dies,
    read_your_writes,
)


async def tell(gateway: str, control: Control, paper: Paper) -> int:
    """Return the exit code."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as http:
        try:
            async with http.get(f"{gateway}/livez") as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            print(f"No gateway answers at {gateway} ({_reason(error)}); name another with --gateway.", file=sys.stderr)
            return 1
        await _tell_steps(Story(Client(http, gateway, paper), paper, control))
    return paper.verdict()


async def _tell_steps(story: Story) -> None:
    try:
        for step in STEPS:
            await step(story)
    except Stop as stop:
        story.paper.check("The story is told to its end", False, str(stop))
    except KeyError as missing:
        story.paper.check("Every answer has what it should have", False, f"{missing} is missing in one")
    except (aiohttp.ClientError, TimeoutError) as error:
        story.paper.check("The gateway answers all the time", False, _reason(error))


def _curl(method: str, url: str, headers: Mapping[str, str], body: object) -> str:
    """The command that does the same, to be pasted into a shell."""
    if method == "POST":
        headers = {"Content-Type": "application/json", **headers}
    parts = [f"curl {'-X POST ' * (method == 'POST')}{shlex.quote(url)}"]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
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


def main() -> int:
    parser = argparse.ArgumentParser(description="What this system promises, tried out over HTTP.")
    parser.add_argument("--gateway", default="http://localhost:8000", help="its URL (default: %(default)s)")
    parser.add_argument(
        "--control",
        choices=("cqrs", "compose", "none"),
        default="none",
        help="how to kill and start the projector: with `cqrs process`, with `docker compose`, or not at all",
    )
    parser.add_argument("--data", help="the data folder of the stack that `cqrs process` is for")
    arguments = parser.parse_args()
    gateway = arguments.gateway.rstrip("/").removesuffix("/cqrs")
    has_colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    try:
        return asyncio.run(tell(gateway, Control(arguments.control, arguments.data), Paper(has_colours)))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
