"""The keys by which tokens are known: a JWKS in a file or under a URL, read again when it may have changed."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import jwt
import structlog

from common.errors import Unavailable

KEPT_SECONDS = 300.0  # then the keys are read again, beside the requests; after twice this time, before the next one
MOST_SECONDS = 3600.0  # without being read they count no more: one may have been taken out
PAUSE_SECONDS = 30.0  # between two readings, however many unknown keys are asked for
FIRST_PAUSE_SECONDS = 2.0  # the same while there was none yet
UNREADABLE = "The keys that tokens are known by cannot be read; try again in a moment."
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
        self._beside: asyncio.Task[None] | None = None
        self.generation = 0

    async def keep(self) -> None:
        """See to it that old keys are read again; Unavailable where they are too old to count."""
        age_seconds = self._clock() - self._read_at
        if age_seconds <= KEPT_SECONDS:
            return
        if age_seconds > 2 * KEPT_SECONDS:
            await self.read()
        elif self._beside is None or self._beside.done():
            self._beside = asyncio.create_task(self.read())
        if self._clock() - self._read_at > MOST_SECONDS:
            raise Unavailable(UNREADABLE)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        if key_id not in self._keys:
            await self.read()
        return self._keys.get(key_id)

    async def read(self) -> None:
        """Read them, unless that was just tried; where it fails, those that are known go on to count."""
        async with self._reading:
            pause_seconds = PAUSE_SECONDS if self.generation else FIRST_PAUSE_SECONDS
            if self._clock() - self._tried_at <= pause_seconds:
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
    """The RS256 keys of a JWKS by their ids; ValueError where it is none, or has keys and none for us.

    A JWKS may be empty: then nobody is known any more.
    """
    try:
        said = json.loads(content)
        if said["keys"] == []:
            return {}
        listed = jwt.PyJWKSet.from_dict(said).keys
    except (jwt.PyJWTError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise ValueError(f"this is no JWKS: {error}") from error
    keys = {key.key_id: key for key in listed if isinstance(key.key_id, str) and key.key_id and _is_ours(key)}
    if not keys:
        raise ValueError(f"there is no key for {ALGORITHM} with a kid, of {LEAST_BITS} bits or more")
    return keys


def _is_ours(key: jwt.PyJWK) -> bool:
    is_meant = key.key_type == "RSA" and key.public_key_use in (None, "sig")
    return is_meant and key.algorithm_name == ALGORITHM and key.key.key_size >= LEAST_BITS


def is_url(where: str) -> bool:
    return where.startswith(("https://", "http://"))


def fetching(where: str) -> Fetch:
    """How to read what stands in this file or under this URL."""
    return _from_url(where) if is_url(where) else _from_file(Path(where))


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
            content = b""
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise ValueError(f"it has more than {MOST_BYTES} bytes")
            return content

    return read
