"""The one way in which this system opens a connection to MongoDB, and reads its errors."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from datetime import UTC
from typing import Any

import pymongo
import pymongo.lock
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, monitoring
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from common.errors import LeveretError, Unavailable

OPERATION_SECONDS = 5.0  # no call waits longer for an answer
HEARTBEAT_SECONDS = 2.0  # with the next: a server that went silent is found out after both, its connections dropped;
CONNECT_SECONDS = 3.0  # else each of them costs somebody OPERATION_SECONDS
WAIT_SECONDS = 2.0  # for a connection, when all are in use
PATIENT_SECONDS = 12 * 3600.0  # an index of millions of documents; a service's start has OPERATION_SECONDS
MOST_CONNECTIONS = 50
MAJORITY = ReadConcern("majority")
DURABLE = WriteConcern(w="majority", j=True)
DUPLICATE_KEY = 11000
FORBIDDEN = 13
UNKNOWN_ACCOUNT = 18


async def _wait_in_this_task(waiting: Coroutine[Any, Any, Any], timeout: float | None) -> Any:  # noqa: ASYNC109 - as the one it replaces
    """Wait as `asyncio.wait_for` does since Python 3.12.

    Before, it waits in a task of its own. Who cancels it twice while PyMongo looks for a server leaves that task to
    take the topology's lock when nobody is left to release it, and every later call of the client waits for ever.
    """
    async with asyncio.timeout(timeout):
        return await waiting


if sys.version_info < (3, 12):
    pymongo.lock.wait_for = _wait_in_this_task  # type: ignore[assignment]

Client = AsyncMongoClient[dict[str, object]]
"""Any client of ours: aware UTC instants, majority reads, durable writes, deadlines on every call."""


class _PoolWatcher(monitoring.ConnectionPoolListener):
    """Tells when a pool was cleared: the server behind it may be another one now."""

    def __init__(self, on_cleared: Callable[[], None]) -> None:
        self._on_cleared = on_cleared

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None:
        self._on_cleared()

    def _ignore(self, event: object) -> None:
        pass

    pool_created = pool_ready = pool_closed = _ignore  # type: ignore[assignment]
    connection_created = connection_ready = connection_closed = _ignore  # type: ignore[assignment]
    connection_check_out_started = connection_check_out_failed = _ignore  # type: ignore[assignment]
    connection_checked_out = connection_checked_in = _ignore  # type: ignore[assignment]


def open_client(url: str, *, name: str, on_pool_cleared: Callable[[], None] | None = None) -> AsyncMongoClient:
    """Return a client that connects when it is first used; LeveretError where the address itself is wrong."""
    try:
        return _client(url, name, on_pool_cleared)
    except (ConfigurationError, ValueError, OSError) as error:  # an OSError is of a file that the address names
        why = error.strerror or error if isinstance(error, OSError) else error
        raise LeveretError("bad_mongodb_url", f"The address of MongoDB cannot be used: {why}.") from error


def _client(url: str, name: str, on_pool_cleared: Callable[[], None] | None) -> AsyncMongoClient:
    return AsyncMongoClient(
        url,
        appname=f"leveret-{name}",
        tz_aware=True,
        tzinfo=UTC,
        timeoutMS=_ms(OPERATION_SECONDS),
        serverSelectionTimeoutMS=_ms(OPERATION_SECONDS),
        maxPoolSize=MOST_CONNECTIONS,
        waitQueueTimeoutMS=_ms(WAIT_SECONDS),
        heartbeatFrequencyMS=_ms(HEARTBEAT_SECONDS),
        connectTimeoutMS=_ms(CONNECT_SECONDS),
        readConcernLevel="majority",
        w="majority",
        journal=True,
        event_listeners=[_PoolWatcher(on_pool_cleared)] if on_pool_cleared else [],
    )


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def patiently() -> AbstractContextManager[None]:
    """While inside, a call takes its time: nobody waits for it, and how long it takes is how much there is."""
    return pymongo.timeout(PATIENT_SECONDS)


class reaching:
    """Turns the driver's errors into Unavailable with this sentence, where the driver is called."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PyMongoError):
            raise Unavailable(self._sentence + _why(error)) from error


def _why(error: PyMongoError) -> str:
    """What no waiting helps against is said; never the server's own words, which repeat the documents."""
    if isinstance(error, OperationFailure) and error.code == FORBIDDEN:
        return " It does not let this account do that."
    if isinstance(error, OperationFailure) and error.code == UNKNOWN_ACCOUNT:
        return " It does not know this account, or its password is another."
    if isinstance(error, ServerSelectionTimeoutError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return " Its certificate is not trusted."
    return ""


def has_label(error: PyMongoError, label: str) -> bool:
    return error.has_error_label(label)


PLAIN = CodecOptions(tz_aware=True, tzinfo=UTC)
