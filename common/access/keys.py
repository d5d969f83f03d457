"""The keys by which tokens are known: a JWKS in a file or under a URL, read again when it may have changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import jwt
import structlog

from common.errors import Unavailable

KEPT_SECONDS = 300.0  # then the keys are read again: one that was taken out is known no more
PAUSE_SECONDS = 30.0  # between two readings, however many unknown keys are asked for
FETCH_SECONDS = 3.0
MOST_BYTES = 256 * 1024
ALGORITHM = "RS256"
LEAST_BITS = 2048

log = structlog.get_logger(__name__)
Fetch = Callable[[], Awaitable[bytes]]


class Keys:
    """`generation` grows when the keys have changed."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._content = b""
        self._tried_at = float("-inf")
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None
        self.generation = 0

    def refresh(self) -> None:
        """See to it that old keys are read again, while those that are known go on to count."""
        now = self._clock()
        is_old = now - self._read_at > KEPT_SECONDS and now - self._tried_at > PAUSE_SECONDS
        if is_old and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self.read())

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return the key of this id; Unavailable where no keys could ever be read."""
        if key_id not in self._keys:
            await self.read()
        if not self._keys:
            raise Unavailable("The keys that tokens are known by cannot be read; try again in a moment.")
        return self._keys.get(key_id)

    async def read(self) -> None:
        """Read them, at most every PAUSE_SECONDS; where that fails, those that are known go on to count."""
        async with self._reading:
            if self._clock() - self._tried_at <= PAUSE_SECONDS:
                return
            self._tried_at = self._clock()
            try:
                content = await self._fetch()
                self._keys = read_keys(content)
            except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                log.warning("keys_unreadable", reason=str(error) or type(error).__name__)
                return
            self._read_at = self._clock()
            self.generation += content != self._content
            self._content = content


def read_keys(content: bytes) -> dict[str, jwt.PyJWK]:
    """The RS256 keys of a JWKS by their ids; ValueError where there are none."""
    try:
        listed = jwt.PyJWKSet.from_json(content.decode()).keys
    except (jwt.PyJWTError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"this is no JWKS: {error}") from error
    keys = {key.key_id: key for key in listed if key.key_id and _is_ours(key)}
    if not keys:
        raise ValueError(f"there is no key for {ALGORITHM} with a kid, of {LEAST_BITS} bits or more")
    return keys


def _is_ours(key: jwt.PyJWK) -> bool:
    is_meant = key.key_type == "RSA" and key.public_key_use in (None, "sig")
    return is_meant and key.algorithm_name == ALGORITHM and key.key.key_size >= LEAST_BITS


def fetching(where: str) -> Fetch:
    """How to read what stands in this file or under this URL."""
    return _from_url(where) if where.startswith(("https://", "http://")) else _from_file(Path(where))


def _from_file(path: Path) -> Fetch:
    async def read() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return read


def _from_url(url: str) -> Fetch:
    async def read() -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as http,
            http.get(url, allow_redirects=False) as answer,
        ):
            return await answer.content.read(MOST_BYTES)

    return read
