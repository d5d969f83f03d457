"""What a query gives back, and how it reads the ids in its path."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from common.access.routes import actor_of
from common.errors import BadRequest, NotFound
from common.values import is_number_id, is_uuid


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` is what is answered, or makes it: who has it already needs none.

    One document of a view has an `etag`, its version and position, and the `partition` it is in.
    """

    content: Any | Callable[[], Any]
    etag: str | None = None
    partition: int | None = None
    is_parked: bool = False


def order_id_of(http: web.Request) -> str:
    order_id = http.match_info["order_id"]
    if not is_uuid(order_id):
        raise BadRequest("invalid_id", "order_id must be a UUID in lower case.")
    return order_id


def user_id_of(http: web.Request) -> int:
    """To those who may not see what is this user's there is no such user."""
    user_id = _number_of(http, "user_id")
    if actor_of(http).is_kept_from(user_id):
        raise NotFound("unknown_user", f"There is no user {user_id}, or it is not you.")
    return user_id


def product_id_of(http: web.Request) -> int:
    return _number_of(http, "product_id")


def _number_of(http: web.Request, name: str) -> int:
    text = http.match_info[name]
    if not is_number_id(text):
        raise BadRequest("invalid_id", f"{name} must be a whole number above 0.")
    return int(text)
