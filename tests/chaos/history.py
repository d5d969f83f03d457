"""What the clients of a run saw: one record for each call."""

from typing import Any, Literal

import msgspec

Verdict = Literal["ok", "fail", "info"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `info` (time-out, 5xx, broken connection) may have happened or not; only 4xx are `fail`.

    `key` is the Idempotency-Key of a command, or the path of a query. Instants are of `time.monotonic_ns`, the same
    clock for all records of a run. Of a command that was answered: its `command_id`, whether it `changed` something or
    was `replayed`, its `position` in the log and `partition`, and the `version` of its stream. Of a query: `token` is
    what was sent with it (partition → position), `position` the Projection-Position that came back and `version` that
    of the ETag; `body` is the answer.
    """

    proc: int
    op: str
    key: str
    invoke_ns: int
    complete_ns: int
    type: Verdict
    status: int | None = None
    subject: str | None = None
    command_id: str | None = None
    version: int | None = None
    position: int | None = None
    partition: int | None = None
    changed: bool | None = None
    replayed: bool = False
    token: dict[int, int] | None = None
    body: Any = None
    deadline_s: float = 5.0

    @property
    def is_query(self) -> bool:
        """A path begins with a slash, an Idempotency-Key of ours never does."""
        return self.key.startswith("/")


class FaultWindow(msgspec.Struct, frozen=True, kw_only=True):
    """When a fault was there: from its injection to its healing, on the clock of the records."""

    fault: str
    begin_ns: int
    end_ns: int
