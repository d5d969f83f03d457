"""The load generator: pre-encoded HTTP/1.1 requests over kept-alive sockets, cheap enough to leave the cores alone.

It runs in a process of its own (`alone(offer, Load(...))`). Closed loop: each connection sends its next request when
the last one is answered. Open loop: requests are due at a fixed rate whatever the answers do, and latency counts from
the moment a request was due: one that finds no free connection, or a generator that is late, has waited already.
"""

import asyncio
import gc
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import orjson

from bench.http_client import Answer, Connection, connect, get_request
from bench.numbers import Durations, Figure

TICK_SECONDS = 0.001  # the open loop looks at the clock this often
DRAIN_SECONDS = 15.0  # for answers still outstanding at the end
VISIBLE_SECONDS = 30.0  # a read that is not answered by then counts as an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Follows accepted commands with `GET <path><order_id>` carrying their token, until the view has them."""

    port: int
    path: str = "/queries/orders/"
    per_second: float | None = None  # None: every command is followed
    connections: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One offer of load; `requests`, whole as they go over the wire, are sent in turn."""

    port: int
    requests: tuple[bytes, ...]
    seconds: float
    warm_up_seconds: float = 1.0
    connections: int = 64
    rate: float | None = None  # requests per second; None: closed loop
    reads: Reads | None = None
    keep_acks: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came back. Durations are of requests that were due after the warm-up; acks are of the whole run."""

    seconds: float
    answered: int = 0  # 2xx and 304 after the warm-up and before the end
    statuses: Counter[int] = field(default_factory=Counter)  # the whole run; 0: connection lost or no answer
    latencies: Durations = field(default_factory=Durations)
    acks: list[tuple[str, int]] = field(default_factory=list)  # (order_id, position)
    last_position: int = 0
    write_to_read: Durations = field(default_factory=Durations)  # POST due to GET 200 received
    ack_to_read: list[float] = field(default_factory=list)  # POST answered to GET 200 received; seconds, in order
    read_statuses: Counter[int] = field(default_factory=Counter)
    first_error: str = ""  # the body of the first answer that was not 2xx
    late_seconds: float = 0.0  # the longest the generator was behind its own schedule

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if not _is_good(status))

    @property
    def errors_by_kind(self) -> dict[str, int]:
        """Of commands and of reads, e.g. `{"POST 503": 2}`; a read's 503 only says "not yet", and its time counts."""
        posts = {f"POST {status}": count for status, count in self.statuses.items() if not _is_good(status)}
        gets = {f"GET {status}": count for status, count in self.read_statuses.items() if status not in (200, 503)}
        return posts | gets

    def sound(self) -> "Outcome":
        """Return it; RuntimeError when anything was refused: a figure with refusals in it is no figure."""
        if self.errors:
            raise RuntimeError(f"requests were answered {dict(self.statuses)}: {self.first_error}")
        return self

    def figure(self) -> Figure:
        return Figure(per_second=self.rate, latency=self.latencies.latency())


async def offer(load: Load) -> Outcome:
    """Offer the load and tell what came back."""
    generator = Generator(load)
    gc.disable()  # nothing here makes cycles, and a pause would be charged to the server
    return await generator.run()


async def offer_together(loads: tuple[Load, ...]) -> list[Outcome]:
    """Offer several loads at the same time from this one process; outcomes in the same order."""
    gc.disable()
    return list(await asyncio.gather(*(Generator(load).run() for load in loads)))


async def until(fact: Callable[[], bool], seconds: float) -> bool:
    """Wait for `fact` for at most `seconds`; tell whether it came."""
    deadline = perf_counter() + seconds
    while perf_counter() < deadline:
        if fact():
            return True
        await asyncio.sleep(0.01)
    return fact()


def _is_good(status: int) -> bool:
    return 200 <= status < 300 or status == 304


class Generator:
    """One run: the connections that are free, the requests in turn, and the outcome that grows."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.outcome = Outcome(seconds=load.seconds)
        self.turn = 0
        self.free: list[Connection] = []
        self.waiting: deque[float] = deque()  # due times of requests without a connection
        self.bodies: list[bytes] = []
        self.reader = _Reader(load.reads, self.outcome) if load.reads else None
        self.in_flight = 0
        self.counts_from = self.counts_until = 0.0

    async def run(self) -> Outcome:
        load = self.load
        connections = [await connect(load.port) for _ in range(load.connections)]
        if self.reader:
            await self.reader.open()
        started = perf_counter()
        self.counts_from = started + load.warm_up_seconds
        self.counts_until = self.counts_from + load.seconds
        if self.reader:
            self.reader.counts_from = self.counts_from
        if load.rate is None:
            for connection in connections:
                self._send(connection, perf_counter())
            await asyncio.sleep(load.warm_up_seconds + load.seconds)
        else:
            self.free = connections
            await self.pace(started, load.rate)
        await self._drain()
        for connection in connections:
            connection.close()
        return self._told()

    async def pace(self, started: float, rate: float) -> None:
        """Request n is due at `started + n / rate`."""
        sent = 0
        while (now := perf_counter()) < self.counts_until:
            due = int((now - started) * rate) + 1
            if sent < due:
                self.outcome.late_seconds = max(self.outcome.late_seconds, now - started - sent / rate)
            while sent < due:
                if self.free:
                    self._send(self.free.pop(), started + sent / rate)
                else:
                    self.waiting.append(started + sent / rate)
                sent += 1
            await asyncio.sleep(TICK_SECONDS)

    def _send(self, connection: Connection, since: float) -> None:
        request = self.load.requests[self.turn]
        self.turn = (self.turn + 1) % len(self.load.requests)
        self.in_flight += 1
        connection.send(request, self._answered, since)

    def _answered(self, connection: Connection, answer: Answer) -> None:
        now = perf_counter()
        self.in_flight -= 1
        status, body, since = answer
        self.outcome.statuses[status] += 1
        if _is_good(status):
            if self.counts_from <= now < self.counts_until:
                self.outcome.answered += 1
            if since >= self.counts_from:
                self.outcome.latencies.add(now - since)
            if self.load.keep_acks:
                self.bodies.append(body)
            if self.reader and self.reader.wants(now):
                self.reader.follow(body, since, now)
        elif not self.outcome.first_error:
            self.outcome.first_error = body.decode(errors="replace")
        if connection.is_lost:
            return
        if self.load.rate is None:
            if now < self.counts_until:
                self._send(connection, now)
        elif self.waiting and now < self.counts_until:
            self._send(connection, self.waiting.popleft())
        else:
            self.free.append(connection)

    async def _drain(self) -> None:
        """Wait for what is outstanding; what never comes counts as status 0."""
        await until(lambda: not self.in_flight, DRAIN_SECONDS)
        self.outcome.statuses[0] += self.in_flight + len(self.waiting)
        if self.reader:
            await self.reader.drain()

    def _told(self) -> Outcome:
        for body in self.bodies:
            ack = orjson.loads(body)
            self.outcome.acks.append((ack.get("order_id", ""), ack["position"]))
        self.outcome.last_position = max((position for _, position in self.outcome.acks), default=0)
        self.outcome.statuses = +self.outcome.statuses
        return self.outcome


class _Reader:
    """Reads back what was acknowledged, each at once and again until it is there."""

    def __init__(self, reads: Reads, outcome: Outcome) -> None:
        self.reads = reads
        self.outcome = outcome
        self.free: list[Connection] = []
        self.waiting: deque[tuple[bytes, float, float]] = deque()
        self.in_flight: dict[Connection, tuple[bytes, float, float]] = {}
        self.next_at = self.counts_from = 0.0

    async def open(self) -> None:
        self.free = [await connect(self.reads.port) for _ in range(self.reads.connections)]

    def wants(self, now: float) -> bool:
        if self.reads.per_second is None:
            return True
        if now < self.next_at:
            return False
        self.next_at = now + 1 / self.reads.per_second
        return True

    def follow(self, body: bytes, sent_at: float, acked_at: float) -> None:
        ack = orjson.loads(body)
        request = get_request(self.reads.port, self.reads.path + ack["order_id"], token=ack["token"])
        if self.free:
            self._send(self.free.pop(), (request, sent_at, acked_at))
        else:
            self.waiting.append((request, sent_at, acked_at))

    def _send(self, connection: Connection, read: tuple[bytes, float, float]) -> None:
        self.in_flight[connection] = read
        connection.send(read[0], self._answered, read[2])

    def _answered(self, connection: Connection, answer: Answer) -> None:
        now = perf_counter()
        read = self.in_flight.pop(connection)
        _, sent_at, acked_at = read
        self.outcome.read_statuses[answer[0]] += 1
        if answer[0] == 503 and now - acked_at < VISIBLE_SECONDS:  # projection-lag: ask again
            self._send(connection, read)
            return
        if answer[0] == 200 and sent_at >= self.counts_from:
            self.outcome.write_to_read.add(now - sent_at)
            self.outcome.ack_to_read.append(now - acked_at)
        if connection.is_lost:
            return
        if self.waiting:
            self._send(connection, self.waiting.popleft())
        else:
            self.free.append(connection)

    async def drain(self) -> None:
        await until(lambda: not self.in_flight, VISIBLE_SECONDS)
        self.outcome.read_statuses[0] += len(self.in_flight) + len(self.waiting)
        self.outcome.read_statuses = +self.outcome.read_statuses
        for connection in (*self.free, *self.in_flight):
            connection.close()
