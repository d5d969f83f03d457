"""`Prefer: wait=N` (RFC 7240) on a command: it is answered when the view shows it, and an order's saga has decided."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web
from multidict import CIMultiDict

from common.consistency import merge, read_token, write_token
from common.streaming import has_left

MOST_SECONDS = 30
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=$|[,;])', re.ASCII | re.IGNORECASE)
_ETAG = re.compile(r'"\d+-(\d+)(?:-[0-9a-f]+)?"', re.ASCII)

ENDING: web.AppKey[asyncio.Event] = web.AppKey("ending", asyncio.Event)
"""Set when the gateway is about to end: then nobody waits on."""
Look = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, Mapping[str, str], bytes]]]
"""Ask the query side for a path with these headers: status, headers, body."""


def asked_seconds(http: web.Request) -> int:
    """How long the client wants to wait, MOST_SECONDS at most; a preference that nobody understands is none."""
    if http.method in ("GET", "HEAD"):
        return 0
    found = _WAIT.search(",".join(http.headers.getall("Prefer", ())))
    return min(int(found[1]), MOST_SECONDS) if found else 0


async def answer_when_shown(http: web.Request, answer: web.Response, seconds: int, look: Look) -> web.Response:
    """The command's answer with what the view says; as it was, if that takes longer or may not be seen."""
    content = _content(answer)
    place = _place(http, content)
    if place is None:
        return answer
    try:
        async with asyncio.timeout(seconds):
            shown = await _shown(http, place, content["token"], look)
    except TimeoutError:
        return answer
    return _merged(answer, content, *shown, seconds) if shown else answer


def _content(answer: web.Response) -> dict[str, Any]:
    try:
        content = orjson.loads(answer.body) if isinstance(answer.body, bytes) else None
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _place(http: web.Request, content: Mapping[str, Any]) -> str | None:
    """Where the view is of what the command was about."""
    if "token" not in content:
        return None
    if "order_id" in content:
        return f"orders/{content['order_id']}"
    if "product_id" in content:
        context = "inventory" if http.match_info["path"].startswith("inventory") else "products"
        return f"{context}/{content['product_id']}"
    return None


async def _shown(
    http: web.Request, place: str, token: str, look: Look
) -> tuple[Mapping[str, str], dict[str, Any]] | None:
    """The view when nothing is undecided in it any more; None where this client is not shown it, or has left."""
    headers = {"Consistency-Token": token}
    headers |= {name: http.headers[name] for name in ("Authorization", "traceparent") if name in http.headers}
    pause_seconds = FIRST_PAUSE_SECONDS
    while not (has_left(http) or http.app[ENDING].is_set()):
        status, told, body = await look(place, headers)
        if status == 200 and not _is_undecided(view := orjson.loads(body)):
            return told, view
        if 400 <= status < 500:
            return None
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
    return None


def _is_undecided(view: Mapping[str, Any]) -> bool:
    """An order of which a saga has still to say something."""
    if "order_id" not in view:
        return False
    asked = (view.get("payment_info"), view.get("refund"))
    return view["status"] == "PENDING" or any(part and part.get("status") == "REQUESTED" for part in asked)


def _merged(
    answer: web.Response, content: dict[str, Any], told: Mapping[str, str], view: Mapping[str, Any], seconds: int
) -> web.Response:
    """Of an order, `status`, `token` and ETag are the view's: sagas may have gone on with it. All else stays."""
    headers = CIMultiDict(answer.headers)
    headers["Preference-Applied"] = f"wait={seconds}"
    headers.popall("Content-Length", None)
    position = _ETAG.fullmatch(told.get("ETag", ""))
    if position and "order_id" in view:
        seen = merge(read_token(content["token"]), {content["partition"]: int(position[1])})
        content |= {"token": write_token(seen), "status": view["status"]}
        headers["Consistency-Token"], headers["ETag"] = content["token"], told["ETag"]
    return web.Response(body=orjson.dumps(content), status=answer.status, headers=headers)
