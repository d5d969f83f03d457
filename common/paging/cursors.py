"""Cursors as clients see them: sealed, and good only for the list that gave them."""

import base64
import hashlib
import hmac
from typing import Any

from aiohttp import web

from common.config import PUBLIC_MESSAGE_KEY, Settings
from common.errors import LeveretError
from common.paging import invalid_cursor

PREFIX = "/cqrs"  # under which clients reach what is served here
MOST_LINK_CHARACTERS = 4000  # a longer header is refused by many clients
_SEAL_BYTES = 9
_NAME = "cursor"


def sealing_key(settings: Settings) -> str:
    return settings.cursor_key or settings.message_key


def require_secret_key(settings: Settings) -> None:
    """LeveretError where everybody could seal."""
    if settings.auth == "on" and sealing_key(settings) == PUBLIC_MESSAGE_KEY:
        raise LeveretError(
            "public_cursor_key",
            "AUTH is on and cursors would be sealed with a public key: set CURSOR_KEY to a secret one.",
        )


class Cursors:
    """Seals are made with a key drawn from this one, which all processes of one service have."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.blake2b(key.encode(), digest_size=32, person=b"cursor").digest()

    def opened(self, http: web.Request) -> web.Request:
        """The request with what stands in its cursor; BadRequest where this list has not given it."""
        given = http.query.get(_NAME)
        if given is None:
            return http
        plain, _, seal = given.rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(http.path, plain).encode()):
            raise invalid_cursor()
        return http.clone(rel_url=http.rel_url.update_query({_NAME: plain}))

    def sealed(self, http: web.Request, content: Any) -> tuple[Any, dict[str, str]]:
        """The content with its next cursor sealed, and the Link (RFC 8288) that leads there."""
        plain = content.get("next_cursor") if isinstance(content, dict) else None
        if plain is None:
            return content, {}
        sealed = f"{plain}.{self._seal(http.path, plain)}"
        following = http.rel_url.update_query({_NAME: sealed}).raw_path_qs
        link = {"Link": f'<{PREFIX}{following}>; rel="next"'} if len(following) <= MOST_LINK_CHARACTERS else {}
        return content | {"next_cursor": sealed}, link

    def _seal(self, path: str, plain: str) -> str:
        """Keyed BLAKE2b over both, told apart by the length of the first."""
        said = f"{len(path)}\n{path}\n{plain}".encode()
        made = hashlib.blake2b(said, key=self._key, digest_size=_SEAL_BYTES).digest()
        return base64.urlsafe_b64encode(made).decode()
