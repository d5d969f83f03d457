"""What a row of the tables of operations says, and what those who do them may use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pymongo.asynchronous.database import AsyncDatabase

from common.contract.operations import Parameter
from common.log import MongoLog
from common.values import Message


class Nothing(Message):
    """No body; one that is sent all the same is not looked at."""


@dataclass(frozen=True, slots=True)
class Views:
    """Where it is done, and the log from which it is."""

    database: AsyncDatabase
    log: MongoLog


Ask = Callable[[Views, web.Request, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class OperationRoute:
    """`body` is what may stand in it; `shown` the shape of the answer; `problems` as `Operation` has them."""

    method: str
    path: str
    name: str
    summary: str
    ask: Ask
    shown: Any
    body: type[Message] = Nothing
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = ()
    tag: str = "projections"
