"""One client that speaks HTTP and writes down every call; it remembers its consistency token."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from command_service.routes import identify
from common.access.actors import NOBODY
from common.consistency import read_token
from tests.chaos.history import Record, Verdict

PATIENCE = aiohttp.ClientTimeout(total=20)  # longer than any deadline of the system: a late answer shall be seen
PAUSE_SECONDS = 0.2  # between two tries of one who insists
TOKEN = "Consistency-Token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A command as a client words it; it can be sent again and again."""

    op: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    subject: str | None = None
    key: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int | None = None  # None: no answer came
    headers: Any = field(default_factory=dict)
    content: Any = None

    @property
    def verdict(self) -> Verdict:
        if self.status is None or self.status >= 500:
            return "info"
        return "ok" if self.status < 300 else "fail"

    def number(self, header: str) -> int | None:
        return int(self.headers[header]) if header in self.headers else None


class Caller:
    """Makes one call at a time, as process number `proc` of the history."""

    def __init__(self, proc: int, http: aiohttp.ClientSession, gateway: str, keep: Callable[[Record], None]) -> None:
        self.proc = proc
        self.token: str | None = None
        self._http = http
        self._url = f"{gateway}/cqrs"
        self._keep = keep

    async def command(self, wish: Wish) -> Record:
        began_ns = time.monotonic_ns()
        headers = {"Idempotency-Key": wish.key}
        reply = await self._call("POST", f"commands/{wish.path}", headers, wish.body)
        told: Any = reply.content if reply.verdict == "ok" else {}
        return self._note(
            Record(
                proc=self.proc,
                op=wish.op,
                key=wish.key,
                invoke_ns=began_ns,
                complete_ns=time.monotonic_ns(),
                type=reply.verdict,
                status=reply.status,
                subject=told.get("order_id") or wish.subject,
                command_id=told.get("command_id") or identify(NOBODY, wish.key).command_id,
                version=told.get("version"),
                position=told.get("position"),
                partition=told.get("partition"),
                changed=told.get("changed"),
                replayed="Idempotent-Replayed" in reply.headers,
                body=reply.content,
            )
        )

    async def insist(self, wish: Wish) -> Record:
        """Send it until the outcome is known."""
        while True:
            record = await self.command(wish)
            if record.type != "info":
                return record
            await asyncio.sleep(PAUSE_SECONDS)

    async def query(self, path: str, *, subject: str | None = None) -> Record:
        """Ask what must be as fresh as all that this client has seen."""
        began_ns, token = time.monotonic_ns(), self.token
        reply = await self._call("GET", f"queries/{path}", {})
        etag = reply.headers.get("ETag")
        return self._note(
            Record(
                proc=self.proc,
                op="query",
                key=f"/queries/{path}",
                invoke_ns=began_ns,
                complete_ns=time.monotonic_ns(),
                type=reply.verdict,
                status=reply.status,
                subject=subject,
                version=int(etag.strip('"').partition("-")[0]) if etag else None,
                position=reply.number("Projection-Position"),
                token=read_token(token) if token else None,
                body=reply.content,
            )
        )

    async def _call(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> _Reply:
        if self.token:
            headers[TOKEN] = self.token
        url = f"{self._url}/{path}"
        try:
            async with self._http.request(method, url, json=body, headers=headers, timeout=PATIENCE) as answer:
                content = _content(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return _Reply()
        self.token = answer.headers.get(TOKEN, self.token)
        return _Reply(answer.status, answer.headers, content)

    def _note(self, record: Record) -> Record:
        self._keep(record)
        return record


def _content(raw: bytes) -> Any:
    """As the answer means it, or as text when it is no JSON; a command that is answered so was not answered well."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")
