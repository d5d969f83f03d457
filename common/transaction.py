"""One durable transaction over documents and checkpoints, and how its errors are read (PROTOCOL V1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bson.errors import BSONError
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from common.errors import Unavailable
from common.mongo import DUPLICATE_KEY, DURABLE, has_label, reaching
from common.sink import Fenced

Statement = dict[str, Any]
TRANSACTION_TRIES = 5
DATA_ERRORS = frozenset({2, 9, 14, 52, 56, 57, 121, 10334, 17280, 17419, 17420})
"""Codes by which MongoDB refuses the data itself; after any other the same statement may be sent again."""
COMMIT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Guarded:
    """A statement, and how many documents it must meet for the batch to stand."""

    statement: Statement
    must_match: int | None = None


class Unwritable(Exception):
    """The server will not take a statement, however often it is sent."""


async def transact(
    database: AsyncDatabase, statements: list[Guarded], session: AsyncClientSession | None = None
) -> None:
    """Run all statements in one durable transaction, or none.

    Raises Fenced when a guard fails or nobody knows the outcome, Unwritable when the data cannot be stored.
    """
    for _ in range(TRANSACTION_TRIES):
        try:
            if session:
                await _attempt(database, session, statements)
            else:
                async with database.client.start_session() as one_time:
                    await _attempt(database, one_time, statements)
        except (BSONError, OverflowError) as error:
            raise Unwritable(str(error)) from error
        except PyMongoError as error:
            if has_label(error, "TransientTransactionError"):
                continue
            raise _meaning(error) from error
        else:
            return
    raise Fenced


async def _attempt(database: AsyncDatabase, session: AsyncClientSession, statements: list[Guarded]) -> None:
    async with await session.start_transaction(ReadConcern("snapshot"), DURABLE):
        for guarded in statements:
            _check(guarded, await database.command(guarded.statement, session=session))
        await _commit(session)


async def _commit(session: AsyncClientSession) -> None:
    """Commit again while the outcome is unknown; the driver makes that safe."""
    for attempt in range(COMMIT_TRIES):
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if not has_label(error, "UnknownTransactionCommitResult") or attempt == COMMIT_TRIES - 1:
                raise
        else:
            return


def _check(guarded: Guarded, answer: Mapping[str, Any]) -> None:
    if errors := answer.get("writeErrors"):
        raise _of_code(errors[0]["code"], errors[0].get("errmsg", "a write error"))
    if guarded.must_match is not None and answer["n"] != guarded.must_match:
        raise Fenced


def _meaning(error: PyMongoError) -> Exception:
    if has_label(error, "UnknownTransactionCommitResult"):
        return Fenced()
    if isinstance(error, OperationFailure) and error.code is not None:
        return _of_code(error.code, str((error.details or {}).get("errmsg", error)))
    return Unavailable("The read store cannot be reached.")


def _of_code(code: int, detail: str) -> Exception:
    if code == DUPLICATE_KEY:
        return Fenced()
    return Unwritable(detail) if code in DATA_ERRORS else Unavailable(f"The read store refuses to write: {detail}")


async def kill_session(database: AsyncDatabase, session_id: Mapping[str, Any]) -> None:
    """Abort whatever this session has open; the transaction of a killed process would hold its locks for a minute."""
    with reaching("The read store cannot be reached."):
        await database.client.admin.command({"killSessions": [dict(session_id)]})
