"""What a query gives back, and how it reads the ids in its path."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from common.errors import BadRequest
from common.values import is_number_id, is_uuid


@dataclass(frozen=True, slots=True)
class Answer:
    content: Any
    etag: str | None = None
    is_parked: bool = False


def order_id_of(http: web.Request) -> str:
    order_id = http.match_info["order_id"]
    if not is_uuid(order_id):
        raise BadRequest("invalid_id", "order_id must be a UUID in lower case.")
    return order_id


def user_id_of(http: web.Request) -> int:
    return _number_of(http, "user_id")


def product_id_of(http: web.Request) -> int:
    return _number_of(http, "product_id")


def _number_of(http: web.Request, name: str) -> int:
    text = http.match_info[name]
    if not is_number_id(text):
        raise BadRequest("invalid_id", f"{name} must be a whole number above 0.")
    return int(text)
