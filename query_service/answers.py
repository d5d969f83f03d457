"""What a query gives back, and how it reads the ids in its path."""

import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from common.errors import BadRequest

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    content: Any
    etag: str | None = None
    is_parked: bool = False


def order_id_of(http: web.Request) -> str:
    order_id = http.match_info["order_id"]
    if not is_order_id(order_id):
        raise BadRequest("invalid_id", "order_id must be a UUID in lower case.")
    return order_id


def is_order_id(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def user_id_of(http: web.Request) -> int:
    return _number_of(http, "user_id")


def product_id_of(http: web.Request) -> int:
    return _number_of(http, "product_id")


def _number_of(http: web.Request, name: str) -> int:
    text = http.match_info[name]
    if not _NUMBER.fullmatch(text) or int(text) >= 2**53:
        raise BadRequest("invalid_id", f"{name} must be a whole number above 0.")
    return int(text)
