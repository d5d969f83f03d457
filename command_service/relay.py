"""The relay: publishes every event of the log, in order, and remembers how far it is confirmed (PROTOCOL R).

A crash between a publish and its confirm, or between a confirm and the cursor, leaves duplicates; never a gap.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import prometheus_client as metrics
import structlog
from pymongo.asynchronous.database import AsyncDatabase

from command_service.in_flight import READ_COMMITS, Handed, Outstanding, Sent
from command_service.relay_lag import watch_lag
from common.broker import Confirmation, Publisher, Refused, is_routed
from common.config import Settings
from common.envelope import Commit, Message, Seal, to_messages
from common.errors import Unavailable
from common.leases import Leases
from common.log import MongoLog, open_log
from common.logs import about
from common.mongo import open_client, reaching
from common.process import run_process
from common.spans import publishing
from common.tasks import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, BackOff, patiently, together
from common.web import add_operations, make_app, serve_beside

CONFIRM_SECONDS = 5.0
CURSOR_SECONDS = 0.25  # how often the cursor is written down
SHORTEST_POLL_SECONDS = 0.002  # the log is asked this soon again after it had something, later and later when not
OTHERS_POLL_SECONDS = 0.005  # and at least so often while other processes append, too,
OTHERS_SECONDS = 1.0  # which is so while the last such commit is not older than this
LONGEST_POLL_SECONDS = 0.1

log = structlog.get_logger(__name__)
PUBLISHED = metrics.Counter("leveret_relay_events_total", "Events confirmed by the broker", ["outcome"])
_published = functools.cache(PUBLISHED.labels)
POSITION = metrics.Gauge("leveret_relay_position", "Last contiguous confirmed position")


class Relay:
    """Publishes while it holds the lease `relay`; the others wait."""

    def __init__(self, database: AsyncDatabase, log: MongoLog, settings: Settings) -> None:
        self._log = log
        self._url = settings.amqp_url
        self._seal = Seal(settings.message_key, log.info.id)
        self._cursors = database["relay"]
        self._leases = Leases(database, group="relay", parts=1, holder=str(uuid4()), seconds=settings.lease_seconds)
        self._publisher: Publisher | None = None
        self._outstanding: Outstanding | None = None  # of the session that publishes now
        self._poll_seconds = SHORTEST_POLL_SECONDS
        self._others_at = -OTHERS_SECONDS
        self._handed = Handed()
        self._woken = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        return self._publisher is not None

    @property
    def has_lease(self) -> bool:
        return bool(self._leases.held)

    async def position(self) -> int:
        """Return the cursor as it was last written down, by whichever relay."""
        with reaching("The relay's cursor cannot be read."):
            cursor = await self._cursors.find_one({"_id": "cursor"})
        return cursor["position"] if cursor else 0

    async def _confirmed(self) -> int:
        """The position to now where this relay publishes, else as it was last written down."""
        return self._outstanding.confirmed if self._outstanding else await self.position()

    def hand_over(self, commits: Sequence[Commit]) -> None:
        """This process has appended these: they need not be read."""
        if self._publisher:
            self._handed.add(commits)
            self._woken.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        try:
            await together(self._keep_lease(), self._keep_publishing(), watch_lag(self._log, self._confirmed))
        finally:
            await self._leave()

    async def _keep_lease(self) -> None:
        while True:
            try:
                await self._leases.renew()
            except Unavailable as error:
                log.warning("relay_waits", reason=error.detail)
            await asyncio.sleep(self._leases.pause_seconds)

    async def _keep_publishing(self) -> None:
        back_off = BackOff()
        while True:
            if not self._leases.held:
                await asyncio.sleep(FIRST_PAUSE_SECONDS)
                continue
            started = time.monotonic()
            try:
                await self._session()
                log.warning("relay_lease_lost")  # what the cursor does not yet know goes out once more
            except Unavailable as error:
                log.warning("relay_interrupted", reason=error.detail)
            if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                back_off.reset()
            await back_off.pause()

    async def _session(self) -> None:
        """Publish from the cursor on, until the lease or the broker is lost."""
        publisher = self._publisher = await Publisher.open(self._url, "relay")
        self._handed.clear()
        outstanding = Outstanding()
        try:
            outstanding.confirmed, last_of = await self._start()
            self._outstanding = outstanding
            await together(
                self._publish(publisher, outstanding, last_of),
                self._confirm(publisher, outstanding),
                self._keep_cursor(outstanding),
            )
        finally:
            self._publisher = self._outstanding = None
            await publisher.close()

    async def _start(self) -> tuple[int, dict[int, int]]:
        """R2: the cursor, and each partition's last position up to it; the beginning if it is not of this log."""
        position = await self.position()
        last_of = await self._log.last_positions(position)
        if last_of is None:
            log.warning("relay_cursor_unknown", position=position)
            await self._write_cursor({"$set": {"position": 0}})
            return 0, {}
        return position, last_of

    async def _publish(self, publisher: Publisher, outstanding: Outstanding, last_of: dict[int, int]) -> None:
        """Send page after page, each in one write; R2: a commit goes out only after the one before it was read."""
        read = outstanding.confirmed
        while self._leases.held:
            await outstanding.room()
            page: list[tuple[Commit, tuple[Message, ...]]] = []
            for commit in await self._next_page(read):
                page.append((commit, to_messages(commit, last_of.get(commit.partition, 0), self._seal)))
                last_of[commit.partition] = read = commit.position
            with publishing(commit for commit, _ in page):
                confirmations = iter(await publisher.publish([message for _, messages in page for message in messages]))
            for commit, messages in page:
                outstanding.add(Sent(commit, messages, [next(confirmations) for _ in messages]))
            await self._pause()

    async def _next_page(self, read: int) -> list[Commit]:
        """Return what follows; this process's own commits count as read: the log acknowledged them, and all before."""
        if handed := self._handed.after(read):
            return handed
        found = await self._log.read_all(read, READ_COMMITS)
        now = time.monotonic()
        self._others_at = now if found else self._others_at
        longest = OTHERS_POLL_SECONDS if now - self._others_at < OTHERS_SECONDS else LONGEST_POLL_SECONDS
        self._poll_seconds = SHORTEST_POLL_SECONDS if found else min(2 * self._poll_seconds, longest)
        return found

    async def _pause(self) -> None:
        """Wait for a sign, or for the next look: soon while there is traffic, later and later when there is none."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _confirm(self, publisher: Publisher, outstanding: Outstanding) -> None:
        """Move the cursor over what is confirmed, in order; a silent broker ends the session."""
        while True:
            sent = await outstanding.first()
            _count(sent.commit, await self._outcomes(publisher, sent))
            outstanding.confirm(sent.commit.position)

    async def _outcomes(self, publisher: Publisher, sent: Sent) -> list[str]:
        """R4: what is refused goes out once more, then without its body; refused even then, it is left to the log."""
        confirmations = sent.confirmations

        def without_bodies() -> tuple[Message, ...]:
            return to_messages(sent.commit, sent.messages[0].headers["prev"], self._seal, with_bodies=False)

        for again in (lambda: sent.messages, without_bodies, lambda: ()):
            await _settled(confirmations)
            try:
                return ["routed" if await is_routed(confirmation) else "unroutable" for confirmation in confirmations]
            except Refused:
                confirmations = await publisher.publish(again())
        return ["refused"] * len(sent.messages)

    async def _keep_cursor(self, outstanding: Outstanding) -> None:
        written = -1
        while True:
            if (confirmed := outstanding.confirmed) != written:
                await self._write_cursor({"$max": {"position": confirmed}})  # a relay that overslept takes nothing back
                written = confirmed
            await asyncio.sleep(CURSOR_SECONDS)

    async def _write_cursor(self, change: Mapping[str, Any]) -> None:
        with reaching("The relay's cursor cannot be written."):
            await self._cursors.update_one({"_id": "cursor"}, change, upsert=True)

    async def _leave(self) -> None:
        try:
            await self._leases.leave()
        except Unavailable:
            log.warning("relay_lease_runs_out")


async def _settled(confirmations: list[Confirmation]) -> None:
    """Wait until the broker has said something of each."""
    if all(confirmation.done() for confirmation in confirmations):
        return
    _, silent = await asyncio.wait(confirmations, timeout=CONFIRM_SECONDS)
    if silent:
        raise Unavailable("RabbitMQ confirms nothing.")


def _count(commit: Commit, outcomes: list[str]) -> None:
    for outcome in outcomes:
        _published(outcome).inc()
        if outcome != "routed":
            log.warning(outcome, **about(commit), partition=commit.partition)
    POSITION.set(commit.position)


async def run_alone(settings: Settings) -> None:
    """Publish beside command services that have RELAY=false, with health and metrics over HTTP."""
    client = open_client(settings.events_mongodb_url, name="relay")
    database = client[settings.events_database]
    log_ = await patiently(lambda: open_log(database, partitions=settings.partitions))
    relay = Relay(database, log_, settings)

    async def ready() -> dict[str, bool]:
        return {"broker": relay.is_connected or not relay.has_lease}

    app = make_app(name="relay")
    add_operations(app, ready)
    await serve_beside(app, settings.bind_host, settings.relay_port, relay.run())
    await client.close()


if __name__ == "__main__":
    run_process("relay", run_alone)
