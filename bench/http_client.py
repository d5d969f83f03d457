"""A bare HTTP/1.1 client for the load generator: one request in flight per socket, answers with a Content-Length."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

HOST = "127.0.0.1"
HEAD_END = b"\r\n\r\n"

Answer: TypeAlias = tuple[int, bytes, float]  # status (0: connection lost), body, the `since` given to send
OnAnswer: TypeAlias = Callable[["Connection", Answer], None]


class Connection(asyncio.Protocol):
    """One kept-alive socket. `send` must not be called before the last answer has come."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.on_answer: OnAnswer | None = None
        self.since = 0.0
        self.received = b""
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, on_answer: OnAnswer, since: float) -> None:
        assert self.transport is not None
        self.on_answer, self.since = on_answer, since
        self.transport.write(request)

    def close(self) -> None:
        self.on_answer = None
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self.received:
            data = self.received + data
        head_end = data.find(HEAD_END)
        if head_end < 0 or len(data) < (end := head_end + 4 + content_length(data[:head_end])):
            self.received = data
            return
        self.received = b""
        self._tell((int(data[9:12]), data[head_end + 4 : end], self.since))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._tell((0, b"", self.since))

    def _tell(self, answer: Answer) -> None:
        on_answer, self.on_answer = self.on_answer, None
        if on_answer is not None:
            on_answer(self, answer)


async def connect(port: int) -> Connection:
    """Open one connection to a server on this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, HOST, port)
    return connection


def content_length(head: bytes) -> int:
    """The announced length of the body; 0 when the head does not say."""
    start = head.find(b"Content-Length:")
    if start < 0:
        start = head.lower().find(b"content-length:")
        if start < 0:
            return 0
    end = head.find(b"\r\n", start)
    return int(head[start + 15 : end if end > 0 else len(head)])


def post_request(port: int, path: str, body: bytes, *, bearer: str = "") -> bytes:
    signed = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n{signed}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get_request(port: int, path: str, *, token: str = "", etag: str = "") -> bytes:
    header = f"Consistency-Token: {token}\r\n" if token else ""
    header += f"If-None-Match: {etag}\r\n" if etag else ""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n{header}\r\n".encode()


def post_requests(port: int, path: str, bodies: Iterable[bytes], *, bearer: str = "") -> tuple[bytes, ...]:
    return tuple(post_request(port, path, body, bearer=bearer) for body in bodies)
