"""Where a command finds the data it is about: the folder of the stack, and the databases."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from pydantic import ValidationError
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from common import mongo
from common.config import Settings
from common.errors import LeveretError, Unavailable
from common.log import MongoLog, open_log_as_it_is
from common.mongo import open_client
from common.secret_files import SecretUnreadable, file_variable
from stack.errors import StackError
from stack.folder import DataFolder


def read_settings() -> Settings:
    """The environment's; StackError where it makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise StackError(f"the environment's {str(first['loc'][0]).upper()} is wrong: {first['msg']}") from error
    except SecretUnreadable as error:
        raise StackError(error.detail) from error


def open_events(data: Path) -> AbstractAsyncContextManager[AsyncDatabase]:
    """The log's database, of the server in the environment, else of the running stack's; StackError without one."""
    settings = read_settings()
    return _opened(data, settings.events_database, settings.events_mongodb_url, "events_mongodb_url")


def open_views(data: Path) -> AbstractAsyncContextManager[AsyncDatabase]:
    """The views' database, found as the log's is."""
    settings = read_settings()
    return _opened(data, settings.views_database, settings.views_url, "views_mongodb_url", "events_mongodb_url")


@asynccontextmanager
async def an_event_log(data: Path) -> AsyncIterator[MongoLog]:
    """To look at; StackError where there is none yet."""
    async with open_events(data) as events:
        event_log = await open_log_as_it_is(events)
        if event_log is None:
            raise StackError("there is no log here yet; the first command service makes it")
        yield event_log


def find_broker(data: Path) -> tuple[str, str]:
    """RabbitMQ's address and the messages' key, of the environment, else of the running stack; StackError without."""
    settings = read_settings()
    if is_given("amqp_url"):
        url, key = settings.amqp_url, settings.message_key
    else:
        url = DataFolder(data).running_state().addresses["amqp"] or ""
        key = settings.message_key if is_given("message_key") else DataFolder(data).message_key()
    if not url:
        raise StackError("there is no RabbitMQ here; AMQP_URL names one")
    return url, key


def is_given(*settings: str) -> bool:
    """Whether the environment says one of them."""
    return any(os.environ.get(variable) for s in settings for variable in (s.upper(), file_variable(s)))


@asynccontextmanager
async def _opened(data: Path, name: str, url: str, *settings: str) -> AsyncIterator[AsyncDatabase]:
    """The settings' own default counts for nothing: it is where a stack of ours would be if it ran."""
    url = url if is_given(*settings) else str(DataFolder(data).running_state().addresses["mongodb"])
    try:
        async with open_client(url, name="cli") as client:
            yield client[name]
    except (PyMongoError, Unavailable) as error:
        raise StackError(_what_failed(error)) from error
    except LeveretError as error:
        raise StackError(error.detail) from error


def _what_failed(error: Exception) -> str:
    cause = error if isinstance(error, PyMongoError) else error.__cause__
    match cause:
        case OperationFailure(code=mongo.FORBIDDEN):
            return "MongoDB does not let this account do that; docs/security.md tells which one may"
        case OperationFailure(code=mongo.UNKNOWN_ACCOUNT):
            return "MongoDB does not know this account, or its password is another"
        case _:
            return "MongoDB does not answer; is it running? `cqrs status` tells"
