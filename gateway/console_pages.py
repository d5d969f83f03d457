"""The operations console as the browser gets it: its files from `gateway/console`, and one page for all else.

Whatever is no file is answered with the page, which looks at its own address: so each address of the console can be
reloaded, kept and sent to others.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from common.access.policies import KNOWN_IF_TOLD
from common.access.routes import add_route
from common.errors import NotFound

FOLDER = Path(__file__).parent / "console"
PAGE = "index.html"
SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
"""What is served; where this is silent (licences), a file is text."""
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    content_type: str
    tag: str


def add_console(app: web.Application) -> None:
    files = read_files(FOLDER)

    async def show(http: web.Request) -> web.Response:
        return _answer(http, _wanted(files, http.match_info["path"]))

    async def enter(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/console/"})

    add_route(app, "GET", "/", enter, KNOWN_IF_TOLD)
    add_route(app, "GET", "/console", enter, KNOWN_IF_TOLD)
    add_route(app, "GET", "/console/{path:.*}", show, KNOWN_IF_TOLD)


def read_files(folder: Path) -> dict[str, File]:
    """By path below the folder; some 300 KB."""
    return {path.relative_to(folder).as_posix(): _read(path) for path in folder.rglob("*") if path.is_file()}


def _read(path: Path) -> File:
    body = path.read_bytes()
    content_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    return File(body, content_type, hashlib.blake2b(body, digest_size=12).hexdigest())


def _wanted(files: Mapping[str, File], path: str) -> File:
    """A name with a dot is a file's, and such a file is there or not."""
    if path in files:
        return files[path]
    if "." in path.rpartition("/")[2]:
        raise NotFound("no_such_path", "Nothing is served under this path.")
    return files[PAGE]


def _answer(http: web.Request, file: File) -> web.Response:
    headers = {**_HEADERS, "ETag": f'"{file.tag}"'}
    if any(known.value in (file.tag, "*") for known in http.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    charset = "utf-8" if file.content_type.startswith("text/") else None
    return web.Response(body=file.body, content_type=file.content_type, charset=charset, headers=headers)
