"""The import: batches to the gateway, several at once, until every order is accepted and shown, or refused."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from cli.errors import ImportFailed, TooSlow, Unreachable
from cli.gateway import PATIENCE_SECONDS, Gateway
from cli.imports.batches import Batch, in_batches
from cli.imports.order_files import Order, Rejected

IN_FLIGHT = 4  # batches; more make the answers later and nothing faster
POLL_SECONDS = 0.5  # how often the progress of the views is looked at
ASK_AGAIN_SECONDS = 0.1  # whether they show the last order, which the query service has waited for already


@dataclass(slots=True)
class Tally:
    """How far an import is. Times are on `time.monotonic`'s clock; positions are those of the log."""

    on_rejected: Callable[[Rejected], None]
    accepted: int = 0
    replayed: int = 0  # accepted before, by an earlier run or by an attempt whose answer was lost
    rejected: int = 0
    started_at: float = field(default_factory=time.monotonic)
    written_at: float = 0.0  # the last answer
    shown_at: float = 0.0  # the last order became visible; 0 when nobody waited for it
    head_before: int = 0
    position: int = 0  # the last order's
    views_position: int = 0
    under_way: set[int] = field(default_factory=set)  # first lines of the batches that are not answered

    @property
    def written(self) -> int:
        return self.accepted + self.replayed

    @property
    def share_shown(self) -> float:
        """Of what is written, about how much the views show; others may be writing too."""
        new = self.position - self.head_before
        return min(1.0, max(0.0, (self.views_position - self.head_before) / new)) if new > 0 else 1.0

    @property
    def resume_line(self) -> int | None:
        """Everything before this line is answered."""
        return min(self.under_way, default=None)

    def reject(self, line: Rejected) -> None:
        self.rejected += 1
        self.on_rejected(line)


async def import_orders(
    gateway: Gateway, lines: Iterable[Order | Rejected], tally: Tally, *, waits_until_shown: bool
) -> None:
    """Send every order; raises ImportFailed when it cannot go on. What is in the tally then is certain.

    After a crash or Ctrl-C the same lines may be sent again: an order is what its source and line number say it is.
    """
    positions = await gateway.positions()
    tally.head_before = tally.views_position = positions["head"] or 0
    tally.started_at = time.monotonic()
    async with _watched(gateway, tally):
        tokens = await _send_all(gateway, in_batches(lines, tally.reject), tally)
        tally.written_at = time.monotonic()
        if waits_until_shown:
            for token in tokens:
                await _until_shown(gateway, token, tally)
            tally.shown_at = time.monotonic()


async def _send_all(gateway: Gateway, batches: Iterator[Batch], tally: Tally) -> list[str]:
    """Return tokens that together have seen every order."""
    try:
        async with asyncio.TaskGroup() as tasks:
            lanes = [tasks.create_task(_send_lane(gateway, batches, tally)) for _ in range(IN_FLIGHT)]
    except ExceptionGroup as failures:  # `except*` would wrap what is raised here before Python 3.11.4
        expected, others = failures.split(ImportFailed)
        if expected is None or others:
            raise
        raise expected.exceptions[0] from None
    return [token for lane in lanes if (token := lane.result())]


async def _send_lane(gateway: Gateway, batches: Iterator[Batch], tally: Tally) -> str | None:
    """Send the batches that the other lanes leave, one after the other; the token grows with each."""
    token = None
    for batch in batches:
        tally.under_way.add(batch.line_numbers[0])
        async for part, answer in _answers(gateway, batch, token):
            tally.accepted += answer["accepted"]
            tally.replayed += answer["replayed"]
            tally.position = max(tally.position, answer["position"])
            for refused in answer["rejected"]:
                tally.reject(_rejected(part, refused))
            token = answer["token"]
        tally.under_way.discard(batch.line_numbers[0])
    return token


async def _answers(gateway: Gateway, batch: Batch, token: str | None) -> AsyncIterator[tuple[Batch, dict[str, Any]]]:
    """Yield what came of the batch, in parts where a slow service does not finish all of it in time."""
    parts = [batch]
    while parts:
        part = parts.pop()
        try:
            answer = await gateway.import_orders(part.body, token)
        except TooSlow:
            parts += reversed(part.halves())
        else:
            token = answer["token"]
            yield part, answer


def _rejected(batch: Batch, refused: dict[str, Any]) -> Rejected:
    """Where single fields are wrong, they are the reason."""
    fields = "; ".join(f"{error['pointer']}: {error['detail']}" for error in refused["errors"])
    return Rejected(batch.line_numbers[refused["line"] - 1], refused["code"], fields or refused["detail"])


async def _until_shown(gateway: Gateway, token: str, tally: Tally) -> None:
    """Wait as long as the views come nearer; the token tells when they are there to the millisecond."""
    moved_at, position = time.monotonic(), tally.views_position
    while not await gateway.shows(token):
        if tally.views_position != position:
            moved_at, position = time.monotonic(), tally.views_position
        if time.monotonic() - moved_at > PATIENCE_SECONDS:
            raise ImportFailed(
                f"every order is written, but the views have not moved for {PATIENCE_SECONDS:.0f} s: "
                f"they are at position {position}, the last order is at {tally.position}; is the projector running?"
            )
        await asyncio.sleep(ASK_AGAIN_SECONDS)


@asynccontextmanager
async def _watched(gateway: Gateway, tally: Tally) -> AsyncIterator[None]:
    watching = asyncio.create_task(_watch(gateway, tally))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait((watching,))


async def _watch(gateway: Gateway, tally: Tally) -> None:
    """For the progress only: an answer that does not come is no reason to stop."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        with suppress(Unreachable):
            views = (await gateway.positions())["groups"].get("views", {})
            tally.views_position = views.get("position", tally.views_position)
